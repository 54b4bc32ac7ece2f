"""Three convolutions and two fully connected layers, as Levi and Hassner's network of 2015."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.func import functional_call
from torch.nn import functional as F

# Of zero mean: the paper's initial weights, made for pixels on the scale of 0 to 255.
INITIAL_STD = 0.01
# Of the response normalisation; its exponent of 0.75 is written as square roots below.
NEIGHBOURS, ALPHA, BETA = 5, 1e-4, 0.75


class ShallowNetwork(nn.Module):
    """Convolutions of 7x7 (stride 4), 5x5 and 3x3 pixels, two fully connected layers, and heads.

    Each convolution is followed by a ReLU and a 3x3 max-pooling with stride 2, the first two also
    by a local response normalisation; each fully connected layer by a ReLU and dropout of a half.
    The maximum is taken before the ReLU: the same numbers and gradients for a quarter of the work.

    Parameters
    ----------
    channels, size : int
        Channels of the input, and its side in pixels.
    filters : tuple of three int
    hidden : int
        Width of the fully connected layers.
    heads : mapping of str to int
        Number of outputs of each head.
    """

    def __init__(
        self,
        channels: int,
        size: int,
        filters: tuple[int, int, int],
        hidden: int,
        heads: Mapping[str, int],
    ) -> None:
        super().__init__()
        first, second, third = filters
        self.convolutions = nn.Sequential(
            *(nn.Conv2d(channels, first, 7, 4), _pooling(), nn.ReLU(inplace=True)),
            ResponseNormalization(first),
            *(nn.Conv2d(first, second, 5, padding=2), _pooling(), nn.ReLU(inplace=True)),
            ResponseNormalization(second),
            *(nn.Conv2d(second, third, 3, padding=1), _pooling(), nn.ReLU(inplace=True)),
        )
        self.fully_connected = nn.Sequential(
            *(nn.Linear(third * _side(size) ** 2, hidden), nn.ReLU(inplace=True), nn.Dropout(0.5)),
            *(nn.Linear(hidden, hidden), nn.ReLU(inplace=True), nn.Dropout(0.5)),
        )
        self.outputs = nn.ModuleDict({name: nn.Linear(hidden, n) for name, n in heads.items()})
        self.apply(_initialise)

    def forward(
        self, inputs: Tensor, weighting: tuple[Tensor, Tensor] | None = None
    ) -> dict[str, Tensor]:
        """Map inputs to logits of every head.

        Parameters
        ----------
        inputs : Tensor of shape (n, channels, size, size)
        weighting : pair of Tensors of shape (channels,), optional
            What each input channel is multiplied by, and what is added to it then. It is the first
            convolution, which has no padding, that takes them in: no pass over the inputs, and no
            gradient of them.
        """
        first, *others = self.convolutions
        maps = _convolve_weighted(first, inputs, *weighting) if weighting else first(inputs)
        for layer in others:
            maps = layer(maps)
        features = self.fully_connected(maps.flatten(1))
        return {name: output(features) for name, output in self.outputs.items()}


class ResponseNormalization(nn.Module):
    """Local response normalisation across channels (Krizhevsky et al. 2012, section 3.3).

    Gives the numbers of `torch.nn.LocalResponseNorm`, whose three-dimensional pooling is slow on a
    CPU: here the sum over the neighbouring channels is a 1x1 convolution.
    """

    band: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        index = torch.arange(channels)
        band = (index[:, None] - index).abs() <= NEIGHBOURS // 2
        self.register_buffer("band", band.float()[:, :, None, None], persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(n, channels, h, w)`` to the same shape."""
        normalised: Tensor = _Normalise.apply(x, self.band)
        return normalised


class _Normalise(torch.autograd.Function):
    """``x s^-0.75`` with ``s = 1 + alpha / 5 * sum of x^2 over the neighbours``, and its gradient.

    Written out, since powers and their derivatives cost more than the convolution between them.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, band: Tensor) -> Tensor:
        sums = F.conv2d(x.square(), band)
        sums = sums.to(torch.promote_types(sums.dtype, torch.float32))
        sums = sums.mul_(ALPHA / NEIGHBOURS).add_(1)
        scale = sums.rsqrt()
        scale *= scale.sqrt()
        ctx.save_for_backward(x, band, sums, scale)
        return x * scale

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        x, band, sums, scale = ctx.saved_tensors
        direct = gradient * scale
        # The band is symmetric: whom a channel divides are those that divide it.
        through_sums = F.conv2d((direct * x).div_(sums), band).mul_(x)
        return direct.add_(through_sums, alpha=-2 * BETA * ALPHA / NEIGHBOURS).to(x.dtype), None


def _convolve_weighted(layer: nn.Module, inputs: Tensor, scale: Tensor, offset: Tensor) -> Tensor:
    """Return the convolution of ``inputs * scale + offset``."""
    assert isinstance(layer, nn.Conv2d)
    assert layer.bias is not None
    weight = layer.weight * scale.view(1, -1, 1, 1)
    # No matrix product, which autocast would round.
    bias = layer.bias + (layer.weight.sum((2, 3)) * offset).sum(1)
    maps: Tensor = functional_call(layer, {"weight": weight, "bias": bias}, (inputs,))
    return maps


def _pooling() -> nn.Module:
    return nn.MaxPool2d(3, 2, ceil_mode=True)  # Caffe's, which the paper used, rounds up


def _side(size: int) -> int:
    """Return the side of the last map: after one convolution with a stride and three poolings."""
    side = (size - 7) // 4 + 1
    for _ in range(3):
        side = -(-(side - 3) // 2) + 1
    return side


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d | nn.Linear):
        nn.init.normal_(module.weight, std=INITIAL_STD)
        assert module.bias is not None
        nn.init.zeros_(module.bias)
