"""A pretrained trunk with a new head, all of it trained.

The plain transfer of Yosinski et al. 2014 ("How transferable are features in deep neural
networks?"), with a smaller rate for the pretrained layers.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

MAX_SHIFT = 6  # pixels


class FineTunedNetwork(nn.Module):
    """A trunk, a normalisation of its features, and one linear layer.

    In training mode it mirrors and shifts its chips at random; in evaluation mode it averages a
    chip's outputs with its mirror image's.

    Parameters
    ----------
    trunk : torch.nn.Module
        Maps chips ``(n, 3, h, w)``, 0 to 255, to ``(n, n_features)``.
    n_features, n_outputs : int
        Length of the trunk's features; number of outputs.
    """

    def __init__(self, trunk: nn.Module, n_features: int, n_outputs: int) -> None:
        super().__init__()
        self.trunk = trunk
        # The stages of a pyramid differ in scale by orders of magnitude.
        self.norm = nn.BatchNorm1d(n_features)
        self.head = nn.Linear(n_features, n_outputs)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def forward(self, chips: Tensor) -> Tensor:
        """Map chips ``(n, h, w, 3)`` uint8 to logits ``(n, n_outputs)``."""
        images = chips.permute(0, 3, 1, 2).float()
        if self.training:
            return self._logits(augment(images))
        return (self._logits(images) + self._logits(images.flip(3))) / 2

    def _logits(self, images: Tensor) -> Tensor:
        return self.head(self.norm(self.trunk(images)))


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
