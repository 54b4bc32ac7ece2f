"""Frozen pretrained networks, and what came before them, by name."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path

from featurex.backbones.base import Backbone
from featurex.backbones.dlib import NAME as DLIB_RESNET
from featurex.backbones.dlib import DlibBackbone
from featurex.backbones.finished import FinishedBackbone, find_file, is_finished, load_finished
from featurex.exceptions import BackboneError

__all__ = ["Backbone", "get_backbone", "named_backbone"]

_NAME = re.compile(
    r"(?P<name>timm:[\w.-]+|[\w-]+)(@(?P<entry>\w+))?(:(?P<layer>[\w.]+))?", re.ASCII
)


def get_backbone(name: str, weights: str | Path | None = None) -> Backbone:
    """Find a backbone by its name, or a finished network by its file, without loading it.

    Parameters
    ----------
    name : str
        A name as `named_backbone` takes it, or ``FILE[:TASK]``: a network's file that ``featurex
        fit`` wrote (a path with a dot or a slash in it), and whose network where it holds several.
    weights : path-like, optional
        A file with the weights, instead of those that come by pip or by download.

    Raises
    ------
    BackboneError
        No such backbone, weights or layer (the message lists those there are); or the file can't
        serve, see `featurex.backbones.finished.FinishedBackbone`.

    Examples
    --------
    >>> str(get_backbone("dlib-resnet"))
    'dlib-resnet:pyramid'
    """
    found = find_file(name) if _NAME.fullmatch(name) is None else None
    if found is None:
        return named_backbone(name, weights)
    if weights is not None:
        raise BackboneError(f"{name} holds its weights itself: leave --weights out.")
    return FinishedBackbone(*found, named_backbone)


def named_backbone(name: str, weights: str | Path | None = None) -> Backbone:
    """Find a backbone by its name alone: what a model file says is never opened as a file.

    Parameters
    ----------
    name : str
        ``NAME[@WEIGHTS][:LAYER]``: "dlib-resnet" (its layers are "pyramid", the default, "grid"
        and "embedding"); a classification network of torchvision, such as "resnet50",
        "resnet50:layer3" or "vgg16@IMAGENET1K_FEATURES:features"; "timm:resnet18.a1_in1k" for one
        of timm; "efficientnet-lite0", -lite1 or -lite2; "pixels", such as "pixels:grey32"; or
        "landmarks". A finished network, "network-HASH:TASK", needs its file as weights.
    weights : path-like, optional
        As of `get_backbone`.

    Raises
    ------
    BackboneError
        As of `get_backbone`.
    """
    file = None if weights is None else Path(weights)
    if file is not None and not file.is_file():
        raise BackboneError(f"The weights file {file} does not exist.")
    if is_finished(name):
        return load_finished(name, file, named_backbone)
    match = _NAME.fullmatch(name)
    if match is None:
        raise BackboneError(
            "A backbone is named NAME[@WEIGHTS][:LAYER], or FILE[:TASK] of a network's file that "
            f"exists. Got {name!r}."
        )
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
    if name.startswith("efficientnet-lite"):
        from featurex.backbones.efficientnet_lite import EfficientNetLiteBackbone

        return partial(EfficientNetLiteBackbone, name)
    if name.startswith("timm:"):
        from featurex.backbones.timm import TimmBackbone

        return lambda layer, file: TimmBackbone(name.removeprefix("timm:"), layer, file)
    return None
