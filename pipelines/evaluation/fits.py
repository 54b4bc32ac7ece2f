"""One fit of a cross-validation: what it needs, and what it leaves behind."""

import time
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from pipelines.tasks import Task


class Rows(Protocol):
    """Anything that gives rows for an int array: an array, a lazy column, photos on disk."""

    def __len__(self) -> int:
        """Count the rows."""

    def __getitem__(self, rows: np.ndarray, /) -> Any:
        """Give the rows of these numbers, in that order."""


@dataclass(frozen=True)
class FoldFit:
    """What one fit leaves behind.

    Parameters
    ----------
    fold : int
    answers : dict of str to ndarray of shape (n_test,), float64
        The columns of the out-of-fold table that the model answers, rows in the order of X.
    fit_seconds, predict_seconds : float
    n_train : int
    """

    fold: int
    answers: dict[str, np.ndarray]
    fit_seconds: float
    predict_seconds: float
    n_train: int

    @property
    def n_test(self) -> int:
        """Number of rows that were answered."""
        return len(self.answers["years_pred"])


@dataclass(frozen=True)
class FitJob:
    """One fit to be made, complete, so that any process can make it.

    Parameters
    ----------
    task : Task
    repeat, fold : int
    X : array-like
        All rows.
    y : ndarray of shape (n_train,)
    train, test : ndarray of int
        Numbers of rows of X.
    known : dict of str to array or dict of arrays
        What `fit` gets beside ``X, y``, of the training rows: ``groups`` and extras.
    left_out : tuple of str
        Classes of which training had one subject only, so that `train` has none of their rows.
    """

    task: Task
    repeat: int
    fold: int
    X: Rows
    y: np.ndarray
    train: np.ndarray
    test: np.ndarray
    known: dict[str, Any]
    left_out: tuple[str, ...] = ()

    def run(self, estimator: Any) -> FoldFit:
        """Fit an estimator to the training rows and let it answer the test rows."""
        rows = self.X[self.train]
        start = time.perf_counter()
        estimator.fit(rows, self.y, **self.known)
        seconds = time.perf_counter() - start
        del rows
        answers, test_seconds = _answers(estimator, self.X[self.test], self.task)
        return FoldFit(self.fold, answers, seconds, test_seconds, len(self.train))


def _answers(fitted: Any, rows: Any, task: Task) -> tuple[dict[str, np.ndarray], float]:
    start = time.perf_counter()
    raw = fitted.predict(rows) if task.classes is None else fitted.predict_proba(rows)
    seconds = time.perf_counter() - start
    if task.classes is None:
        return {"years_pred": np.asarray(raw, dtype=np.float64)}, seconds
    probabilities = np.zeros((len(raw), len(task.classes)))
    # A class that the training folds lack keeps probability 0.
    probabilities[:, [task.classes.index(str(name)) for name in fitted.classes_]] = raw
    columns = dict(zip(task.probability_columns, probabilities.T, strict=True))
    return {**columns, "years_pred": task.expected_years(probabilities)}, seconds
