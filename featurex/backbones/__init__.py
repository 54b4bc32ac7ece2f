"""Frozen pretrained networks by name."""

from __future__ import annotations

import re
from pathlib import Path

from featurex.backbones.base import Backbone
from featurex.backbones.dlib import NAME as DLIB_RESNET
from featurex.backbones.dlib import DlibBackbone
from featurex.exceptions import BackboneError

__all__ = ["Backbone", "get_backbone"]

_NAME = re.compile(r"(?P<name>[\w-]+)(@(?P<entry>\w+))?(:(?P<layer>[\w.]+))?", re.ASCII)


def get_backbone(name: str, weights: str | Path | None = None) -> Backbone:
    """Find a backbone by its name, without loading it.

    Parameters
    ----------
    name : str
        ``NAME[@WEIGHTS][:LAYER]``: "dlib-resnet" (its layers are "pyramid", the default, and
        "embedding"), or a ResNet, VGG or Inception of torchvision, such as "resnet50",
        "resnet50:layer3" or "vgg16@IMAGENET1K_FEATURES:features".
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
    if match["name"] == DLIB_RESNET:
        if match["entry"]:
            raise BackboneError(f"{DLIB_RESNET} has only one set of weights. Got {name!r}.")
        return DlibBackbone(match["layer"] or "pyramid", file)
    from featurex.backbones.torchvision import TorchvisionBackbone

    return TorchvisionBackbone(match["name"], match["entry"], match["layer"], file)
