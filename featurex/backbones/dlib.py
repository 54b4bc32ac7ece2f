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
LAYERS = ("pyramid", "embedding")


class DlibBackbone(Backbone):
    """dlib's face ResNet (see `featurex.backbones.dlib_resnet`).

    Parameters
    ----------
    layer : {"pyramid", "embedding"}
        The global averages of the five stages (736 numbers), or dlib's descriptor (128).
    weights : Path, optional
        Another file of the same network in dlib's format.
    """

    def __init__(self, layer: str = LAYERS[0], weights: Path | None = None) -> None:
        if layer not in LAYERS:
            raise BackboneError(
                f"{NAME} has the layers {' and '.join(LAYERS)}; there is no layer {layer!r}."
            )
        self.name, self.layer = NAME, layer
        self.chip_size, self.padding = 150, 0.25
        self._weights = weights

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
