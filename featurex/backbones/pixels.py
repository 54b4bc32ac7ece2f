"""The flattened pixels of a small face: what classifiers were given before networks.

Turk and Pentland 1991 ("Eigenfaces for recognition") and Moghaddam and Yang 2002 ("Learning gender
with support faces") learn from the grey levels of aligned faces; the latter found 21x12 pixels
enough for gender, and Mäkinen and Raisamo 2008 compared 24x24 to 48x48 aligned ones. Here 32x32.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from torch import Tensor, nn
from torch.nn import functional as F

from featurex.backbones.base import Backbone
from featurex.exceptions import BackboneError

NAME = "pixels"
DEFAULT_LAYER = "grey32"
MIN_SIDE, MAX_SIDE = 4, 150
# Luma of ITU-R BT.601, as Pillow's grey.
GREY = (0.299, 0.587, 0.114)
_LAYER = re.compile(r"(?P<colour>grey|rgb)(?P<side>[1-9]\d{0,2})", re.ASCII)


class PixelsBackbone(Backbone):
    """The pixels of a chip, averaged over areas; nothing is learnt.

    It takes the chips of ``dlib-resnet``, so that no photo is read again for it.

    Parameters
    ----------
    layer : str
        "grey32", the default, is 32x32 grey levels (1,024 numbers); "rgb16" is 16x16 colours (768
        numbers): first all red ones, row by row, then green, then blue. From 0 to 1.

    Raises
    ------
    BackboneError
        No such layer, or weights are given.
    """

    name, chip_size, padding = NAME, 150, 0.25
    licence = "nothing learnt"
    trainable = False

    def __init__(self, layer: str | None = None, weights: Path | None = None) -> None:
        self.layer = layer or DEFAULT_LAYER
        match = _LAYER.fullmatch(self.layer)
        if match is None or not MIN_SIDE <= int(match["side"]) <= MAX_SIDE:
            raise BackboneError(
                f"{NAME} has the layers greyN and rgbN with N from {MIN_SIDE} to {MAX_SIDE} "
                f"pixels, such as {DEFAULT_LAYER}; there is no layer {self.layer!r}."
            )
        if weights is not None:
            raise BackboneError(f"{NAME} has no weights: leave --weights out.")
        self.is_grey, self.side = match["colour"] == "grey", int(match["side"])

    @property
    def weights_file(self) -> None:
        """There is none."""

    @property
    def preprocessing(self) -> dict[str, Any]:
        """The weights of red, green and blue, and how the chip is made smaller."""
        return {"grey": list(GREY) if self.is_grey else None, "resize": "area", "scale": 1 / 255}

    def build(self) -> nn.Module:
        """Make the module; it has no weights."""
        return _Pixels(self.side, self.is_grey).eval()


class _Pixels(nn.Module):
    def __init__(self, side: int, is_grey: bool) -> None:
        super().__init__()
        self.side, self.is_grey = side, is_grey

    def forward(self, chips: Tensor) -> Tensor:
        pixels = F.adaptive_avg_pool2d(chips, self.side) / 255
        if self.is_grey:
            pixels = (pixels * pixels.new_tensor(GREY).view(1, 3, 1, 1)).sum(1)
        return pixels.flatten(1)
