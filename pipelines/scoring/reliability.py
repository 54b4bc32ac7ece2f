"""Tables of calibration: scores before and after cooling, and accuracy beside confidence."""

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from pipelines.models.temperature import cool, fit_temperature
from pipelines.out_of_fold.answers import answered, has_probabilities, predicted_classes
from pipelines.out_of_fold.panel import (
    each_probabilistic,
    each_repeat,
    has_other_folds,
    other_folds,
    row_subjects,
    rows_of,
)
from pipelines.scoring.calibration import brier, debiased_error, ece, ece_by_chance, equal_mass
from pipelines.scoring.intervals import mean_intervals
from pipelines.tasks import Task

# Of the reliability table and its picture: fewer than scores have, so that each bin has a narrow
# interval.
N_SHOWN_BINS = 10

COLUMNS = [
    *("task", "model", "form", "temperature", "n_rows", "n_subjects", "accuracy", "confidence"),
    *("ece", "ece_mass", "ece_by_chance", "error_debiased", "brier", "brier_low", "brier_high"),
]

AS_GIVEN, COOLED = "as given", "temperature, cross-fitted"


def calibration_table(
    predictions: pd.DataFrame, tasks: Sequence[Task], random_state: int = 0
) -> pd.DataFrame:
    """Score the calibration of every classification and model, as given and cooled.

    Parameters
    ----------
    predictions : DataFrame
        The out-of-fold table.
    tasks : sequence of Task
    random_state : int, default=0

    Returns
    -------
    DataFrame
        One row a task, model and form: ``form`` is "as given" or "temperature, cross-fitted" (see
        `pipelines.models.temperature`; missing with one fold), ``temperature`` (mean over folds),
        ``n_rows`` (answers), ``n_subjects``, ``accuracy``, ``confidence`` (mean), ``ece`` (equal
        width), ``ece_mass`` (equal mass), ``ece_by_chance`` (of a calibrated model, equal width),
        ``error_debiased``, ``brier``, and ``brier_low`` and ``brier_high``, its 95 % interval over
        subjects. Of the faces with an answer; a model that names classes only has no row. Errors of
        calibration are means over repeats: the answers of one are of different photos, as their
        formulas ask.
    """
    tables = []
    for task, parts, subjects in each_probabilistic(predictions, tasks):
        rows, squares = [], []
        for model, part in parts.items():
            there = answered(part)
            true = pd.Index(task.classes or ()).get_indexer(part["y_true"])[there]
            correct = confidences(part, task)[1][there]
            for form, temperature, probabilities in _forms(part[there], task, true):
                row = {"task": task.name, "model": model, "form": form, "temperature": temperature}
                row |= {"n_rows": len(true), "n_subjects": len(np.unique(subjects[there]))}
                scores = [
                    _scores(probabilities[inside], correct[inside], random_state)
                    for inside in each_repeat(part[there])
                ]
                rows.append(row | pd.DataFrame(scores).mean(skipna=False).to_dict())
                squares.append(np.full(len(there), np.nan))
                squares[-1][there] = brier(probabilities, true)
        values = np.column_stack(squares)
        low, high = mean_intervals(values, subjects, random_state=random_state).T
        means = np.nanmean(values, axis=0)
        tables.append(pd.DataFrame(rows).assign(brier=means, brier_low=low, brier_high=high))
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=COLUMNS)


def _forms(
    part: pd.DataFrame, task: Task, true: np.ndarray
) -> Iterator[tuple[str, float, np.ndarray]]:
    """Yield name, temperature and probabilities: as given, and cooled where there are folds."""
    given = part[task.probability_columns].to_numpy(dtype=np.float64)
    yield AS_GIVEN, 1.0, given
    if not has_other_folds(part):
        return
    cooled, temperatures = np.empty_like(given), []
    for inside, others in other_folds(part):
        temperatures.append(fit_temperature(given[others], true[others]))
        cooled[inside] = cool(given[inside], temperatures[-1])
    yield COOLED, float(np.mean(temperatures)), cooled


def reliability_table(
    predictions: pd.DataFrame,
    task: Task,
    model: str,
    *,
    n_bins: int = N_SHOWN_BINS,
    random_state: int = 0,
) -> pd.DataFrame:
    """Set the accuracy beside the confidence, in bins of equal mass.

    Parameters
    ----------
    predictions : DataFrame
        The out-of-fold table.
    task : Task
        A classification.
    model : str
    n_bins : int, default=10
    random_state : int, default=0

    Returns
    -------
    DataFrame
        One row a bin: ``task``, ``model``, ``n_rows`` (answers), ``n_subjects``,
        ``confidence_min``, ``confidence_max``, ``confidence`` (mean), ``accuracy``, and its 95 %
        interval over subjects, ``low`` and ``high``.

    Raises
    ------
    ValueError
        If the task is a regression, the table has no row of task and model, or the model names
        classes only.
    """
    part = rows_of(predictions, task, model)
    if not has_probabilities(part, task):
        raise ValueError(f"Model {model!r} gives no probabilities of {task.name!r}.")
    part = part[answered(part)]
    confidence, correct = confidences(part, task)
    subjects = row_subjects(predictions, part)
    bins = equal_mass(confidence, n_bins)
    inside = bins[:, None] == np.unique(bins)
    columns = np.where(inside, correct[:, None], np.nan)
    low, high = mean_intervals(columns, subjects, random_state=random_state).T
    sure = np.where(inside, confidence[:, None], np.nan)
    return pd.DataFrame(
        {
            "task": task.name,
            "model": model,
            "n_rows": inside.sum(axis=0),
            "n_subjects": [len(np.unique(subjects[rows])) for rows in inside.T],
            "confidence_min": np.nanmin(sure, axis=0),
            "confidence_max": np.nanmax(sure, axis=0),
            "confidence": np.nanmean(sure, axis=0),
            "accuracy": np.nanmean(columns, axis=0),
            "low": low,
            "high": high,
        }
    )


def confidences(rows: pd.DataFrame, task: Task) -> tuple[np.ndarray, np.ndarray]:
    """Give each row's confidence, and whether its answer is right.

    Parameters
    ----------
    rows : DataFrame
        Rows of `task`.
    task : Task
        A classification.

    Returns
    -------
    confidence : ndarray of shape (n,), float64
        The largest probability, at most 1; 0 without an answer.
    correct : ndarray of shape (n,), bool
        False without an answer.
    """
    probabilities = np.nan_to_num(rows[task.probability_columns].to_numpy(dtype=np.float64))
    correct = predicted_classes(rows, task) == rows["y_true"].to_numpy(dtype=object)
    return np.minimum(probabilities.max(axis=1), 1.0), correct


def _scores(probabilities: np.ndarray, correct: np.ndarray, random_state: int) -> dict[str, float]:
    # Whatever its temperature, a model answers the same.
    confidence = np.minimum(probabilities.max(axis=1), 1.0)
    return {
        "accuracy": float(correct.mean()),
        "confidence": float(confidence.mean()),
        "ece": ece(confidence, correct),
        "ece_mass": ece(confidence, correct, equal_mass),
        "ece_by_chance": ece_by_chance(confidence, random_state=random_state),
        "error_debiased": debiased_error(confidence, correct),
    }
