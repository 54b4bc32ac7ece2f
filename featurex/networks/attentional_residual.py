"""An attentional and a residual network, averaged, as Abdolrashidi et al. 2020.

Amirali Abdolrashidi, Mehdi Minaei, Elham Azimi and Shervin Minaee, "Age and gender prediction from
face images using attentional convolutional network", arXiv 2010.03791, 2020; its attention is that
of Fei Wang et al., "Residual attention network for image classification", CVPR, 2017.

Taken from the papers: two networks, a residual and an attentional one, whose outputs are averaged;
both learn the age together with the gender, and in each the predicted gender is appended to the
features from which the age is predicted. An attention module has a trunk of two residual units and
a mask: pooled twice, scaled up twice with shortcuts, two 1x1 convolutions and a sigmoid; its output
is ``(1 + mask) * trunk``. The mask can be looked at.

Left open or changed: where the gender is asked for it is learnt alone, by networks of its own. The
two networks share the first stages of one pretrained trunk, and the attention module works on the
map of an inner stage (with `dlib-resnet` that of its third, 128x8x8; with torchvision's ResNets
that of the third, 14x14), so that the pair costs little more than the trunk alone (122,241
parameters and 2 % of the multiply-adds more with `dlib-resnet`). There is one mask
for all channels, so that it is one picture, and the mean over space is divided by the mean of
``1 + mask``: otherwise the mask opens everywhere, to enlarge the features, and shows nothing.
Residual units are bottlenecks of a quarter of the channels, without batch normalisation, which few
and small batches make noisy; the last layers of unit and mask start near zero, so that the module
starts as the mean of its input, brought to one scale; it has the rate of networks from random
weights. Both networks are trained by the loss of their average, which is that of their logits:
under the mean of the probabilities, a network that is surely wrong is no longer corrected, and two
were seen to end as opposite constants. The gender is appended as probabilities, through which the
age's loss is propagated. Where there is no label of gender, the age does without.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import ClassVar, Self

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from featurex.backbones import Backbone
from featurex.networks.inner_map import InnerMap, find_inner_map, run_with_map
from featurex.networks.linear_heads import LinearHeads
from featurex.networks.trunk import OnTrunk, as_images, without_numbers

GENDER, AGES = "gender", ("age-group", "age")
# Of the last layers of units and masks: near zero, and yet gradients reach what is before them.
START_STD = 1e-3


class AttentionalResidualNetwork(OnTrunk):
    """The average of a pretrained residual network and of an attentional one on its inner map.

    Parameters
    ----------
    trunk : torch.nn.Module
        Maps chips ``(n, 3, h, w)``, 0 to 255, to ``(n, n_features)``.
    inner : InnerMap
        The layer of the trunk at which the attention module begins.
    n_features : int
        Length of the trunk's features.
    heads : mapping of str to int
        Number of outputs of each head.
    """

    side_heads: ClassVar[tuple[str, ...]] = (GENDER,)

    def __init__(
        self, trunk: nn.Module, inner: InnerMap, n_features: int, heads: Mapping[str, int]
    ) -> None:
        super().__init__(trunk, heads)
        self.inner = inner
        self.attention_module = AttentionModule(inner.channels)
        self.residual = GenderedHeads(n_features, heads)
        self.attentional = GenderedHeads(inner.channels, heads)

    @classmethod
    def on(cls, backbone: Backbone, trunk: nn.Module, heads: Mapping[str, int]) -> Self:
        """Make it on the trunk of a backbone."""
        shapes, images = without_numbers(trunk, backbone.chip_size)
        inner = find_inner_map(shapes, images, str(backbone))
        return cls(trunk, inner, shapes(images).shape[1], heads)

    def scratch_parameters(self) -> list[nn.Parameter]:
        """Return the attention module's."""
        return list(self.attention_module.parameters())

    def logits(self, images: Tensor) -> dict[str, Tensor]:
        """Map images ``(n, 3, h, w)`` to the averaged logits of both networks."""
        residual, attentional = self._features(images)
        ours, theirs = self.residual(residual), self.attentional(attentional)
        return {name: (ours[name] + theirs[name]) / 2 for name in self.heads}

    def attention(self, chips: Tensor) -> Tensor:
        """Return where the attentional network looks.

        Parameters
        ----------
        chips : Tensor of shape (n, h, w, 3), uint8

        Returns
        -------
        Tensor of shape (n, side, side), float
            The mask, divided by its sum: each map sums to 1.
        """
        inner, _ = run_with_map(self.trunk, self.inner.path, as_images(chips))
        maps = self.attention_module.mask(inner).float()[:, 0]
        return maps / maps.sum((1, 2), keepdim=True)

    def prepare(self, batches: Iterable[Tensor], targets: Mapping[str, Tensor]) -> None:
        """Fit the heads of both networks to the features as they are."""
        pairs = [self._features(as_images(chips)) for chips in batches]
        self.residual.fit(torch.cat([residual for residual, _ in pairs]), targets)
        self.attentional.fit(torch.cat([attentional for _, attentional in pairs]), targets)

    def _features(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return the features of the residual network, and those of the attentional one."""
        inner, features = run_with_map(self.trunk, self.inner.path, images)
        return features, self.attention_module(inner)


class GenderedHeads(nn.Module):
    """Linear heads, those of the age with the probabilities of the gender among their features.

    Parameters
    ----------
    n_features : int
    heads : mapping of str to int
        Number of outputs of each head; without "gender", nothing is appended.
    """

    def __init__(self, n_features: int, heads: Mapping[str, int]) -> None:
        super().__init__()
        ages = {name: n for name, n in heads.items() if name in AGES}
        others = {name: n for name, n in heads.items() if name not in AGES}
        self.others = LinearHeads(n_features, others)
        self.ages = LinearHeads(n_features + others.get(GENDER, 0), ages)

    def forward(self, features: Tensor) -> dict[str, Tensor]:
        """Map features ``(n, n_features)`` to logits of every head."""
        logits = self.others(features)
        return logits | self.ages(_with_gender(features, logits))

    def fit(self, features: Tensor, targets: Mapping[str, Tensor]) -> None:
        """Fit the gender's head, and then those of the age, as `LinearHeads.fit`."""
        self.others.fit(features, targets)
        self.ages.fit(_with_gender(features, self.others(features)), targets)


class AttentionModule(nn.Module):
    """A residual attention module: residual units, averaged with a mask of their input.

    Parameters
    ----------
    channels : int
        Of the input, and of the output.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.units = nn.Sequential(ResidualUnit(channels), ResidualUnit(channels))
        self.down = nn.ModuleList([ResidualUnit(channels) for _ in range(2)])
        self.shortcut = ResidualUnit(channels)
        self.up = ResidualUnit(channels)
        self.weights = nn.Sequential(
            nn.ReLU(),
            nn.Conv2d(channels, channels, 1),
            nn.ReLU(inplace=True),
            nn.Conv2d(channels, 1, 1),
        )
        _start_near_zero(self.weights[-1])

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(n, channels, h, w)`` to the weighted means over space, ``(n, channels)``."""
        weights = 1 + self.mask(x).float()
        units = self.units(_standardised(x)).float()
        return (weights * units).sum((2, 3)) / weights.sum((2, 3))

    def mask(self, x: Tensor) -> Tensor:
        """Return the mask of a map ``(n, channels, h, w)``: ``(n, 1, h, w)``, between 0 and 1."""
        x = _standardised(x)
        half = self.down[0](F.max_pool2d(x, 3, 2, 1))
        quarter = self.down[1](F.max_pool2d(half, 3, 2, 1))
        half = self.up(self.shortcut(half) + _scaled(quarter, half))
        return self.weights(x + _scaled(half, x)).sigmoid()


class ResidualUnit(nn.Module):
    """A bottleneck of three convolutions, each after a ReLU, beside the identity."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        inner = max(channels // 4, 8)  # where there are fewer, ReLUs may shut all of them
        self.layers = nn.Sequential(
            nn.ReLU(),
            nn.Conv2d(channels, inner, 1),
            nn.ReLU(inplace=True),
            nn.Conv2d(inner, inner, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(inner, channels, 1),
        )
        _start_near_zero(self.layers[-1])

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(n, channels, h, w)`` to the same shape."""
        return x + self.layers(x)


def _with_gender(features: Tensor, logits: Mapping[str, Tensor]) -> Tensor:
    if GENDER not in logits:
        return features
    return torch.cat([features, logits[GENDER].float().softmax(1)], 1)


def _standardised(x: Tensor) -> Tensor:
    """Bring each image's map to one scale: small activations would leave the mask where it began.

    Not by `torch.nn.GroupNorm`, whose backward pass crashes torch 2.13 where the trunk is frozen.
    """
    places = (1, 2, 3)
    centred = x - x.mean(places, keepdim=True)
    return centred * (centred.square().mean(places, keepdim=True) + 1e-5).rsqrt()


def _scaled(x: Tensor, like: Tensor) -> Tensor:
    return F.interpolate(x, like.shape[2:], mode="bilinear", align_corners=False)


def _start_near_zero(module: nn.Module) -> None:
    assert isinstance(module, nn.Conv2d)
    assert module.bias is not None
    nn.init.normal_(module.weight, std=START_STD)
    nn.init.zeros_(module.bias)
