r"""The average of several models, from what each of them predicts.

Classes: the log-odds are averaged. With the probabilities :math:`p_m(c)` of :math:`M` models,

.. math:: p(c) = \frac{g(c)}{\sum_k g(k)}, \quad g(c) = \prod_m \max(p_m(c), 10^{-6})^{1/M}

which is the geometric mean, renormalised; for two classes its log-odds are the mean of the models'
(the logarithmic opinion pool: Genest and Zidek 1986, "Combining probability distributions"). Years:
their arithmetic mean. Nothing is fitted, so out-of-fold predictions stay out of fold.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from pipelines.errors import PredictionTableError
from pipelines.evaluation.gathering import Evaluation
from pipelines.out_of_fold.contract import check_columns, validate
from pipelines.out_of_fold.predictions import concat
from pipelines.tasks import Task

# The least probability that a model may give a class: a zero (of a forest, say) would be a veto.
LEAST = 1e-6


def average_probabilities(parts: Sequence[np.ndarray]) -> np.ndarray:
    """Average class probabilities as this module says.

    Parameters
    ----------
    parts : sequence of ndarray of shape (n, n_classes)
        Probabilities by each model; each row sums to 1.

    Returns
    -------
    ndarray of shape (n, n_classes), float64
        Each row sums to 1. A class to which all models give 0 keeps 0.

    Raises
    ------
    ValueError
        If there are no parts, or their shapes differ.

    Examples
    --------
    >>> average_probabilities([np.array([[0.5, 0.5]]), np.array([[0.1, 0.9]])]).round(3)
    array([[0.25, 0.75]])
    """
    stack = _stack(parts)
    logs = np.log(np.maximum(stack, LEAST)).mean(axis=0)
    logs[(stack == 0).all(axis=0)] = -np.inf
    weights = np.exp(logs - logs.max(axis=1, keepdims=True))
    return weights / weights.sum(axis=1, keepdims=True)


def average_years(parts: Sequence[np.ndarray]) -> np.ndarray:
    """Average ages: the arithmetic mean.

    Parameters
    ----------
    parts : sequence of ndarray of shape (n,)
        Years by each model.

    Returns
    -------
    ndarray of shape (n,), float64

    Raises
    ------
    ValueError
        If there are no parts, or their shapes differ.
    """
    return _stack(parts).mean(axis=0)


def average(evaluations: Sequence[Evaluation], task: Task, model: str) -> Evaluation:
    """Evaluate the average of models that were evaluated on the same folds.

    Parameters
    ----------
    evaluations : sequence of Evaluation
        One a model, all of `task`.
    task : Task
    model : str
        What the average is called.

    Returns
    -------
    Evaluation
        As if the average had been cross-validated itself; its times are the sums of its parts'.

    Raises
    ------
    PredictionTableError
        As `average_predictions`.
    """
    return Evaluation(
        average_predictions([part.predictions for part in evaluations], task, model),
        add_timings([part.timings for part in evaluations], model),
    )


def average_predictions(tables: Sequence[pd.DataFrame], task: Task, model: str) -> pd.DataFrame:
    """Make the out-of-fold table of an average.

    Parameters
    ----------
    tables : sequence of DataFrame
        Out-of-fold tables (see `pipelines.out_of_fold.predictions`) of one model each, all of
        `task`.
    task : Task
    model : str
        What the average is called.

    Returns
    -------
    DataFrame
        Such a table, in the order of the first part. An expected age is the one of the averaged
        probabilities.

    Raises
    ------
    PredictionTableError
        If there is no table, one breaks the contract or is of several models or another task, the
        models were not tested on the same photos in the same folds, or one has no probabilities, or
        no age, of some faces.
    """
    tables = list(tables)
    _check(tables, task)
    first = tables[0]
    # A photo that was tested in several repeats is in another fold in each.
    order = pd.MultiIndex.from_frame(first[["image_id", "fold"]])
    aligned = [table.set_index(["image_id", "fold"]).loc[order] for table in tables]
    shared = [name for name in ("protocol", "repeat") if name in first]
    facts = first[["image_id", "fold", "y_true", "years_true", *shared]].reset_index(drop=True)
    # A table from outside may not say who is in a photo.
    named = next((table for table in aligned if "subject_id" in table), None)
    if named is not None:
        facts["subject_id"] = named["subject_id"].to_numpy()
    return concat([facts.assign(task=task.name, model=model, **_answers(aligned, task))])


def check_complete(table: pd.DataFrame, task: Task) -> None:
    """Check that a model has what can be averaged for every face.

    Parameters
    ----------
    table : DataFrame
        The rows of one model and `task` of an out-of-fold table.
    task : Task

    Raises
    ------
    PredictionTableError
        It says nothing of some faces, or only names their class.
    """
    columns = ["years_pred"] if task.is_regression else task.probability_columns
    missing = table.loc[table[columns].isna().any(axis=1), "image_id"].nunique()
    if missing:
        what = "an age" if task.is_regression else "probabilities"
        raise PredictionTableError(
            f"An average needs {what} for every face. {table['model'].iloc[0]} has none for "
            f"{missing} of the {table['image_id'].nunique()} faces of {task.name}: add them, or "
            "leave the task out."
        )


def add_timings(timings: Sequence[pd.DataFrame], model: str) -> pd.DataFrame:
    """Add up what the parts of an average cost in each fold.

    Parameters
    ----------
    timings : sequence of DataFrame
        As `Evaluation.timings`, of one task and the same folds.
    model : str
        What the average is called.

    Returns
    -------
    DataFrame
        One row a fold.
    """
    together = pd.concat(timings, ignore_index=True)
    seconds = ["fit_seconds", "predict_ms_per_row"]
    sums = together.groupby("fold", sort=False)[seconds].transform("sum")
    one_part = together.assign(model=model, **{name: sums[name] for name in seconds})
    return one_part.drop_duplicates("fold").reset_index(drop=True)


def _stack(parts: Sequence[np.ndarray]) -> np.ndarray:
    arrays = [np.asarray(part, dtype=np.float64) for part in parts]
    shapes = sorted({array.shape for array in arrays})
    if len(shapes) != 1:
        raise ValueError(f"An average needs arrays of one shape. Got the shapes {shapes}.")
    return np.stack(arrays)


def _check(tables: Sequence[pd.DataFrame], task: Task) -> None:
    if not tables:
        raise PredictionTableError("There are no prediction tables to average.")
    for number, table in enumerate(tables, 1):
        check_columns(table)
        _check_one(table, "model", f"Part {number} of an average")
        _check_one(table, "task", f"Part {number} of an average", task.name)
    # Numbered, since a model may be averaged with another run of itself.
    numbered = [
        table.assign(model=f"{table['model'].iloc[0]} (part {number})")
        for number, table in enumerate(tables, 1)
    ]
    validate(concat(numbered), [task])
    for table in tables:
        check_complete(table, task)


def _check_one(table: pd.DataFrame, column: str, part: str, wanted: str | None = None) -> None:
    found = [str(name) for name in table[column].unique()]
    if len(found) != 1 or wanted not in (None, found[0]):
        raise PredictionTableError(
            f"{part} must be the predictions of one {column}"
            f"{'' if wanted is None else f', {wanted!r}'}. Got {', '.join(found) or 'no rows'}."
        )


def _answers(aligned: Sequence[pd.DataFrame], task: Task) -> dict[str, np.ndarray]:
    if task.is_regression:
        return {"years_pred": average_years([part["years_pred"].to_numpy() for part in aligned])}
    columns = task.probability_columns
    rows = average_probabilities([part[columns].to_numpy() for part in aligned])
    by_column = dict(zip(columns, rows.T, strict=True))
    return {**by_column, "years_pred": task.expected_years(rows)}
