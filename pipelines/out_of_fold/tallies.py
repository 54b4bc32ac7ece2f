"""Tallies: what every score can be computed from, added up over rows in any way.

A row's tally is a vector of counts and sums; the tally of a fold, a subject, a group or a resample
is the sum of its rows' tallies. So one mechanism scores folds and groups, resamples subjects and
swaps models, thousands at a time, without touching a row again.

For `C` classes a vector holds, in this order: true rows of each class (C), predicted rows (C), hits
(C), answers at most one class off (1), squared distances of classes (1); then, of the rows whose
true and predicted age are known: their number (1), absolute errors in years (1), errors of at most
five years (1).

A row without an answer is a true row and no predicted one. It is no hit and not near; its squared
distance is that to the farthest class. Where the model tells years at all, its error in years is
that of the median true age of all rows, which is what somebody says who sees no photo; it is never
within five years.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.sparse import csr_array

from pipelines.out_of_fold.answers import answered, predicted_classes
from pipelines.tasks import Task

# The limit of CS@5, in years.
YEARS_LIMIT = 5.0

_N_SINGLE = 5


@dataclass(frozen=True)
class Tally:
    """Sums over rows, with any leading axes.

    Parameters
    ----------
    sums : ndarray of shape (..., 3 * n_classes + 5), float
        As this module's docstring describes.

    Raises
    ------
    ValueError
        If the last axis has no such length.
    """

    sums: np.ndarray

    def __post_init__(self) -> None:
        if self.sums.ndim < 1 or self.sums.shape[-1] < _N_SINGLE or (self.n_numbers) % 3:
            raise ValueError(f"A tally has 3 * classes + 5 numbers. Got {self.sums.shape}.")

    @property
    def n_numbers(self) -> int:
        """Numbers that belong to classes."""
        return self.sums.shape[-1] - _N_SINGLE

    def _by_class(self, position: int) -> np.ndarray:
        n_classes = self.n_numbers // 3
        return self.sums[..., position * n_classes : (position + 1) * n_classes]

    @property
    def true(self) -> np.ndarray:
        """True rows of each class, shape (..., n_classes)."""
        return self._by_class(0)

    @property
    def predicted(self) -> np.ndarray:
        """Predicted rows of each class, shape (..., n_classes)."""
        return self._by_class(1)

    @property
    def hits(self) -> np.ndarray:
        """Rows of each class that were predicted as such, shape (..., n_classes)."""
        return self._by_class(2)

    @property
    def near(self) -> np.ndarray:
        """Answers in the true class or one next to it, shape (...)."""
        return self.sums[..., -5]

    @property
    def squares(self) -> np.ndarray:
        """Sum of squared distances between true and predicted class, shape (...)."""
        return self.sums[..., -4]

    @property
    def n_years(self) -> np.ndarray:
        """Rows whose true and predicted age are known, shape (...)."""
        return self.sums[..., -3]

    @property
    def years_off(self) -> np.ndarray:
        """Sum of absolute errors in years, shape (...)."""
        return self.sums[..., -2]

    @property
    def within_limit(self) -> np.ndarray:
        """Errors of at most five years, shape (...)."""
        return self.sums[..., -1]


def tally_classes(true: np.ndarray, predicted: np.ndarray, n_classes: int) -> np.ndarray:
    """Tally every row of a classification.

    Parameters
    ----------
    true, predicted : ndarray of shape (n,), int
        Numbers of classes, from 0; a predicted one is -1 where there is no answer.
    n_classes : int

    Returns
    -------
    ndarray of shape (n, 3 * n_classes + 5), float64
        No ages.
    """
    rows = np.arange(len(true))
    sums = np.zeros((len(true), 3 * n_classes + _N_SINGLE))
    sums[rows, true] = 1
    true, predicted = np.asarray(true), np.asarray(predicted)
    given = predicted >= 0
    sums[rows[given], n_classes + predicted[given]] = 1
    sums[rows, 2 * n_classes + true] = true == predicted
    farthest = np.maximum(true, n_classes - 1 - true)
    steps = np.where(given, np.abs(true - predicted), farthest)
    sums[:, -5] = given & (steps <= 1)
    sums[:, -4] = steps**2
    return sums


def tally_rows(rows: pd.DataFrame, task: Task) -> np.ndarray:
    """Tally every row of the out-of-fold table.

    Parameters
    ----------
    rows : DataFrame
        Rows of one task.
    task : Task

    Returns
    -------
    ndarray of shape (n, 3 * n_classes + 5), float64
    """
    if task.classes is None:
        sums = np.zeros((len(rows), _N_SINGLE))
    else:
        order = pd.Index(task.classes)
        true = order.get_indexer(rows["y_true"])
        predicted = order.get_indexer(predicted_classes(rows, task))
        sums = tally_classes(true, predicted, len(order))
    error, there = _years_off(rows), answered(rows)
    known = np.isfinite(error)
    sums[:, -3] = known
    sums[:, -2] = np.where(known, error, 0.0)
    sums[:, -1] = known & there & (error <= YEARS_LIMIT)
    return sums


def _years_off(rows: pd.DataFrame) -> np.ndarray:
    """Return absolute errors in years; NaN where an age is unknown."""
    true, predicted = (rows[c].to_numpy(dtype=np.float64) for c in ("years_true", "years_pred"))
    silent = ~answered(rows)
    if silent.any() and np.isfinite(predicted).any() and np.isfinite(true).any():
        predicted = np.where(silent, np.nanmedian(true), predicted)
    return np.abs(true - predicted)


def add_up(sums: np.ndarray, codes: np.ndarray, n_codes: int) -> np.ndarray:
    """Add up the rows of each code.

    Parameters
    ----------
    sums : ndarray of shape (n, ...)
    codes : ndarray of shape (n,), int
        Of a fold, a subject or a group, each in [0, n_codes).
    n_codes : int

    Returns
    -------
    ndarray of shape (n_codes, ...), float64
        Zeros for a code without rows.
    """
    ones = np.ones(len(codes))
    members = csr_array((ones, (codes, np.arange(len(codes)))), shape=(n_codes, len(codes)))
    flat = np.asarray(sums, dtype=np.float64).reshape(len(sums), -1)
    return (members @ flat).reshape(n_codes, *sums.shape[1:])
