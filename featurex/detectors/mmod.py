"""dlib's CNN face detector in torch, read from dlib's own file.

Seven convolutions (King 2015, "Max-margin object detection"; the detector of dlib 19) slide over
an image pyramid and score a window of 80 x 80 pixels every 8 pixels. Weights CC0. The batch
normalisations are folded into the convolutions.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from featurex.backbones.dlib_dat import (
    Affine,
    Convolution,
    Reader,
    damage_named,
    read_bytes,
    read_layers,
)
from featurex.detectors.tiled_pyramid import TiledPyramid, lay_out
from featurex.exceptions import BackboneError

# Filters, kernel and stride of each convolution; those without a stride keep the size.
LAYOUT = ((16, 5, 2), (32, 5, 2), (32, 5, 2), (45, 5, 1), (45, 5, 1), (45, 5, 1), (1, 9, 1))
# An output's place in the input, and the smallest input that has an output: strided convolutions
# have no padding, so each maps x to 2x + 2.
STRIDE, OFFSET, MIN_SIDE = 8, 14, 29
N_STRIDED = 3
SCALE = 1 / 256
# Pixels of the large image in one band. What the first convolution keeps of all of it would be
# memory that the system has to clear anew for every photo, which takes half as long as computing.
BAND_PIXELS = 2**19
# What dlib takes for files of this version, which don't say.
PADDING, OUTER_PADDING = 10, 11
_LOSS, _VERSION = b"\x01\x01\x01\x0aloss_mmod_", 1
_INPUT = b"\x01\x17input_rgb_image_pyramid"


@dataclass(frozen=True)
class MmodOptions:
    """What the file says beside the weights.

    Attributes
    ----------
    window : tuple of int
        Width and height of the box that an output scores, in pixels of its level.
    max_iou, max_covered : float
        Of two boxes that overlap more, the less sure is dropped: the share of both in their
        common bounding box, and the share of either.
    mean : tuple of float
        RGB, subtracted from the pixels.
    """

    window: tuple[int, int]
    max_iou: float
    max_covered: float
    mean: tuple[float, float, float]


class MmodNetwork(nn.Module):
    """Scores windows all over an image and its pyramid.

    Parameters
    ----------
    options : MmodOptions
    """

    mean: Tensor

    def __init__(self, options: MmodOptions) -> None:
        super().__init__()
        self.options = options
        inputs = (3, *(filters for filters, _, _ in LAYOUT))
        self.convolutions = nn.ModuleList(
            nn.Conv2d(n_in, n_out, kernel, stride, kernel // 2 if stride == 1 else 0)
            for n_in, (n_out, kernel, stride) in zip(inputs, LAYOUT, strict=False)
        )
        mean = torch.tensor(options.mean).view(1, 3, 1, 1)
        self.register_buffer("mean", mean, persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        """Map images ``(n, 3, h, w)``, 0 to 255, to scores ``(n, h', w')`` of their pyramid.

        The score at ``(r, c)`` is that of the window around ``8 * (c, r) + 14`` in the large image
        of `layout`. Above 0 is a face.
        """
        pyramid = layout(*images.shape[:1:-1])
        levels = _scaled((images - self.mean) * SCALE, pyramid)
        *hidden, last = self.convolutions
        strided, same_size = hidden[:N_STRIDED], hidden[N_STRIDED:]
        bands = [_activations(strided, band) for band in _bands(levels, pyramid)]
        return _one_filter(last, _activations(same_size, torch.cat(bands, 2)))


def layout(width: int, height: int) -> TiledPyramid:
    """Return where the network sees the levels of an image's pyramid."""
    return lay_out(width, height, PADDING, OUTER_PADDING)


def load_mmod(path: Path | str) -> MmodNetwork:
    """Read dlib's ``mmod_human_face_detector.dat`` into torch.

    Raises
    ------
    BackboneError
        The file is damaged or holds another network.
    """
    layers = read_layers(path)
    if [type(layer) for layer in layers] != [Convolution, Affine] * (len(LAYOUT) - 1) + [
        Convolution
    ]:
        raise BackboneError(f"{path} is a dlib file, but not of the CNN face detector.")
    network = MmodNetwork(read_options(path))
    affines = [*layers[1::2], None]
    for module, convolution, affine in zip(
        network.convolutions, layers[0::2], affines, strict=True
    ):
        try:
            _fill(module, convolution, affine)  # type: ignore[arg-type]
        except BackboneError as error:
            raise BackboneError(f"{path} holds another network: {error}") from error
    if not all(parameter.isfinite().all() for parameter in network.parameters()):
        raise BackboneError(f"{path} is damaged: it holds weights that are not finite.")
    return network.eval().requires_grad_(False)


def read_options(path: Path | str) -> MmodOptions:
    """Read what the file says beside the weights.

    Raises
    ------
    BackboneError
        The file is damaged or holds another kind of network.
    """
    data = read_bytes(Path(path))
    if not data.startswith(_LOSS):
        raise BackboneError(f"{path} holds no detector of dlib's mmod kind.")
    with damage_named(path):
        reader = Reader(data, len(_LOSS))
        version, width, height = reader.integers(3)
        if version != _VERSION or min(width, height) < 1:
            raise ValueError(f"a detector of version {version} and window {width} x {height}")
        *_, max_iou, max_covered = (reader.real() for _ in range(5))
        reader.position = data.index(_INPUT, reader.position) + len(_INPUT)
        red, green, blue = (reader.real() for _ in range(3))
    return MmodOptions((width, height), max_iou, max_covered, (red, green, blue))


def _scaled(images: Tensor, pyramid: TiledPyramid) -> list[Tensor]:
    """Return the levels of a pyramid, each made from the one before."""
    levels = [images]
    for tile in pyramid.tiles[1:]:
        size = (tile.height, tile.width)
        levels.append(F.interpolate(levels[-1], size, mode="bilinear", align_corners=True))
    return levels


def _bands(levels: Sequence[Tensor], pyramid: TiledPyramid) -> Iterator[Tensor]:
    """Yield the large image, zeros (the mean colour) around the levels, in bands of rows.

    Each gives the strided convolutions the rows that come after those of the band before.
    """
    n_images = len(levels[0])
    n_rows = (pyramid.height - MIN_SIDE) // STRIDE + 1
    n_at_once = max(1, BAND_PIXELS // (n_images * pyramid.width * STRIDE))
    for start in range(0, n_rows, n_at_once):
        stop = min(start + n_at_once, n_rows)
        yield _band(levels, pyramid, STRIDE * start, STRIDE * (stop - 1) + MIN_SIDE)


def _band(levels: Sequence[Tensor], pyramid: TiledPyramid, first: int, last: int) -> Tensor:
    n_images, n_channels, _, _ = levels[0].shape
    rows_last = levels[0].new_zeros((n_images, last - first, pyramid.width, n_channels))
    band = rows_last.permute(0, 3, 1, 2)  # channels_last, as the network
    for level, (left, top, width, height) in zip(levels, pyramid.tiles, strict=True):
        start, stop = max(first, top), min(last, top + height)
        if start < stop:
            part = level[:, :, start - top : stop - top]
            band[:, :, start - first : stop - first, left : left + width] = part
    return band


def _activations(convolutions: Iterable[nn.Module], x: Tensor) -> Tensor:
    for convolution in convolutions:
        x = F.relu(convolution(x), inplace=True)
    return x


def _one_filter(convolution: nn.Module, x: Tensor) -> Tensor:
    """Apply a convolution with a single filter ``(1, c, k, k)``, which keeps the size.

    It is the sum of `k` filters of one row each. The CPU computes those eight times as fast, since
    it works on many filters at once.
    """
    n_rows = x.shape[2]
    weight, bias = convolution.parameters()
    row_filters = weight[0].transpose(0, 1).unsqueeze(2)  # (k, c, 1, k)
    reach = len(row_filters) // 2
    rows = F.conv2d(x, row_filters, padding=(0, reach))
    rows = F.pad(rows, (0, 0, reach, reach))
    shifted = [rows[:, i, i : i + n_rows] for i in range(len(row_filters))]
    return torch.stack(shifted).sum(0) + bias


def _fill(module: nn.Conv2d, convolution: Convolution, affine: Affine | None) -> None:
    weight, bias = convolution.weight_and_bias(module.in_channels)
    found = (convolution.n_filters, convolution.kernel, convolution.stride, convolution.padding)
    expected = (
        module.out_channels,
        module.kernel_size[0],
        module.stride[0],
        module.padding[0],
    )
    if found != expected or (affine and affine.scale.shape != bias.shape):
        raise BackboneError(
            f"A convolution has filters, kernel, stride and padding {found}; the CNN face "
            f"detector has {expected} there."
        )
    if affine:
        weight = weight * affine.scale[:, None, None, None]
        bias = bias * affine.scale + affine.shift
    with torch.no_grad():
        module.weight.copy_(torch.from_numpy(weight.copy()))
        module.bias.copy_(torch.from_numpy(bias.copy()))  # type: ignore[union-attr]
