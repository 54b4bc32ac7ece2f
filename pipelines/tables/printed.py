"""How a comparison is printed: its cells, and the marks on them."""

from collections.abc import Callable

import numpy as np
import pandas as pd

from pipelines.scoring.scores import METRICS, Metric
from pipelines.tables.layout import MISSING

# With more folds than this (leave one subject out) a fold is a few photos of one person: its
# accuracy is nearly all or nothing and most classes are absent. Then all photos are scored at
# once, as the literature on FG-NET does, and no deviation is printed.
MOST_FOLDS = 20

# Beside a score that is not told apart from the best one.
NOT_APART = "≈"

Mark = Callable[[str], str]


def score_cells(table: pd.DataFrame, pairs: pd.DataFrame, mark: Mark) -> pd.DataFrame:
    """Make the table of scores, mean and deviation over folds.

    Parameters
    ----------
    table : DataFrame
        As of `Comparison`.
    pairs : DataFrame
        As `compare_pairs` gives it, of all tasks.
    mark : callable
        Applied to the best of each task and metric.

    Returns
    -------
    DataFrame of str
    """
    columns = {
        "Task": table["task"],
        "Model": table["model"],
        "Photos": table["n_rows"].astype(str),
        "Folds": _folds(table),
    }
    if table["n_missing"].any():
        columns["No answer"] = table["n_missing"].astype(str)
    for metric in METRICS:
        if table[f"{metric.name}_mean"].notna().any():
            columns[metric.heading] = _score_column(table, pairs, metric, mark)
    columns["Fit (s)"] = _numbers(table["fit_seconds"], 1)
    columns["Predict (ms/face)"] = _numbers(table["ms_per_face"], 2)
    if table["n_parameters"].notna().any():
        columns["Parameters"] = table["n_parameters"].map(_thousands)
        columns["Epoch (s)"] = _numbers(table["seconds_per_epoch"], 1)
    return pd.DataFrame(columns)


def interval_cells(table: pd.DataFrame) -> pd.DataFrame:
    """Make the table of intervals, such as ``76.4 [75.8, 77.0]``.

    Parameters
    ----------
    table : DataFrame
        As of `Comparison`.

    Returns
    -------
    DataFrame of str
        Scores over all photos at once; an en dash where there is no interval.
    """
    columns = {
        "Task": table["task"],
        "Model": table["model"],
        "Photos": table["n_rows"].astype(str),
        "Subjects": table["n_subjects"].astype(str),
    }
    for metric in METRICS:
        names = [f"{metric.name}_{end}" for end in ("pooled", "low", "high")]
        if table[names[0]].notna().any():
            score, low, high = (_scaled(table[name], metric) for name in names)
            ranges = " [" + low + ", " + high + "]"
            columns[metric.heading] = score.where(low == MISSING, score + ranges)
    return pd.DataFrame(columns)


def has_many_folds(table: pd.DataFrame) -> pd.Series:
    """Tell which rows are scored over all photos at once: see `MOST_FOLDS`."""
    return table["n_folds"] / table["n_repeats"] > MOST_FOLDS


def _folds(table: pd.DataFrame) -> pd.Series:
    """Write the folds of one repeat, and how often there are so many."""
    once = (table["n_folds"] // table["n_repeats"]).astype(str)
    return once.where(table["n_repeats"] == 1, table["n_repeats"].astype(str) + "x" + once)


def _thousands(number: float) -> str:
    return MISSING if pd.isna(number) else f"{number / 1000:,.0f} k"


def _score_column(
    table: pd.DataFrame, pairs: pd.DataFrame, metric: Metric, mark: Mark
) -> pd.Series:
    pooled = has_many_folds(table)
    values = table[f"{metric.name}_mean"].where(~pooled, table[f"{metric.name}_pooled"])
    spreads = table[f"{metric.name}_std"].where(~pooled)
    shown = (values * metric.scale).round(metric.decimals)
    # Rows that print the same number are equally good.
    best = shown == shown.groupby(table["task"]).transform(
        "max" if metric.larger_is_better else "min"
    )
    texts = _scaled(values, metric)
    texts = texts.where(spreads.isna(), texts + " ± " + _scaled(spreads, metric))
    near = values.notna() & ~best & _not_apart(table, pairs, metric, best)
    return texts.where(~near, texts + " " + NOT_APART).where(~best, texts.map(mark))


def _not_apart(
    table: pd.DataFrame, pairs: pd.DataFrame, metric: Metric, best: pd.Series
) -> np.ndarray:
    """Tell which rows no test sets apart from a best one of their task."""
    alike = pairs[(pairs["metric"] == metric.name) & ~pairs["different"].astype(bool)]
    names = ["task", "model_a", "model_b"]
    known = set(alike[names].itertuples(index=False, name=None))
    known |= {(task, second, first) for task, first, second in known}
    winners = table.loc[best, ["task", "model"]]
    return np.array(
        [
            any(
                (task, model, name) in known
                for name in winners.loc[winners["task"] == task, "model"]
            )
            for task, model in table[["task", "model"]].itertuples(index=False, name=None)
        ]
    )


def _scaled(values: pd.Series, metric: Metric) -> pd.Series:
    return _numbers(values * metric.scale, metric.decimals)


def _numbers(values: pd.Series, decimals: int) -> pd.Series:
    return values.map(lambda value: MISSING if pd.isna(value) else _rounded(value, decimals))


def _rounded(value: float, decimals: int) -> str:
    # Adding zero turns a rounded -0.0 into 0.0.
    return f"{round(value, decimals) + 0.0:.{decimals}f}"
