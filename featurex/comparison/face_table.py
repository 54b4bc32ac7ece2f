"""The faces of a manifest: their labels, what models take of them, and their folds."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any

import numpy as np
import pandas as pd

from featurex.comparison.design import Design
from featurex.comparison.left_out import left_out
from featurex.extraction.face_cache import FaceCache
from featurex.faces.chips import ChipRows
from featurex.manifest import Manifest
from featurex.models.names import network_name, takes_chips
from featurex.tasks import side_labels
from pipelines import Folds, Task, assign_folds
from pipelines.report.words import count


class FaceTable:
    """The rows of a manifest whose face is in the cache.

    Parameters
    ----------
    manifest : Manifest
    cache : FaceCache
        Already filled by `featurex.extraction.extracting.extract`.

    Attributes
    ----------
    table : DataFrame
        The manifest's rows with an embedding.
    n_without_face : int
        The manifest's other rows.

    Raises
    ------
    ValueError
        Not one row has a face.
    """

    def __init__(self, manifest: Manifest, cache: FaceCache) -> None:
        there = cache.embeddings.contains(manifest.table["image_id"].tolist())
        self.manifest = manifest
        self.cache = cache
        self.table = manifest.table[there].reset_index(drop=True)
        self.n_without_face = int((~there).sum())
        if self.table.empty:
            raise ValueError(
                f"No photo of {manifest.dataset!r} is embedded ({len(manifest)} looked at). "
                "'featurex extract --list FILE' writes what became of each."
            )

    @property
    def groups(self) -> np.ndarray | None:
        """The subject of each row; None where the data set names none."""
        subjects = self.table["subject_id"]
        return subjects.to_numpy(object) if subjects.notna().any() else None

    def features(self, model: str, rows: np.ndarray) -> Any:
        """Return what a model takes, for some rows: embeddings, or chips to be read later."""
        ids = self.table["image_id"].iloc[rows].tolist()
        if takes_chips(model):
            return ChipRows(self.cache.chip_column(ids))
        return self.cache.embedding_column(ids)[:]

    @property
    def labels(self) -> pd.DataFrame:
        """The columns by which errors are looked at, by `image_id`."""
        return self.table.set_index("image_id")[["gender", "age_group", "race"]]

    def count_notes(self, tasks: Sequence[Task]) -> list[str]:
        """Say how many faces there are, and what was left out before they were looked for."""
        n_faces = (
            f"{count(len(self.table), 'face')}, {count(self.n_without_face, 'photo')} without one"
        )
        return [f"Data set {self.manifest.dataset}: {n_faces}{left_out(self.manifest.dropped)}."]

    def folds(self, design: Design) -> Folds:
        """Assign every row to a fold, the same for all tasks and models."""
        return assign_folds(
            design.protocol,
            n_rows=len(self.table),
            labels=_strata(self.table).tolist(),
            groups=None if self.groups is None else self.groups.tolist(),
            fold=self.table["fold"].tolist(),
            n_folds=design.n_folds,
            test_share=design.test_share,
            n_repeats=design.n_repeats,
            random_state=design.options.seed,
        )

    def side_labels(self, model: str, task: Task, rows: np.ndarray) -> dict[str, np.ndarray]:
        """Return labels of other tasks that a network can learn beside its own, for some rows."""
        if not takes_chips(model):
            return {}
        from featurex.networks import get_network

        network = get_network(network_name(model))
        wanted = (*network.side_heads, *chain(*network.more_side_heads))
        return side_labels(self.table.iloc[rows], task, wanted)


def _strata(table: pd.DataFrame) -> pd.Series:
    """Return the labels that the folds are balanced by: gender and age group, or decade."""
    decades = (table["age"] // 10).astype(str)
    ages = table["age_group"].astype(object).where(table["age_group"].notna(), decades)
    return ages.astype(str) + " " + table["gender"].astype(str)
