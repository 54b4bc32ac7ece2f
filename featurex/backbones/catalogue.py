"""What backbones there are, and whether their weights are here."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from featurex.backbones.dlib import LAYERS, NAME, DlibBackbone
from featurex.exceptions import BackboneError


def describe() -> pd.DataFrame:
    """Return one row a backbone.

    Returns
    -------
    DataFrame
        ``name``, ``layers`` (the default first), ``chip`` (pixels), ``weights`` ("here", or
        where they come from).
    """
    rows = [(NAME, ", ".join(LAYERS), DlibBackbone().chip_size, _dlib_weights())]
    return pd.DataFrame(rows + _torchvision_rows(), columns=["name", "layers", "chip", "weights"])


def _dlib_weights() -> str:
    try:
        return "here" if DlibBackbone().weights_file.is_file() else "missing"
    except BackboneError as error:
        return str(error)


def _torchvision_rows() -> list[tuple[str, str, int, str]]:
    import torch

    from featurex.backbones.torchvision import TorchvisionBackbone, model_names

    folder = Path(torch.hub.get_dir()) / "checkpoints"
    rows = []
    for name in model_names():
        backbone = TorchvisionBackbone(name)
        file = folder / backbone.url.rsplit("/", 1)[-1]
        where = "here" if file.exists() else f"download, or {file}"
        rows.append((name, f"{backbone.layer}, any other", backbone.chip_size, where))
    return rows
