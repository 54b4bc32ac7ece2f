"""A pretrained trunk with new heads, all of it trained.

The heads are fitted to the frozen features first, and then everything is trained (Kumar et al.
2022, "Fine-tuning can distort pretrained features and underperform out-of-distribution"): training
starts where a linear model on the features ends, and does not distort them on the way there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from copy import deepcopy
from typing import Self

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from featurex.backbones import Backbone
from featurex.networks.base import FaceNetwork

# Logistic regression, regularised as scikit-learn's with C=0.01: few photos must not make large
# weights, through which the first steps of training would shake the trunk.
HEAD_STEPS, HEAD_C = 50, 0.01
# What `cross_entropy` passes over.
_MISSING = -100


class FineTunedNetwork(FaceNetwork):
    """A trunk, a fixed standardisation of its features, and one linear layer a head.

    Parameters
    ----------
    trunk : torch.nn.Module
        Maps chips ``(n, 3, h, w)``, 0 to 255, to ``(n, n_features)``.
    n_features : int
        Length of the trunk's features.
    heads : mapping of str to int
        Number of outputs of each head.
    """

    mean: Tensor
    scale: Tensor

    def __init__(self, trunk: nn.Module, n_features: int, heads: Mapping[str, int]) -> None:
        super().__init__(heads)
        self.trunk = trunk
        self.register_buffer("mean", torch.zeros(n_features))
        self.register_buffer("scale", torch.ones(n_features))
        self.outputs = nn.ModuleDict({name: nn.Linear(n_features, n) for name, n in heads.items()})

    @classmethod
    def make(cls, backbone: Backbone | None, heads: Mapping[str, int]) -> Self:
        """Make it on a backbone's pretrained weights."""
        trunk, size = _needed(backbone).build().eval(), _needed(backbone).chip_size
        with torch.inference_mode():
            n_features = trunk(torch.zeros(1, 3, size, size)).shape[1]
        return cls(trunk, n_features, heads)

    @classmethod
    def make_untrained(cls, backbone: Backbone | None, heads: Mapping[str, int]) -> Self:
        """Make it without reading the backbone's weights."""
        trunk, size = _needed(backbone).untrained(), _needed(backbone).chip_size
        shapes = deepcopy(trunk).to("meta").eval()
        n_features = shapes(torch.zeros(1, 3, size, size, device="meta")).shape[1]
        return cls(trunk, n_features, heads)

    def pretrained_parameters(self) -> list[nn.Parameter]:
        """Return the trunk's."""
        return list(self.trunk.parameters())

    def logits(self, images: Tensor) -> dict[str, Tensor]:
        """Map images ``(n, 3, h, w)`` to logits of every head."""
        features = self._standardised(self.trunk(images))
        return {name: output(features) for name, output in self.outputs.items()}

    def prepare(self, batches: Iterable[Tensor], targets: Mapping[str, Tensor]) -> None:
        """Fit the standardisation and the heads to the frozen features."""
        features = torch.cat([self.trunk(chips.permute(0, 3, 1, 2).float()) for chips in batches])
        # The stages of a pyramid differ in scale by orders of magnitude.
        self.mean.copy_(features.mean(0))
        self.scale.copy_(1 / features.std(0, correction=0).clamp_min(1e-6))
        inputs = self._standardised(features)
        for name, output in self.outputs.items():
            assert isinstance(output, nn.Linear)
            fit_linear(output, inputs, targets[name])

    def _standardised(self, features: Tensor) -> Tensor:
        return (features - self.mean) * self.scale


def fit_linear(layer: nn.Linear, inputs: Tensor, targets: Tensor) -> None:
    """Fit a linear layer as a regularised logistic regression.

    Parameters
    ----------
    layer : Linear
    inputs : Tensor of shape (n, n_features)
        Standardised.
    targets : Tensor of shape (n,) int64, or (n, n_outputs) float
        Classes (-100 is missing), or distributions over the outputs (all zero is missing).
    """
    known = targets.sum(1) > 0 if targets.ndim == 2 else targets != _MISSING
    inputs, targets = inputs[known].detach(), targets[known]
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    optimizer = torch.optim.LBFGS(
        layer.parameters(), max_iter=HEAD_STEPS, line_search_fn="strong_wolfe"
    )

    def loss() -> Tensor:
        optimizer.zero_grad()
        penalty = layer.weight.square().sum() / (2 * HEAD_C * len(inputs))
        value = F.cross_entropy(layer(inputs), targets) + penalty
        value.backward()
        return value

    with torch.enable_grad():
        optimizer.step(loss)
    layer.zero_grad()


def _needed(backbone: Backbone | None) -> Backbone:
    if backbone is None:
        raise ValueError("A fine-tuned network needs a backbone.")
    return backbone
