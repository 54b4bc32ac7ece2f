"""Random changes of training images, on the device that trains, each image its own.

Mirroring and shifting a batch are two operations on all of it. Turning, zooming, colours and
erasing are torchvision's v2 transforms, which draw once a call: so they are called for each image.
All draws are torch's own, from the seed that the trainer sets at the start of an epoch.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from featurex.machine.devices import sent
from featurex.training.settings import TrainingSettings


class Augmentation:
    """Changes images at random, as strongly as the settings say.

    Parameters
    ----------
    settings : TrainingSettings
        `mirror`, `shift`, `rotation`, `zoom`, `colour` and `erasing`.
    """

    def __init__(self, settings: TrainingSettings) -> None:
        self.settings = settings
        self.transform = _transform(settings)

    def __call__(self, chips: Tensor) -> Tensor:
        """Change each chip.

        Parameters
        ----------
        chips : Tensor of shape (n, h, w, 3), uint8

        Returns
        -------
        Tensor of shape (n, 3, h, w), float32, channels_last
            0 to 255.
        """
        images = chips.permute(0, 3, 1, 2)
        if self.transform:
            images = torch.stack([self.transform(image) for image in images])
        images = shift(mirror(images, self.settings.mirror), self.settings.shift)
        return images.float().contiguous(memory_format=torch.channels_last)


def mirror(images: Tensor, probability: float) -> Tensor:
    """Mirror a share of the images."""
    chosen = torch.rand(len(images)) < probability
    return torch.where(sent(chosen, images.device).view(-1, 1, 1, 1), images.flip(3), images)


def shift(images: Tensor, share: float) -> Tensor:
    """Shift each image by up to a share of its height, repeating its edge."""
    height, width = images.shape[2:]
    most = round(share * height)
    if not most:
        return images
    padded = F.pad(images.float(), (most,) * 4, mode="replicate")
    offsets = torch.randint(0, 2 * most + 1, (len(images), 2)).tolist()
    moved = [
        image[:, y : y + height, x : x + width]
        for image, (y, x) in zip(padded, offsets, strict=True)
    ]
    return torch.stack(moved)


def _transform(settings: TrainingSettings) -> Callable[[Tensor], Tensor] | None:
    """Return torchvision's transforms of one uint8 image; None where none is asked for."""
    if not (settings.rotation or settings.zoom or settings.colour or settings.erasing):
        return None
    from featurex.backbones.torchvision_import import import_torchvision

    v2 = import_torchvision("torchvision.transforms.v2")
    chosen: list[Any] = []
    if settings.rotation or settings.zoom:
        chosen.append(_TurnAndZoom(v2, settings.rotation, settings.zoom))
    if settings.colour:
        chosen.append(v2.ColorJitter(settings.colour, settings.colour, settings.colour))
    if settings.erasing:
        chosen.append(v2.RandomErasing(settings.erasing, scale=(0.02, 0.2)))
    return v2.Compose(chosen)


class _TurnAndZoom:
    """Turns and zooms one image about its centre; what comes in at the edges repeats them."""

    def __init__(self, v2: Any, degrees: float, zoom: float) -> None:
        self.v2 = v2
        self.affine = v2.RandomAffine(
            degrees,
            scale=(1 - zoom, 1 + zoom) if zoom else None,
            interpolation=v2.InterpolationMode.BILINEAR,
        )

    def __call__(self, image: Tensor) -> Tensor:
        height, width = image.shape[1:]
        border = [width // 2, height // 2]
        wide = self.v2.functional.pad(image, border, padding_mode="edge")
        return self.v2.functional.center_crop(self.affine(wide), [height, width])
