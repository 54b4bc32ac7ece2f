"""Linear layers on standardised features, which can be fitted before the trunk is trained.

The heads are fitted to the frozen features first, and then everything is trained (Kumar et al.
2022, "Fine-tuning can distort pretrained features and underperform out-of-distribution"): training
starts where a linear model on the features ends, and does not distort them on the way there.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

# Logistic regression, regularised as scikit-learn's with C=0.01: few photos must not make large
# weights, through which the first steps of training would shake the trunk.
HEAD_STEPS, HEAD_C = 50, 0.01
# What `cross_entropy` passes over.
_MISSING = -100


class LinearHeads(nn.Module):
    """A fixed standardisation of features, and one linear layer a head.

    Parameters
    ----------
    n_features : int
    heads : mapping of str to int
        Number of outputs of each head.
    dropout : float
        Share of the standardised features that training sets to zero.
    """

    mean: Tensor
    scale: Tensor

    def __init__(self, n_features: int, heads: Mapping[str, int], dropout: float = 0) -> None:
        super().__init__()
        self.dropout = dropout
        self.register_buffer("mean", torch.zeros(n_features))
        self.register_buffer("scale", torch.ones(n_features))
        self.outputs = nn.ModuleDict({name: nn.Linear(n_features, n) for name, n in heads.items()})

    def forward(self, features: Tensor) -> dict[str, Tensor]:
        """Map features ``(n, n_features)`` to logits of every head."""
        inputs = F.dropout(self._standardised(features), self.dropout, self.training)
        return {name: output(inputs) for name, output in self.outputs.items()}

    def fit(self, features: Tensor, targets: Mapping[str, Tensor]) -> None:
        """Fit the standardisation and the linear layers.

        Parameters
        ----------
        features : Tensor of shape (n, n_features)
        targets : mapping of str to Tensor
            As `featurex.networks.base.FaceNetwork.prepare` takes them.
        """
        # The stages of a pyramid differ in scale by orders of magnitude.
        self.mean.copy_(features.mean(0))
        std = features.std(0, correction=0)
        # A feature that never changes stays as it is: enlarged, it would explode as soon as the
        # training wakes it up.
        self.scale.copy_(torch.where(std > 1e-6, 1 / std, 1))
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
