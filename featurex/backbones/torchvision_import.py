"""Imports torchvision where torch is a build without torchvision's compiled operators.

A CPU build of torch beside the registry's torchvision (built for CUDA) fails on import with
"operator torchvision::nms does not exist", because torchvision registers shapes for two operators
whose library did not load. Models, feature extraction and transforms need neither operator, so
their schemas are declared here and the import is tried again.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import Any

import torch

_SCHEMAS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)
_libraries: list[Any] = []  # a torch.library.Library lives only as long as something holds it


def import_torchvision(module: str = "torchvision") -> ModuleType:
    """Import torchvision, or one of its modules.

    Parameters
    ----------
    module : str
        Such as "torchvision.models".

    Raises
    ------
    ImportError
        torchvision is missing, or broken in another way.
    """
    try:
        return importlib.import_module(module)
    except RuntimeError as error:
        if "torchvision::nms" not in str(error):
            raise ImportError(f"torchvision can't be imported: {error}") from error
    for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
        del sys.modules[name]
    library = torch.library.Library("torchvision", "FRAGMENT")
    for schema in _SCHEMAS:
        library.define(schema)
    _libraries.append(library)
    return importlib.import_module(module)
