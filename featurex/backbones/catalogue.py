"""What backbones there are, and whether their weights are here."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pandas as pd

from featurex.backbones import get_backbone
from featurex.backbones.torchvision_features import N_FEATURES
from featurex.exceptions import BackboneError

HERE, DOWNLOAD = "here", "download"
# Of the backbones that are no torchvision network: layers beside the default, the length of an
# embedding, and parameters of the whole network (a test counts them).
OWN = {
    "dlib-resnet": ("grid, embedding", 736, 5_607_488),
    "efficientnet-lite0": ("any other", 1280, 4_652_008),
    "efficientnet-lite1": ("any other", 1280, 5_416_680),
    "efficientnet-lite2": ("any other", 1280, 6_092_072),
    "pixels": ("greyN, rgbN", 1024, None),
    "landmarks": ("points", 74, None),
}
_INTEGERS = ("chip", "n_features", "parameters")


def describe() -> pd.DataFrame:
    """Describe every backbone without loading or downloading one.

    Returns
    -------
    DataFrame
        ``name``; ``layers``, the default first; ``chip``, its side in pixels; ``n_features``, the
        length of the default layer's embedding; ``parameters`` of the whole network;
        ``megabytes`` of the weights file; ``licence`` of the weights; ``weights``: "here",
        "download", or what to install; ``file``: where they lie, or belong. A value is missing
        where there is none, or where it depends.
    """
    table = pd.DataFrame([*_own(), _timm(), *_torchvision()])
    return table.astype(dict.fromkeys(_INTEGERS, "Int64"))


def _own() -> Iterator[dict[str, Any]]:
    for name, (layers, n_features, parameters) in OWN.items():
        backbone = get_backbone(name)
        file: Path | None = None
        weights = HERE
        try:
            file = backbone.weights_file
        except BackboneError as error:
            weights = str(error)
        yield {
            "name": name,
            "layers": f"{backbone.layer}, {layers}",
            "chip": backbone.chip_size,
            "n_features": n_features,
            "parameters": parameters,
            "megabytes": file.stat().st_size / 1e6 if file else None,
            "licence": backbone.licence,
            "weights": weights,
            "file": str(file) if file else None,
        }


def _timm() -> dict[str, Any]:
    from featurex.backbones.layers import PENULTIMATE
    from featurex.backbones.timm import MISSING

    return {
        "name": "timm:NAME",
        "layers": f"{PENULTIMATE}, any other",
        "licence": "as timm says of each",
        "weights": DOWNLOAD if find_spec("timm") else MISSING,
    }


def _torchvision() -> Iterator[dict[str, Any]]:
    import torch

    from featurex.backbones.torchvision import TorchvisionBackbone, model_names

    folder = Path(torch.hub.get_dir()) / "checkpoints"
    for name in model_names():
        backbone = TorchvisionBackbone(name)
        file = folder / backbone.url.rsplit("/", 1)[-1]
        yield {
            "name": name,
            "layers": f"{backbone.layer}, any other",
            "chip": backbone.chip_size,
            "n_features": N_FEATURES.get(name),
            "parameters": backbone.meta["num_params"],
            "megabytes": backbone.meta.get("_file_size"),
            "licence": backbone.licence,
            "weights": HERE if file.exists() else DOWNLOAD,
            "file": str(file),
        }
