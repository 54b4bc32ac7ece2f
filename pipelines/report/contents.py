"""What a report is made from: the record of a run and its tables."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from pipelines.scoring.scores import METRICS

# What no score of a metric goes beyond.
LIMITS: Mapping[str, tuple[float, float]] = {
    **{metric.name: (0.0, 1.0) for metric in METRICS},
    **{"kappa": (-1.0, 1.0), "mae": (0.0, math.inf)},
}

_SCORES = tuple(
    f"{metric.name}_{part}"
    for metric in METRICS
    for part in ("mean", "std", "pooled", "low", "high")
)
_SCORE_LIMITS = {
    f"{name}_{part}": ends
    for name, ends in LIMITS.items()
    for part in ("mean", "pooled", "low", "high")
}


def _shares(*columns: str) -> Mapping[str, tuple[float, float]]:
    return dict.fromkeys(columns, (0.0, 1.0))


@dataclass(frozen=True)
class TableForm:
    """How one of a run's tables must look to be shown.

    Attributes
    ----------
    words, numbers : tuple of str
        Columns that must be there: text, and numbers or missing.
    extra : tuple of str
        Columns of numbers that older or other runs lack; they are then missing values.
    limits : mapping of str to (float, float), or to str
        What a column's numbers don't go beyond; or the column that names, in each row, the metric
        that they are scores of.
    most_rows : int
        A table with more is no run's.
    """

    words: tuple[str, ...]
    numbers: tuple[str, ...]
    extra: tuple[str, ...] = ()
    limits: Mapping[str, tuple[float, float] | str] = field(default_factory=dict)
    most_rows: int = 20_000


FORMS: Mapping[str, TableForm] = {
    "table": TableForm(
        ("task", "model"),
        ("n_rows", "n_folds"),
        (
            *("n_subjects", "n_repeats", "n_missing", "fit_seconds", "ms_per_face"),
            *("n_parameters", "seconds_per_epoch"),
            *_SCORES,
        ),
        limits=_SCORE_LIMITS,
        most_rows=400,
    ),
    "pairs": TableForm(
        ("task", "metric", "model_a", "model_b", "different"),
        ("difference", "low", "high", "p_holm", "detectable"),
    ),
    "by_group": TableForm(
        ("task", "model", "column", "group", "metric", "few_subjects", "worst"),
        ("n_rows", "n_subjects", "score", "low", "high", "gap", "gap_low", "gap_high"),
        limits=dict.fromkeys(("score", "low", "high"), "metric"),
    ),
    "recall": TableForm(
        ("task", "model", "class"),
        ("n_rows", "recall", "low", "high"),
        limits=_shares("recall", "low", "high"),
        most_rows=5_000,
    ),
    "calibration": TableForm(
        ("task", "model", "form"),
        (
            *("temperature", "accuracy", "confidence", "ece", "ece_by_chance", "brier"),
            *("brier_low", "brier_high"),
        ),
        limits=_shares("accuracy", "confidence", "ece", "ece_by_chance"),
        most_rows=800,
    ),
    "selective": TableForm(
        ("task", "model", "question"),
        ("asked", "threshold", "n_answered", "coverage", "accuracy", "low", "high", "area"),
        limits=_shares("coverage", "accuracy", "low", "high"),
        most_rows=8_000,
    ),
    "reliability": TableForm(
        ("task", "model"),
        ("n_rows", "confidence", "accuracy", "low", "high"),
        limits=_shares("confidence", "accuracy", "low", "high"),
        most_rows=8_000,
    ),
    "confusion": TableForm(("task", "model", "true", "predicted"), ("count",), most_rows=100_000),
    "curves": TableForm(
        ("task", "model"),
        ("fold", "epoch", "train_loss", "valid_loss", "train_score", "valid_score"),
        most_rows=100_000,
    ),
    "map": TableForm(("method", "gender", "age_group", "race"), ("x", "y"), most_rows=12_000),
    "findings": TableForm(("finding", "detail"), ("count",), most_rows=500),
    "folds": TableForm(
        ("fold",),
        ("photos", "leaking", "share", "pairs"),
        limits=_shares("share"),
        most_rows=1_000,
    ),
}


@dataclass(frozen=True)
class Mistake:
    """A face that a model is wrong about.

    Attributes
    ----------
    task, model, true, predicted : str
    confidence : float
        The probability of what was predicted; NaN for years.
    source : str
        The face as a ``data:`` address.
    """

    task: str
    model: str
    true: str
    predicted: str
    confidence: float
    source: str


@dataclass(frozen=True)
class AuditedFaces:
    """How many faces an audit looked at, how many a run tests, and how many are both."""

    audited: int
    compared: int
    both: int


@dataclass(frozen=True)
class Run:
    """A run, read and checked.

    Attributes
    ----------
    record : dict
        As ``run.json``; every part of it may be missing.
    tables : mapping of str to DataFrame
        By the names of `FORMS`, each of that form; ``table`` at least.
    mistakes : sequence of Mistake
        None to show where it is empty.
    audited : AuditedFaces or None
        None where there is no audit, or the run does not name its faces.
    """

    record: Mapping[str, Any]
    tables: Mapping[str, pd.DataFrame]
    mistakes: Sequence[Mistake] = field(default=())
    audited: AuditedFaces | None = None

    def rows(self, name: str, **which: str) -> pd.DataFrame:
        """Return a table's rows, those that hold some words; empty where the table is missing."""
        form = FORMS[name]
        table = self.tables.get(name)
        if table is None:
            return pd.DataFrame(columns=[*form.words, *form.numbers, *form.extra])
        for column, value in which.items():
            table = table[table[column] == value]
        return table

    @property
    def tasks(self) -> list[str]:
        """The tasks, in the order of the table."""
        return list(dict.fromkeys(self.tables["table"]["task"]))

    @property
    def models(self) -> list[str]:
        """The models of all tasks, in the order of the table."""
        return list(dict.fromkeys(self.tables["table"]["model"]))
