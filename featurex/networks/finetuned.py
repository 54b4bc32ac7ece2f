"""A pretrained trunk with a new head, all of it trained.

The head is fitted to the frozen features first, and then everything is trained (Kumar et al. 2022,
"Fine-tuning can distort pretrained features and underperform out-of-distribution"): training
starts where a linear model on the features ends, and does not distort them on the way there.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

MAX_SHIFT = 6  # pixels
# Logistic regression, regularised as scikit-learn's with C=0.01: few photos must not make large
# weights, through which the first steps of training would shake the trunk.
HEAD_STEPS, HEAD_C = 50, 0.01


class FineTunedNetwork(nn.Module):
    """A trunk, a fixed standardisation of its features, and one linear layer.

    In training mode it mirrors and shifts its chips at random; in evaluation mode it averages a
    chip's outputs with its mirror image's.

    Parameters
    ----------
    trunk : torch.nn.Module
        Maps chips ``(n, 3, h, w)``, 0 to 255, to ``(n, n_features)``.
    n_features, n_outputs : int
        Length of the trunk's features; number of outputs.
    """

    mean: Tensor
    scale: Tensor

    def __init__(self, trunk: nn.Module, n_features: int, n_outputs: int) -> None:
        super().__init__()
        self.trunk = trunk
        self.register_buffer("mean", torch.zeros(n_features))
        self.register_buffer("scale", torch.ones(n_features))
        self.head = nn.Linear(n_features, n_outputs)

    def forward(self, chips: Tensor) -> Tensor:
        """Map chips ``(n, h, w, 3)`` uint8 to logits ``(n, n_outputs)``."""
        images = chips.permute(0, 3, 1, 2).float()
        if self.training:
            return self._logits(augment(images))
        return (self._logits(images) + self._logits(images.flip(3))) / 2

    def features(self, chips: Tensor) -> Tensor:
        """Map chips ``(n, h, w, 3)`` uint8 to the trunk's features ``(n, n_features)``."""
        return self.trunk(chips.permute(0, 3, 1, 2).float())

    def fit_head(self, features: Tensor, targets: Tensor) -> None:
        """Fit the standardisation and the linear layer to features, the trunk left as it is.

        Parameters
        ----------
        features : Tensor of shape (n, n_features)
        targets : Tensor of shape (n,) int64, or (n, n_outputs) float
            Classes, or distributions over the outputs.
        """
        # The stages of a pyramid differ in scale by orders of magnitude.
        self.mean.copy_(features.mean(0))
        self.scale.copy_(1 / features.std(0, correction=0).clamp_min(1e-6))
        inputs = (features - self.mean) * self.scale
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)
        optimizer = torch.optim.LBFGS(
            self.head.parameters(), max_iter=HEAD_STEPS, line_search_fn="strong_wolfe"
        )

        def loss() -> Tensor:
            optimizer.zero_grad()
            penalty = self.head.weight.square().sum() / (2 * HEAD_C * len(inputs))
            value = F.cross_entropy(self.head(inputs), targets) + penalty
            value.backward()
            return value

        optimizer.step(loss)

    def _logits(self, images: Tensor) -> Tensor:
        return self.head((self.trunk(images) - self.mean) * self.scale)


def augment(images: Tensor) -> Tensor:
    """Mirror half of the images and shift each by up to 6 pixels, repeating its edge.

    Parameters
    ----------
    images : Tensor of shape (n, 3, h, w)

    Returns
    -------
    Tensor of shape (n, 3, h, w)
        A channels_last copy.
    """
    n, _, height, width = images.shape
    mirrored = torch.rand(n, device=images.device) < 0.5
    images = torch.where(mirrored.view(n, 1, 1, 1), images.flip(3), images)
    padded = F.pad(images, (MAX_SHIFT,) * 4, mode="replicate")
    shifts = torch.randint(0, 2 * MAX_SHIFT + 1, (n, 2)).tolist()
    shifted = [
        image[:, y : y + height, x : x + width]
        for image, (y, x) in zip(padded, shifts, strict=True)
    ]
    return torch.stack(shifted).contiguous(memory_format=torch.channels_last)
