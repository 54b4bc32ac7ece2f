"""Frozen pretrained networks, and what came before them, by name."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from featurex.backbones.base import Backbone
from featurex.backbones.dlib import NAME as DLIB_RESNET
from featurex.backbones.dlib import DlibBackbone
from featurex.exceptions import BackboneError

__all__ = ["Backbone", "get_backbone"]

_NAME = re.compile(
    r"(?P<name>timm:[\w.-]+|[\w-]+)(@(?P<entry>\w+))?(:(?P<layer>[\w.]+))?", re.ASCII
)


def get_backbone(name: str, weights: str | Path | None = None) -> Backbone:
    """Find a backbone by its name, without loading it.

    Parameters
    ----------
    name : str
        ``NAME[@WEIGHTS][:LAYER]``: "dlib-resnet" (its layers are "pyramid", the default, and
        "embedding"); a classification network of torchvision, such as "resnet50",
        "resnet50:layer3" or "vgg16@IMAGENET1K_FEATURES:features"; "timm:resnet18.a1_in1k" for one
        of timm; "efficientnet-lite0"; "pixels", such as "pixels:grey32"; or "landmarks".
    weights : path-like, optional
        A file with the weights, instead of those that come by pip or by download.

    Raises
    ------
    BackboneError
        No such backbone, weights or layer (the message lists those there are).

    Examples
    --------
    >>> str(get_backbone("dlib-resnet"))
    'dlib-resnet:pyramid'
    """
    match = _NAME.fullmatch(name)
    if match is None:
        raise BackboneError(f"A backbone is named NAME[@WEIGHTS][:LAYER]. Got {name!r}.")
    file = None if weights is None else Path(weights)
    if file is not None and not file.is_file():
        raise BackboneError(f"The weights file {file} does not exist.")
    if make := _maker(match["name"]):
        if match["entry"]:
            raise BackboneError(f"{match['name']} has only one set of weights. Got {name!r}.")
        return make(match["layer"], file)
    from featurex.backbones.torchvision import TorchvisionBackbone

    return TorchvisionBackbone(match["name"], match["entry"], match["layer"], file)


def _maker(name: str) -> Callable[[str | None, Path | None], Backbone] | None:
    """Return what makes a backbone of a layer and a file; None for those of torchvision."""
    if name == DLIB_RESNET:
        return DlibBackbone
    if name == "pixels":
        from featurex.backbones.pixels import PixelsBackbone

        return PixelsBackbone
    if name == "landmarks":
        from featurex.backbones.landmarks import LandmarksBackbone

        return LandmarksBackbone
    if name == "efficientnet-lite0":
        from featurex.backbones.efficientnet_lite import EfficientNetLiteBackbone

        return EfficientNetLiteBackbone
    if name.startswith("timm:"):
        from featurex.backbones.timm import TimmBackbone

        return lambda layer, file: TimmBackbone(name.removeprefix("timm:"), layer, file)
    return None
