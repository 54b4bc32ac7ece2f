"""Which metric applies to which task, and its score on rows of the out-of-fold table."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from pipelines import metrics
from pipelines.predictions import predicted_classes
from pipelines.tasks import Task


@dataclass(frozen=True)
class Metric:
    """One metric of the comparison.

    Parameters
    ----------
    name : str
        Its name in column names.
    heading : str
        Its name with unit in printed tables.
    scale : float
        What the number is multiplied by for printing; 100 for percentages.
    decimals : int
        Digits printed after the point.
    larger_is_better : bool
    score : callable
        Takes rows and their task, returns a float; NaN where it does not apply.
    """

    name: str
    heading: str
    scale: float
    decimals: int
    larger_is_better: bool
    score: Callable[[pd.DataFrame, Task], float]


def _accuracy(rows: pd.DataFrame, task: Task) -> float:
    return np.nan if task.is_regression else metrics.accuracy(*_classes(rows, task))


def _one_off(rows: pd.DataFrame, task: Task) -> float:
    if task.classes is None or not task.ordered:
        return np.nan
    return metrics.one_off(*_classes(rows, task), task.classes)


def _balanced_accuracy(rows: pd.DataFrame, task: Task) -> float:
    return np.nan if task.is_regression else metrics.balanced_accuracy(*_classes(rows, task))


def _macro_f1(rows: pd.DataFrame, task: Task) -> float:
    return np.nan if task.is_regression else metrics.macro_f1(*_classes(rows, task))


def _mae(rows: pd.DataFrame, task: Task) -> float:
    true, predicted = _years(rows)
    return metrics.mae(true, predicted) if len(true) else np.nan


def _cs5(rows: pd.DataFrame, task: Task) -> float:
    true, predicted = _years(rows)
    return metrics.cumulative_score(true, predicted) if len(true) else np.nan


METRICS = (
    Metric("accuracy", "Accuracy (%)", 100, 1, True, _accuracy),
    Metric("one_off", "One-off (%)", 100, 1, True, _one_off),
    Metric("balanced_accuracy", "Balanced acc. (%)", 100, 1, True, _balanced_accuracy),
    Metric("macro_f1", "Macro F1 (%)", 100, 1, True, _macro_f1),
    Metric("mae", "MAE (years)", 1, 2, False, _mae),
    Metric("cs5", "CS@5 (%)", 100, 1, True, _cs5),
)


def _classes(rows: pd.DataFrame, task: Task) -> tuple[np.ndarray, np.ndarray]:
    return rows["y_true"].to_numpy(dtype=object), predicted_classes(rows, task)


def _years(rows: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Give true and predicted years of the rows that have both."""
    both = rows[["years_true", "years_pred"]].dropna().to_numpy(dtype=np.float64)
    return both[:, 0], both[:, 1]
