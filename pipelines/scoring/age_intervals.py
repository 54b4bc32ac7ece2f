"""Intervals around predicted ages, from how far out-of-fold answers of that age were off."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from pipelines.out_of_fold.panel import each_model, other_folds
from pipelines.tasks import Task

# The share of faces whose age lies inside.
COVERAGE = 0.8
# Faces at one predicted age, so that each end rests on five; and the most such ages.
LEAST_ROWS, MOST_AGES = 50, 20

Ends = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class AgeIntervals:
    """How far true ages lie below and above predicted ones, by the predicted age.

    An age of fifty is told less surely than one of two. Nothing is assumed of how errors are
    distributed, only that other faces are like those that were answered out of fold: a conformal
    predictor with one category for each predicted age (Vovk, Gammerman and Shafer 2005,
    "Algorithmic learning in a random world").

    Attributes
    ----------
    coverage : float
        The share of faces whose age shall lie inside, in (0, 1); each end leaves out half of the
        others.
    at : tuple of float
        Predicted ages in years, rising.
    below, above : tuple of float
        How far the interval reaches down and up at each of them, in years, at least 0.
    measured : float or None
        The share of faces inside intervals that were made from other folds; None with one fold.
    n_rows : int
        Faces that it was made from. One that was tested in several repeats counts once.
    """

    coverage: float
    at: tuple[float, ...]
    below: tuple[float, ...]
    above: tuple[float, ...]
    measured: float | None
    n_rows: int

    def of(self, years: np.ndarray) -> Ends:
        """Return the intervals of predicted ages.

        Parameters
        ----------
        years : ndarray of shape (n,), float

        Returns
        -------
        (low, high) : ndarrays of shape (n,), float64
            In years, at least 0. Between the ages of `at` the reach is interpolated.
        """
        years = np.asarray(years, dtype=np.float64)
        low = years - np.interp(years, self.at, self.below)
        return np.maximum(low, 0), np.maximum(years + np.interp(years, self.at, self.above), 0)


def age_intervals(
    predictions: pd.DataFrame, task: Task, model: str, *, coverage: float = COVERAGE
) -> AgeIntervals | None:
    """Make the intervals of a model, and measure them on folds that they were not made from.

    Parameters
    ----------
    predictions : DataFrame
        The out-of-fold table.
    task : Task
        A regression of years.
    model : str
    coverage : float
        In (0, 1).

    Returns
    -------
    AgeIntervals or None
        None with fewer than `LEAST_ROWS` faces.

    Raises
    ------
    ValueError
        If `coverage` is not in (0, 1), or the table has no row of the task and the model.
    """
    if not 0 < coverage < 1:
        raise ValueError(f"The 'coverage' of age intervals must be in (0, 1). Got {coverage}.")
    for _, _, rows in each_model(predictions[predictions["model"] == model], [task]):
        if rows["image_id"].nunique() < LEAST_ROWS:
            return None
        return _made(rows, coverage, _measured(rows, coverage))
    raise ValueError(f"The predictions have no row of task {task.name!r} and model {model!r}.")


def _made(rows: pd.DataFrame, coverage: float, measured: float | None) -> AgeIntervals:
    predicted, true = (rows[name].to_numpy(float) for name in ("years_pred", "years_true"))
    faces = pd.factorize(rows["image_id"])[0]
    parts = _by_age(predicted, faces)
    errors = [(true[part] - predicted[part], _n_faces(faces[part])) for part in parts]
    return AgeIntervals(
        coverage,
        tuple(float(np.median(predicted[part])) for part in parts),
        tuple(_reach(-error, n_faces, coverage) for error, n_faces in errors),
        tuple(_reach(error, n_faces, coverage) for error, n_faces in errors),
        measured,
        _n_faces(faces),
    )


def _n_faces(faces: np.ndarray) -> int:
    return len(np.unique(faces))


def _by_age(predicted: np.ndarray, faces: np.ndarray) -> list[np.ndarray]:
    """Return positions of rows that are predicted about as old, from young to old.

    About as many each, of `LEAST_ROWS` faces at least; those of one age stay together.
    """
    n_ages = min(max(_n_faces(faces) // LEAST_ROWS, 1), MOST_AGES)
    edges = np.unique(np.quantile(predicted, np.arange(1, n_ages) / n_ages))
    codes = np.searchsorted(edges, predicted, side="right")
    parts: list[np.ndarray] = []
    for code in range(len(edges) + 1):
        part = np.flatnonzero(codes == code)
        if parts and min(_n_faces(faces[part]), _n_faces(faces[parts[-1]])) < LEAST_ROWS:
            parts[-1] = np.concatenate([parts[-1], part])
        else:
            parts.append(part)
    return parts


def _reach(errors: np.ndarray, n_faces: int, coverage: float) -> float:
    """Return what the errors exceed in half of the cases that may be left out; at least 0."""
    rank = min(math.ceil((n_faces + 1) * (1 + coverage) / 2), n_faces)
    # The same place among the answers, of which a face has one a repeat.
    place = math.ceil(rank * len(errors) / n_faces)
    return max(0.0, float(np.sort(errors)[place - 1]))


def _measured(rows: pd.DataFrame, coverage: float) -> float | None:
    """Return the share of faces inside intervals from other folds of the same repeat."""
    predicted, true = (rows[name].to_numpy(float) for name in ("years_pred", "years_true"))
    right = np.empty(len(rows), dtype=bool)
    for inside, others in other_folds(rows):
        if others.sum() < LEAST_ROWS:
            return None
        low, high = _made(rows[others], coverage, None).of(predicted[inside])
        right[inside] = (low <= true[inside]) & (true[inside] <= high)
    return float(right.mean())
