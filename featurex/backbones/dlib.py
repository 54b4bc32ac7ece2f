"""The backbone `dlib-resnet`: its weights come by pip, so it works without a download."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from featurex.backbones.base import Backbone
from featurex.backbones.dlib_models import FACE_RESNET, dlib_model
from featurex.exceptions import BackboneError

if TYPE_CHECKING:
    from torch import nn

NAME = "dlib-resnet"
LAYERS = {"pyramid": 736, "grid": 2944, "embedding": 128}


class DlibBackbone(Backbone):
    """dlib's face ResNet (see `featurex.backbones.dlib_resnet`).

    Parameters
    ----------
    layer : {"pyramid", "grid", "embedding"}, optional
        The global averages of the five stages (736 numbers), the default, those of each quarter of
        the image (2,944), or dlib's descriptor (128).
    weights : Path, optional
        Another file of the same network in dlib's format.
    """

    name, chip_size, padding = NAME, 150, 0.25
    licence = "CC0"

    def __init__(self, layer: str | None = None, weights: Path | None = None) -> None:
        self.layer = layer or next(iter(LAYERS))
        if self.layer not in LAYERS:
            raise BackboneError(
                f"{NAME} has the layers {', '.join(LAYERS)}; there is no layer {self.layer!r}."
            )
        self._weights = weights

    @property
    def for_training(self) -> Backbone:
        """The pyramid in place of the grid: heads learn no more from quarters, and less surely."""
        return DlibBackbone("pyramid", self._weights) if self.layer == "grid" else self

    @property
    def weights_file(self) -> Path:
        """The ``.dat`` file of dlib."""
        return self._weights or dlib_model(FACE_RESNET)

    @property
    def preprocessing(self) -> dict[str, Any]:
        """As dlib's ``input_rgb_image_sized``."""
        return {"mean": [122.782, 117.001, 104.298], "scale": 1 / 256}

    def untrained(self) -> nn.Module:
        """Make the network without reading dlib's file."""
        from featurex.backbones.dlib_resnet import DlibResNet

        return DlibResNet(self.layer)

    def build(self) -> nn.Module:
        """Read dlib's file into torch."""
        from featurex.backbones.dlib_resnet import load_dlib_resnet

        return load_dlib_resnet(self.weights_file, self.layer)
