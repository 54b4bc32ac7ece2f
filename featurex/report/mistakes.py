"""The faces that models are most wrong about, for whoever asks to see them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cache import Store
from featurex.backbones import get_backbone
from featurex.detectors import DEFAULT_DETECTOR
from featurex.exceptions import RunError
from featurex.extraction.spaces import chips_space
from featurex.faces.aligner import FaceAligner
from featurex.faces.pictures import data_uri
from pipelines import predictions
from pipelines.report import Mistake

EACH, MOST = 12, 240  # of a task and model, and of a page


def worst_mistakes(run: Path, record: Mapping[str, Any], cache: Path) -> list[Mistake]:
    """Choose the surest wrong answers of every model, and the ages that are farthest off.

    Parameters
    ----------
    run : Path
        Folder of the run; its predictions are read.
    record : mapping
        Of the run.
    cache : Path
        Where its faces are.

    Returns
    -------
    list of Mistake
        At most 12 a task and model, and 240 in all.

    Raises
    ------
    RunError
        The cache is not there, or lacks the run's faces.
    PredictionTableError
        ``predictions.csv`` can't be read.
    """
    table = predictions.read(run / "predictions.csv")
    groups = table.groupby(["task", "model"], sort=False)
    chosen = pd.concat([_worst(rows) for _, rows in groups]).head(MOST)
    chips = _chips(cache, _chips_folder(record, cache), chosen["image_id"].tolist())
    return [
        replace(_mistake(row), source=data_uri(chip))
        for row, chip in zip(chosen.to_dict("records"), chips, strict=True)
    ]


def _worst(rows: pd.DataFrame) -> pd.DataFrame:
    """Return a model's worst rows, with what it said, and how sure it was."""
    known = [name for name in rows if name.startswith("p_") and rows[name].notna().any()]
    if known and rows["y_true"].notna().any():
        p = rows[known].fillna(0).to_numpy(dtype=np.float64)
        said = np.array([name.removeprefix("p_") for name in known], dtype=object)[p.argmax(axis=1)]
        rows = rows.assign(said=said, sure=p.max(axis=1))
        return rows[rows["said"] != rows["y_true"]].nlargest(EACH, "sure")
    off = (rows["years_pred"] - rows["years_true"]).abs()
    rows = rows.assign(said=None, sure=np.nan)
    return rows.loc[off.dropna().nlargest(EACH).index]


def _mistake(row: Mapping[str, Any]) -> Mistake:
    years = pd.isna(row["said"])
    true = f"{row['years_true']:.0f} years" if years else row["y_true"]
    said = f"{row['years_pred']:.0f} years" if years else row["said"]
    return Mistake(row["task"], row["model"], true, said, float(row["sure"]), "")


def _chips_folder(record: Mapping[str, Any], root: Path) -> str:
    """Return the folder of the run's chips in its cache."""
    options, aligner = record.get("options"), record.get("aligner")
    if not (isinstance(options, dict) and isinstance(options.get("backbone"), str)):
        raise RunError("run.json does not name the backbone, so its faces can't be found.")
    if not root.is_dir():
        raise RunError(f"{root}: no such cache. Name the run's with --cache DIR.")
    detector = aligner.get("detector") if isinstance(aligner, dict) else None
    backbone = get_backbone(options["backbone"], options.get("weights"))
    return chips_space(FaceAligner(str(detector or DEFAULT_DETECTOR)), backbone).folder


def _chips(root: Path, folder: str, image_ids: list[str]) -> np.ndarray:
    # A cache that is not the run's stays as it is: opening it as one would make its spaces.
    store = Store.open_existing(root, folder) if (root / folder).is_dir() else None
    there = store.contains(image_ids) if store else np.zeros(len(image_ids), dtype=bool)
    if store is None or not there.all():
        raise RunError(
            f"{root} lacks {int((~there).sum())} of the {len(there)} faces to show. Name the run's "
            "cache with --cache DIR."
        )
    return store.column("chip", image_ids)[:]
