"""Confusion matrices as tables that a screen reader can walk through."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from pipelines.report.key import Sign
from pipelines.scoring.missing import NO_ANSWER

# Shades of a cell, from none to full.
N_SHADES = 10
MOST_CLASSES = 40


@dataclass(frozen=True)
class Matrix:
    """One model's matrix: answers, and a row a true class, of (percent, count, shade)."""

    sign: Sign
    answers: list[str]
    rows: list[tuple[str, int, list[tuple[str, int, int]]]]


def confusion_views(rows: pd.DataFrame, key: Mapping[str, Sign]) -> list[Matrix]:
    """Make the matrices of a task's models.

    Parameters
    ----------
    rows : DataFrame
        Of ``confusion``, of one task.
    key : mapping of str to Sign

    Notes
    -----
    A cell's share is of its true class, so that rare classes are as visible as common ones. Faces
    without an answer have a last column, in the matrices where that occurs.
    """
    known = dict.fromkeys([*rows["true"], *rows["predicted"]])
    names = [name for name in known if name != NO_ANSWER][:MOST_CLASSES]
    return [
        _matrix(key[model], part, names)
        for model, part in rows.groupby("model", sort=False)
        if model in key
    ]


def _matrix(sign: Sign, rows: pd.DataFrame, names: list[str]) -> Matrix:
    answers = [*names, *([NO_ANSWER] if (rows["predicted"] == NO_ANSWER).any() else [])]
    counts = (
        rows.pivot_table(index="true", columns="predicted", values="count", aggfunc="sum")
        .reindex(index=names, columns=answers)
        .fillna(0)
        .to_numpy()
    )
    totals = counts.sum(axis=1, keepdims=True)
    shares = counts / np.maximum(totals, 1)
    cells = [
        [
            (f"{100 * share:.0f}", int(n), round(N_SHADES * share))
            for n, share in zip(*row, strict=True)
        ]
        for row in zip(counts, shares, strict=True)
    ]
    sizes = totals[:, 0].astype(int).tolist()
    return Matrix(sign, answers, list(zip(names, sizes, cells, strict=True)))
