"""Selective prediction: a model that may decline to answer.

Chow, "On optimum recognition error and reject tradeoff" (IEEE Transactions on Information Theory
16, 1970); El-Yaniv and Wiener, "On the foundations of noise-free selective classification" (JMLR
11, 2010). What decides is the confidence, the probability of the most probable class.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from pipelines.out_of_fold.panel import each_probabilistic, has_other_folds, other_folds
from pipelines.out_of_fold.tallies import add_up
from pipelines.scoring.intervals import mean_intervals
from pipelines.scoring.reliability import confidences
from pipelines.tasks import Task

COVERAGES = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0)
ACCURACIES = (0.9, 0.95, 0.99)

COLUMNS = [
    *("task", "model", "question", "asked", "threshold", "n_answered", "coverage"),
    *("accuracy", "low", "high", "area"),
]


def accuracy_at_coverage(
    confidence: np.ndarray, correct: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Compute the accuracy of the surest answers, for every number of them.

    Parameters
    ----------
    confidence : ndarray of shape (n,), float
    correct : ndarray of shape (n,), bool

    Returns
    -------
    coverage : ndarray of shape (n,), float64
        ``1/n, 2/n, … 1``.
    accuracy : ndarray of shape (n,), float64
        Of answers of equal confidence each part is as right as the whole, so that their order does
        not matter.

    Raises
    ------
    ValueError
        If there is no row, lengths differ, or a confidence is NaN.
    """
    if len(confidence) == 0 or len(confidence) != len(correct) or np.isnan(confidence).any():
        raise ValueError(
            "Confidences must be numbers, at least one, each with its answer. "
            f"Got {len(confidence)} and {len(correct)} answers, {np.isnan(confidence).sum()} NaN."
        )
    _, n_right, n_tied = _by_level(confidence, correct)
    right = np.repeat(n_right / n_tied, n_tied.astype(np.int64))
    n_answered = np.arange(1, len(right) + 1)
    return n_answered / len(right), np.cumsum(right) / n_answered


def area(confidence: np.ndarray, correct: np.ndarray) -> float:
    """Compute the area under accuracy at coverage.

    Parameters
    ----------
    confidence : ndarray of shape (n,), float
    correct : ndarray of shape (n,), bool

    Returns
    -------
    float
        In [0, 1]; the mean accuracy over all coverages, one less the area under the risk-coverage
        curve of Geifman, Uziel and El-Yaniv, "Bias-reduced uncertainty estimation for deep neural
        classifiers" (ICLR 2019).

    Examples
    --------
    >>> round(area(np.array([0.9, 0.8]), np.array([True, False])), 2)
    0.75
    """
    return float(accuracy_at_coverage(confidence, correct)[1].mean())


def threshold_for_accuracy(confidence: np.ndarray, correct: np.ndarray, accuracy: float) -> float:
    """Find the least confidence that answers must have to be as accurate as asked.

    Parameters
    ----------
    confidence : ndarray of shape (n,), float
    correct : ndarray of shape (n,), bool
    accuracy : float
        In (0, 1].

    Returns
    -------
    float
        The threshold with the most answers; infinite where none is good enough. On the rows it was
        chosen on it promises too much: apply it to others.

    Raises
    ------
    ValueError
        If `accuracy` is not in (0, 1].
    """
    if not 0 < accuracy <= 1:
        raise ValueError(f"The asked 'accuracy' must be in (0, 1]. Got {accuracy}.")
    levels, n_right, n_tied = _by_level(confidence, correct)
    enough = np.flatnonzero(n_right.cumsum() >= accuracy * n_tied.cumsum() - 1e-9)
    return float(levels[enough[-1]]) if len(enough) else np.inf


def selective_table(
    predictions: pd.DataFrame,
    tasks: Sequence[Task],
    *,
    coverages: Sequence[float] = COVERAGES,
    accuracies: Sequence[float] = ACCURACIES,
    random_state: int = 0,
) -> pd.DataFrame:
    """Ask every model how right its surest answers are, and how many are right enough.

    Parameters
    ----------
    predictions : DataFrame
        The out-of-fold table.
    tasks : sequence of Task
    coverages : sequence of float
        Shares of faces to answer, each in (0, 1].
    accuracies : sequence of float
        Accuracies to ask for, each in (0, 1].
    random_state : int, default=0

    Returns
    -------
    DataFrame
        One row a task, model and question. ``question`` is "coverage" (answer the share ``asked``
        of the faces) or "accuracy" (answer only where the accuracy ``asked`` is expected, with
        thresholds from other folds; left out with one fold). ``threshold`` (the mean over rows;
        infinite where some fold found none), ``n_answered``, ``coverage``, ``accuracy`` of the
        answers with its 95 % interval over subjects, ``low`` and ``high`` (NaN without answers),
        and ``area`` of the model, the same in all its rows. A face without an answer counts as the
        least sure and wrong; a model that names classes only has no row.
    """
    tables = []
    for task, parts, subjects in each_probabilistic(predictions, tasks):
        rows, columns = [], []
        for model, part in parts.items():
            confidence, correct = confidences(part, task)
            shared = {"task": task.name, "model": model, "area": area(confidence, correct)}
            for question in _questions(part, confidence, correct, coverages, accuracies):
                answered = confidence >= question.pop("thresholds")
                rows.append(shared | question | {"n_answered": int(answered.sum())})
                columns.append(np.where(answered, correct, np.nan))
        if not columns:
            continue  # only accuracies were asked for, which a test set can't answer
        values = np.column_stack(columns)
        low, high = mean_intervals(values, subjects, random_state=random_state).T
        table = pd.DataFrame(rows)
        right = np.nansum(values, axis=0)
        tables.append(
            table.assign(
                coverage=table["n_answered"] / len(subjects),
                accuracy=(right / table["n_answered"]).where(table["n_answered"] > 0),
                low=low,
                high=high,
            )[COLUMNS]
        )
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=COLUMNS)


def _by_level(
    confidence: np.ndarray, correct: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the confidences that occur, surest first; how many are right at each; how many are."""
    negated, codes = np.unique(-confidence, return_inverse=True)
    n_right, n_tied = add_up(np.column_stack([correct, np.ones(len(codes))]), codes, len(negated)).T
    return -negated, n_right, n_tied


def _questions(
    part: pd.DataFrame,
    confidence: np.ndarray,
    correct: np.ndarray,
    coverages: Sequence[float],
    accuracies: Sequence[float],
) -> Iterator[dict[str, Any]]:
    """Yield what is asked, with the threshold of each row."""
    for asked in coverages:
        thresholds = _surest(confidence, asked)
        yield _question("coverage", asked, thresholds)
    if not has_other_folds(part):
        return
    for asked in accuracies:
        thresholds = np.empty(len(part))
        for inside, others in other_folds(part):
            thresholds[inside] = threshold_for_accuracy(confidence[others], correct[others], asked)
        yield _question("accuracy", asked, thresholds)


def _question(name: str, asked: float, thresholds: np.ndarray) -> dict[str, Any]:
    mean = float(np.mean(thresholds))
    return {"question": name, "asked": asked, "threshold": mean, "thresholds": thresholds}


def _surest(confidence: np.ndarray, coverage: float) -> np.ndarray:
    """Return the threshold that answers at least a share of the rows."""
    if not 0 < coverage <= 1:
        raise ValueError(f"A 'coverage' must be in (0, 1]. Got {coverage}.")
    n_answered = int(np.ceil(coverage * len(confidence) - 1e-9))
    return np.full(len(confidence), np.sort(confidence)[::-1][n_answered - 1])
