"""The comparison's table, a cell a score: what is shown, what is sorted by, and its mark."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from pipelines.report.words import BY_NAME, known_metrics, write_score
from pipelines.tables.printed import NOT_APART, has_many_folds, score_cells

BEST, NEAR = "best", "near"
# What no model's name or score holds: `Run` has printable text only.
_MARK = "\1"


@dataclass(frozen=True)
class Cell:
    """A cell.

    Attributes
    ----------
    text : str
        The score.
    interval : str
        Its 95 % interval; empty where unknown.
    value : float or None
        What the column is sorted by; None where there is no score.
    mark : str
        `BEST`, `NEAR` (not told apart from the best), or empty.
    """

    text: str
    interval: str = ""
    value: float | None = None
    mark: str = ""


@dataclass(frozen=True)
class ScoreTable:
    """A task's table: headings (with whether a column is of numbers), and rows of cells."""

    headings: list[str]
    models: list[str]
    rows: list[list[Cell]]


def score_table(table: pd.DataFrame, pairs: pd.DataFrame) -> ScoreTable:
    """Make the table of one task.

    Parameters
    ----------
    table, pairs : DataFrame
        The rows of one task, as `pipelines.tables.comparison` writes them.

    Returns
    -------
    ScoreTable
        Models in the order of `table`; columns are the metrics that some model has, then costs.
    """
    metrics = known_metrics(table)
    once, none = table["n_repeats"].fillna(1), table["n_missing"].fillna(0)
    table = table.assign(n_repeats=once, n_missing=none)
    printed = score_cells(table, pairs.assign(different=is_true(pairs["different"])), _marked)
    columns = {
        BY_NAME[name].heading: _score_column(table, printed[BY_NAME[name].heading], name)
        for name in metrics
        if BY_NAME[name].heading in printed
    }
    if table["n_missing"].any():
        columns["No answer"] = [_number(value, 0) for value in table["n_missing"]]
    costs = {
        "Fit (s)": ("fit_seconds", 1),
        "Predict (ms/face)": ("ms_per_face", 2),
        "Parameters": ("n_parameters", 0),
        "Epoch (s)": ("seconds_per_epoch", 1),
    }
    for title, (name, decimals) in costs.items():
        if table[name].notna().any():
            columns[title] = [_number(value, decimals) for value in table[name]]
    rows = [list(cells) for cells in zip(*columns.values(), strict=True)]
    return ScoreTable(list(columns), table["model"].tolist(), rows)


def is_true(values: pd.Series) -> pd.Series:
    """Read a column of truth values, which a file has as words."""
    return values.astype(str).str.lower() == "true"


def _marked(text: str) -> str:
    return _MARK + text


def _score_column(table: pd.DataFrame, printed: pd.Series, metric: str) -> list[Cell]:
    means, pooled = table[f"{metric}_mean"], table[f"{metric}_pooled"]
    scores = means.where(~has_many_folds(table), pooled)
    ends = zip(table[f"{metric}_low"], table[f"{metric}_high"], strict=True)
    return [
        _score_cell(str(text), _interval(metric, low, high), score)
        for text, score, (low, high) in zip(printed, scores, ends, strict=True)
    ]


def _score_cell(text: str, interval: str, score: float) -> Cell:
    mark = BEST if text.startswith(_MARK) else NEAR if text.endswith(NOT_APART) else ""
    shown = text.removeprefix(_MARK).removesuffix(NOT_APART).strip()
    return Cell(shown, interval, None if np.isnan(score) else float(score), mark)


def _interval(metric: str, low: float, high: float) -> str:
    if not (math.isfinite(low) and math.isfinite(high)):
        return ""
    return f"{write_score(metric, low, unit=False)} to {write_score(metric, high, unit=False)}"


def _number(value: float, decimals: int) -> Cell:
    if not math.isfinite(value):
        return Cell("–")
    return Cell(f"{value:,.{decimals}f}", value=float(value))
