"""Which metric applies to which task, its unit in tables, and its formula."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from pipelines.out_of_fold.tallies import Tally
from pipelines.scoring import formulas
from pipelines.tasks import Task


def _any_classes(task: Task) -> bool:
    return task.classes is not None


def _ordered(task: Task) -> bool:
    return task.ordered


def _always(task: Task) -> bool:
    return True  # whether the ages are known is seen in the rows


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
    formula : callable
        Takes a `Tally` of shape (..., K), returns an array of shape (...).
    suits : callable
        Takes a task, returns whether the metric applies to it.
    counts_rows : bool, default=False
        Whether it is a plain share of rows, each right or wrong.
    rows : callable
        Takes a `Tally`, returns how many rows the score is over; by default all of a class.
    """

    name: str
    heading: str
    scale: float
    decimals: int
    larger_is_better: bool
    formula: Callable[[Tally], np.ndarray]
    suits: Callable[[Task], bool]
    counts_rows: bool = False
    rows: Callable[[Tally], np.ndarray] = formulas.rows_of_classes


METRICS = (
    Metric("accuracy", "Accuracy (%)", 100, 1, True, formulas.accuracy, _any_classes, True),
    Metric("one_off", "One-off (%)", 100, 1, True, formulas.one_off, _ordered, True),
    Metric(
        "balanced_accuracy",
        "Balanced acc. (%)",
        100,
        1,
        True,
        formulas.balanced_accuracy,
        _any_classes,
    ),
    Metric("macro_f1", "Macro F1 (%)", 100, 1, True, formulas.macro_f1, _any_classes),
    Metric("kappa", "QW kappa", 1, 2, True, formulas.quadratic_kappa, _ordered),
    Metric("mae", "MAE (years)", 1, 2, False, formulas.mae, _always, rows=formulas.rows_with_years),
    Metric("cs5", "CS@5 (%)", 100, 1, True, formulas.cs5, _always, True, formulas.rows_with_years),
)


def metrics_of(task: Task) -> tuple[Metric, ...]:
    """Return the metrics that apply to a task, in the order of tables."""
    return tuple(metric for metric in METRICS if metric.suits(task))
