"""The wide network on an image and its Gabor responses of Hosseini et al. 2018.

Sepidehsadat Hosseini, Seok Hee Lee, Hyuk Jin Kwon, Hyung Il Koo and Nam Ik Cho, "Age and gender
classification using wide convolutional neural network and Gabor filter", IWAIT 2018.

Taken from the paper: the bank of 12 filters, which are the real part of Gabor's function with a
wavelength of 2 pixels, orientations of 0, 30, ..., 150 degrees, phases 0 and pi, aspect ratio 0.3
and a standard deviation of 2 pixels; their responses go into the network, which learns how much
each counts; 227 pixels; a network that is wider than that of Levi and Hassner.

Left open, and chosen here: the filters are cut at 11x11 pixels, divided by the sum of their
absolute values, and run over the grey levels. A response is rectified, as in a picture of 8 bits:
otherwise a filter of phase pi, which is the negative of that of phase 0, would add nothing. Each
response is standardised over the batch with a weight that is learnt (batch normalisation), since
the shortest wavelength has little of a face's contrast. Image and responses are 15 channels of one
input (Hosseini, Lee and Cho 2018, "Feeding hand-crafted features for enhancing the performance of
convolutional neural networks", also tries a weighted sum). Crops, layers and initial weights are
those of `featurex.networks.levi_hassner`, one and a half times as wide: 144, 384 and 576 filters
and fully connected layers of 768, 25,753,568 parameters with eight outputs, 1.9 billion
multiply-adds a crop.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from featurex.networks.crops import CroppedNetwork
from featurex.networks.shallow import ShallowNetwork

WAVELENGTH, STD, ASPECT = 2.0, 2.0, 0.3  # pixels, pixels, ratio
ORIENTATIONS = tuple(n * math.pi / 6 for n in range(6))
PHASES = (0.0, math.pi)
KERNEL = 11  # pixels
LUMA = (0.299, 0.587, 0.114)  # grey of RGB, ITU-R BT.601
GREY = 127.5
# Standard deviation of a face's grey levels, about: responses get the image's scale.
CONTRAST = 64.0


class WideGaborNetwork(CroppedNetwork):
    """A wide shallow network on crops and their Gabor responses, from random weights.

    Parameters
    ----------
    heads : mapping of str to int
        Number of outputs of each head.
    """

    filters: ClassVar[tuple[int, int, int]] = (144, 384, 576)
    hidden: ClassVar[int] = 768
    bank: Tensor
    luma: Tensor

    def __init__(self, heads: Mapping[str, int]) -> None:
        super().__init__(heads)
        bank = gabor_bank()
        # The other phase has the negative responses.
        self.register_buffer("bank", bank[: len(ORIENTATIONS), None], persistent=False)
        self.register_buffer("luma", torch.tensor(LUMA).view(1, 3, 1, 1), persistent=False)
        self.weighting = nn.BatchNorm2d(len(bank))
        self.body = ShallowNetwork(3 + len(bank), self.crop, self.filters, self.hidden, heads)

    def responses(self, crops: Tensor) -> Tensor:
        """Map crops ``(n, 3, h, w)`` to the rectified responses of the bank, ``(n, 12, h, w)``."""
        return torch.cat(self._halves(crops), 1)

    def logits(self, images: Tensor) -> dict[str, Tensor]:
        """Map crops ``(n, 3, 227, 227)`` to logits of every head."""
        halves = self._halves(images)
        scale, offset = self._standardisation(halves)
        kept = scale.new_ones(3)
        weighting = torch.cat([kept, scale]), torch.cat([kept - 1, offset])
        return self.body(torch.cat([images - GREY, *halves], 1), weighting)

    def _halves(self, crops: Tensor) -> tuple[Tensor, Tensor]:
        """Return the responses of phase 0, and those of phase pi."""
        grey = ((crops - GREY) * self.luma).sum(1, keepdim=True)
        waves = F.conv2d(grey, self.bank, padding=KERNEL // 2)
        return F.relu(waves), F.relu(-waves)

    def _standardisation(self, halves: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        """Return what batch normalisation multiplies each response by, and what it adds then.

        The first convolution takes them in: normalised, the responses would be a copy of the
        largest tensor, and its gradient the dearest of all.
        """
        norm = self.weighting
        mean, var = self._measured(halves) if norm.training else self._running()
        scale = norm.weight * (var + norm.eps).rsqrt()
        return scale * CONTRAST, (norm.bias - mean * scale) * CONTRAST

    def _measured(self, halves: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        """Return mean and variance of a batch, and take them into the running ones."""
        norm = self.weighting
        assert norm.momentum is not None
        assert norm.num_batches_tracked is not None
        # In bfloat16 a variance would be off by more than a batch's differs from the next one's.
        exact = [half.to(norm.weight.dtype) for half in halves]
        parts = [torch.var_mean(half, (0, 2, 3), correction=0) for half in exact]
        var, mean = (torch.cat(kind) for kind in zip(*parts, strict=True))
        n = halves[0].numel() // halves[0].shape[1]
        with torch.no_grad():
            norm.num_batches_tracked += 1
            for running, new in zip(self._running(), (mean, var * n / (n - 1)), strict=True):
                running.lerp_(new, norm.momentum)
        return mean, var

    def _running(self) -> tuple[Tensor, Tensor]:
        mean, var = self.weighting.running_mean, self.weighting.running_var
        assert mean is not None
        assert var is not None
        return mean, var


def gabor_bank() -> Tensor:
    """Return the 12 filters, ``(12, 11, 11)``: six orientations of phase 0, then six of phase pi.

    A filter is ``exp(-(u^2 + (0.3 v)^2) / (2 * 2^2)) cos(pi u + phase)`` with ``u = x cos t + y sin
    t`` and ``v = y cos t - x sin t``, divided by the sum of its absolute values.
    """
    half = KERNEL // 2
    axis = torch.arange(-half, half + 1, dtype=torch.float64)
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    filters = []
    for phase in PHASES:
        for angle in ORIENTATIONS:
            u = x * math.cos(angle) + y * math.sin(angle)
            v = y * math.cos(angle) - x * math.sin(angle)
            envelope = torch.exp(-(u**2 + (ASPECT * v) ** 2) / (2 * STD**2))
            kernel = envelope * torch.cos(2 * math.pi * u / WAVELENGTH + phase)
            filters.append(kernel / kernel.abs().sum())
    return torch.stack(filters).float()
