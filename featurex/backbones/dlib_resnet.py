"""dlib's face ResNet in torch, read from dlib's own file.

29 convolutions (King 2017, "High quality face recognition with deep metric learning"; after He et
al. 2016 with half the filters), trained on faces, weights CC0. In torch it takes batches, runs on
a GPU, gives its inner layers and can be fine-tuned. The batch normalisations are folded into the
convolutions.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from featurex.backbones.dlib_dat import Affine, Convolution, FullyConnected, Layer, read_layers
from featurex.exceptions import BackboneError

MEAN = (122.782, 117.001, 104.298)  # RGB, dlib's input_rgb_image_sized
SCALE = 1 / 256
STEM_FILTERS = 32
# Filters of the residual blocks of each stage; all stages but the first halve the resolution.
STAGES = ((32, 32, 32), (64, 64, 64, 64), (128, 128, 128), (256, 256, 256), (256,))
N_EMBEDDING = 128


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions and a shortcut, as dlib's ``ares`` and ``ares_down``."""

    def __init__(self, n_in: int, n_out: int, stride: int) -> None:
        super().__init__()
        padding = 1 if stride == 1 else 0  # dlib pads no strided convolution
        self.conv1 = nn.Conv2d(n_in, n_out, 3, stride, padding)
        self.conv2 = nn.Conv2d(n_out, n_out, 3, 1, 1)
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(n, n_in, h, w)`` to ``(n, n_out, h', w')``."""
        residual = self.conv2(F.relu(self.conv1(x), inplace=True))
        shortcut = x if self.stride == 1 else F.avg_pool2d(x, 2)
        return F.relu(_padded_sum(residual, shortcut), inplace=True)


class DlibResNet(nn.Module):
    """dlib's face recognition network.

    Parameters
    ----------
    layer : {"embedding", "pyramid", "grid"}
        "embedding": dlib's 128-number descriptor; "pyramid": the global averages of the five
        stages, 736 numbers; "grid": their averages in each quarter of the image, for every filter
        from top left to bottom right, 2,944 numbers (a spatial pyramid's second level: Lazebnik,
        Schmid and Ponce 2006, "Beyond bags of features").
    """

    mean: Tensor

    def __init__(self, layer: str = "embedding") -> None:
        super().__init__()
        self.layer = layer
        self.stem = nn.Conv2d(3, STEM_FILTERS, 7, 2)
        self.stages = nn.ModuleList(_make_stages())
        if layer == "embedding":
            self.fc = nn.Linear(STAGES[-1][-1], N_EMBEDDING, bias=False)
        self.register_buffer("mean", torch.tensor(MEAN).view(1, 3, 1, 1), persistent=False)

    def forward(self, chips: Tensor) -> Tensor:
        """Map chips ``(n, 3, 150, 150)``, 0 to 255, to ``(n, 128)``, ``(n, 736)`` or more."""
        pool = _quarters if self.layer == "grid" else _average
        x = (chips - self.mean) * SCALE
        x = F.max_pool2d(F.relu(self.stem(x), inplace=True), 3, 2)
        pooled = []
        for stage in self.stages:
            x = stage(x)
            pooled.append(pool(x))
        return self.fc(pooled[-1]) if self.layer == "embedding" else torch.cat(pooled, 1)


def load_dlib_resnet(path: Path | str, layer: str = "embedding") -> DlibResNet:
    """Read dlib's ``dlib_face_recognition_resnet_model_v1.dat`` into torch.

    Parameters
    ----------
    path : path-like
        dlib's file.
    layer : {"embedding", "pyramid", "grid"}
        As in `DlibResNet`.

    Raises
    ------
    BackboneError
        The file is damaged or holds another network.
    """
    network = DlibResNet(layer)
    convolutions = [m for m in network.modules() if isinstance(m, nn.Conv2d)]
    layers = read_layers(path)
    _check_layout(path, layers, len(convolutions))
    try:
        for module, *pair in zip(convolutions, layers[0::2], layers[1::2], strict=False):
            _fill(module, *pair)
        if layer == "embedding":
            _copy(network.fc.weight, layers[-1].weight)  # type: ignore[union-attr]
    except BackboneError as error:
        raise BackboneError(f"{path} holds another network: {error}") from error
    return network.eval()


def _make_stages() -> list[nn.Sequential]:
    stages, n_in = [], STEM_FILTERS
    for index, filters in enumerate(STAGES):
        blocks = []
        for position, n_out in enumerate(filters):
            stride = 2 if index > 0 and position == 0 else 1
            blocks.append(ResidualBlock(n_in, n_out, stride))
            n_in = n_out
        stages.append(nn.Sequential(*blocks))
    return stages


def _average(x: Tensor) -> Tensor:
    return x.mean((2, 3), dtype=torch.float32)


def _quarters(x: Tensor) -> Tensor:
    """Average each quarter; those of a map of odd size share its middle row and column."""
    height, width = x.shape[2:]
    # As adaptive_avg_pool2d, whose gradients differ from run to run on a GPU.
    kernel, stride = ((height + 1) // 2, (width + 1) // 2), (height // 2, width // 2)
    return F.avg_pool2d(x.float(), kernel, stride).flatten(1)


def _padded_sum(a: Tensor, b: Tensor) -> Tensor:
    """Sum two maps, each zero-padded at its end to the larger of both, as dlib's ``add_prev``."""
    if a.shape == b.shape:
        return a + b
    channels, height, width = (max(a.shape[i], b.shape[i]) for i in (1, 2, 3))
    padded = F.pad(a, (0, width - a.shape[3], 0, height - a.shape[2], 0, channels - a.shape[1]))
    padded[:, : b.shape[1], : b.shape[2], : b.shape[3]] += b
    return padded


def _check_layout(path: Path | str, layers: Sequence[Layer], n_convolutions: int) -> None:
    expected = [Convolution, Affine] * n_convolutions + [FullyConnected]
    if [type(layer) for layer in layers] != expected:
        raise BackboneError(f"{path} is a dlib file, but not of the face recognition ResNet.")


def _fill(module: nn.Conv2d, convolution: Any, affine: Any) -> None:
    """Copy a convolution with its affine layer folded in: s(Wx + b) + t = (sW)x + (sb + t)."""
    weight, bias = convolution.weight_and_bias(module.in_channels)
    found = (convolution.stride, convolution.padding, affine.scale.shape)
    expected = (module.stride[0], module.padding[0], bias.shape)
    if found != expected:
        raise BackboneError(
            f"A convolution has stride, padding and channels {found}; the face recognition ResNet "
            f"has {expected} there."
        )
    _copy(module.weight, weight * affine.scale[:, None, None, None])
    _copy(module.bias, bias * affine.scale + affine.shift)


def _copy(parameter: Any, values: Any) -> None:
    if tuple(parameter.shape) != values.shape:
        raise BackboneError(
            f"A layer has the shape {values.shape}; the face recognition ResNet has "
            f"{tuple(parameter.shape)} there."
        )
    with torch.no_grad():
        parameter.copy_(torch.from_numpy(values.copy()))
