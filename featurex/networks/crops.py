"""Networks that see crops: at random in training, the centre or ten of them otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Self

import torch
from torch import Tensor
from torch.nn import functional as F

from featurex.backbones import Backbone
from featurex.networks.base import FaceNetwork


class CroppedNetwork(FaceNetwork):
    """A network from random weights that takes square crops of chips scaled to one size.

    A subclass maps crops ``(n, 3, crop, crop)`` to `logits`.

    Attributes
    ----------
    size, crop : int
        Side of the scaled chips and of the crops, in pixels.
    oversample : bool
        Whether an evaluation averages ten crops instead of taking the centre.
    """

    size: ClassVar[int] = 256
    crop: ClassVar[int] = 227
    oversample: bool = False

    @classmethod
    def make(cls, backbone: Backbone | None, heads: Mapping[str, int]) -> Self:
        """Make it with random weights.

        Raises
        ------
        ValueError
            There is a backbone.
        """
        if backbone is not None:
            raise ValueError(
                f"{cls.__name__} starts from random weights: it takes no backbone. Got {backbone}."
            )
        return cls(heads)

    @classmethod
    def make_untrained(cls, backbone: Backbone | None, heads: Mapping[str, int]) -> Self:
        """Make it with weights that are to be replaced."""
        return cls.make(backbone, heads)

    def views(self, images: Tensor) -> list[Tensor]:
        """Return the crops ``(n, 3, crop, crop)`` of images ``(n, 3, h, w)`` to be averaged."""
        scaled = resize(images, self.size)
        return ten_crops(scaled, self.crop) if self.oversample else [centre_crop(scaled, self.crop)]

    def training_view(self, images: Tensor) -> Tensor:
        """Return a crop ``(n, 3, crop, crop)`` at random of each image ``(n, 3, h, w)``."""
        return random_crops(resize(images, self.size), self.crop)


def resize(images: Tensor, size: int) -> Tensor:
    """Scale images ``(n, 3, h, w)`` to squares ``(n, 3, size, size)``, bilinearly and antialiased.

    Images of that size stay as they are.
    """
    if images.shape[2:] == (size, size):
        return images
    # Larger images have no aliases: the same numbers without the slower function.
    shrinks = max(images.shape[2:]) > size
    return F.interpolate(images, (size, size), mode="bilinear", antialias=shrinks)


def random_crops(images: Tensor, size: int) -> Tensor:
    """Cut a square out of every image, each at a place of its own.

    Parameters
    ----------
    images : Tensor of shape (n, 3, h, w)
    size : int
        At most h and w.

    Returns
    -------
    Tensor of shape (n, 3, size, size)
        A channels_last copy.
    """
    n, _, height, width = images.shape
    tops = torch.randint(0, height - size + 1, (n,)).tolist()
    lefts = torch.randint(0, width - size + 1, (n,)).tolist()
    crops = [
        image[top : top + size, left : left + size]
        for image, top, left in zip(images.permute(0, 2, 3, 1), tops, lefts, strict=True)
    ]
    return torch.stack(crops).permute(0, 3, 1, 2)


def centre_crop(images: Tensor, size: int) -> Tensor:
    """Cut the middle out of images ``(n, 3, h, w)``: ``(n, 3, size, size)``."""
    top, left = (images.shape[2] - size) // 2, (images.shape[3] - size) // 2
    return images[:, :, top : top + size, left : left + size]


def ten_crops(images: Tensor, size: int) -> list[Tensor]:
    """Return the centre, the four corners, and the mirror images of these five.

    Parameters
    ----------
    images : Tensor of shape (n, 3, h, w)
    size : int

    Returns
    -------
    list of ten Tensors of shape (n, 3, size, size)
    """
    crops = [
        centre_crop(images, size),
        images[:, :, :size, :size],
        images[:, :, :size, -size:],
        images[:, :, -size:, :size],
        images[:, :, -size:, -size:],
    ]
    return crops + [crop.flip(3) for crop in crops]
