"""What networks on a pretrained trunk share, and the plain one: linear heads on its features."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Mapping
from copy import deepcopy
from typing import ClassVar, Self

import torch
from torch import Tensor, nn

from featurex.backbones import Backbone
from featurex.networks.base import FaceNetwork
from featurex.networks.linear_heads import LinearHeads


class OnTrunk(FaceNetwork):
    """A network that is built on a pretrained trunk.

    A subclass says what it puts on the trunk.

    Parameters
    ----------
    trunk : torch.nn.Module
        Maps chips ``(n, 3, h, w)``, 0 to 255, to ``(n, n_features)``.
    heads : mapping of str to int
        Number of outputs of each head.
    """

    def __init__(self, trunk: nn.Module, heads: Mapping[str, int]) -> None:
        super().__init__(heads)
        self.trunk = trunk

    @classmethod
    def make(cls, backbone: Backbone | None, heads: Mapping[str, int]) -> Self:
        """Make it on a backbone's pretrained weights."""
        backbone = cls._needed(backbone)
        return cls.on(backbone, backbone.build().eval(), heads)

    @classmethod
    def make_untrained(cls, backbone: Backbone | None, heads: Mapping[str, int]) -> Self:
        """Make it without reading the backbone's weights."""
        backbone = cls._needed(backbone)
        return cls.on(backbone, backbone.untrained().eval(), heads)

    @classmethod
    @abstractmethod
    def on(cls, backbone: Backbone, trunk: nn.Module, heads: Mapping[str, int]) -> Self:
        """Make it on the trunk of a backbone."""

    def pretrained_parameters(self) -> list[nn.Parameter]:
        """Return the trunk's."""
        return list(self.trunk.parameters())

    @classmethod
    def _needed(cls, backbone: Backbone | None) -> Backbone:
        if backbone is None:
            raise ValueError(f"{cls.__name__} is built on a pretrained trunk: give it a backbone.")
        return backbone.for_training


class TrunkNetwork(OnTrunk):
    """A trunk, and one linear layer a head on its standardised features.

    Parameters
    ----------
    trunk : torch.nn.Module
        Maps chips ``(n, 3, h, w)``, 0 to 255, to ``(n, n_features)``.
    n_features : int
        Length of the trunk's features.
    heads : mapping of str to int
        Number of outputs of each head.

    Attributes
    ----------
    dropout : float
        Share of the features that training sets to zero.
    """

    dropout: ClassVar[float] = 0.0

    def __init__(self, trunk: nn.Module, n_features: int, heads: Mapping[str, int]) -> None:
        super().__init__(trunk, heads)
        self.linear = LinearHeads(n_features, heads, self.dropout)

    @classmethod
    def on(cls, backbone: Backbone, trunk: nn.Module, heads: Mapping[str, int]) -> Self:
        """Make it on the trunk of a backbone."""
        shapes, images = without_numbers(trunk, backbone.chip_size)
        return cls(trunk, shapes(images).shape[1], heads)

    def logits(self, images: Tensor) -> dict[str, Tensor]:
        """Map images ``(n, 3, h, w)`` to logits of every head."""
        return self.linear(self.trunk(images))

    def prepare(self, batches: Iterable[Tensor], targets: Mapping[str, Tensor]) -> None:
        """Fit the standardisation and the heads to the frozen features."""
        features = [self.trunk(as_images(chips)) for chips in batches]
        self.linear.fit(torch.cat(features), targets)


def as_images(chips: Tensor) -> Tensor:
    """Turn chips ``(n, h, w, 3)`` uint8 into images ``(n, 3, h, w)`` float, 0 to 255."""
    return chips.permute(0, 3, 1, 2).float()


def without_numbers(trunk: nn.Module, size: int) -> tuple[nn.Module, Tensor]:
    """Copy a trunk and make an image for it, both of shapes only: a forward pass costs nothing.

    Returns
    -------
    trunk : torch.nn.Module
        On torch's meta device, in evaluation mode.
    images : Tensor of shape (1, 3, size, size)
        On the meta device.
    """
    return deepcopy(trunk).to("meta").eval(), torch.zeros(1, 3, size, size, device="meta")
