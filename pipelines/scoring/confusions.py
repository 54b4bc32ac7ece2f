"""Confusions: of one model as a matrix, and of every classification and model as a long table."""

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from pipelines.errors import PredictionTableError
from pipelines.out_of_fold.answers import predicted_classes
from pipelines.out_of_fold.panel import each_model, rows_of
from pipelines.scoring.missing import NO_ANSWER
from pipelines.tasks import Task

COLUMNS = ["task", "model", "true", "predicted", "count"]
MOST_CLASSES = 200

# Names of task and model, and their matrix.
Named = tuple[str, str, pd.DataFrame]


def confusion(predictions: pd.DataFrame, task: Task, model: str) -> pd.DataFrame:
    """Count true against predicted classes.

    Parameters
    ----------
    predictions : DataFrame
        The out-of-fold table.
    task : Task
        A classification.
    model : str
        Name of the model.

    Returns
    -------
    DataFrame of int
        True classes as rows, predicted classes as columns, both in task order; last a column
        ``no answer``, where that occurs.

    Raises
    ------
    ValueError
        If the task is a regression, or the table has no row of task and model.
    """
    return _matrix(rows_of(predictions, task, model), task)


def _matrix(rows: pd.DataFrame, task: Task) -> pd.DataFrame:
    classes = list(task.classes or ())
    answers = pd.Series(predicted_classes(rows, task), dtype=object).fillna(NO_ANSWER)
    counts = pd.crosstab(rows["y_true"].to_numpy(dtype=object), answers.to_numpy())
    columns = [*classes, *([NO_ANSWER] if NO_ANSWER in counts else [])]
    counts = counts.reindex(index=classes, columns=columns, fill_value=0)
    return counts.rename_axis(index="true", columns="predicted")


def confusion_table(predictions: pd.DataFrame, tasks: Sequence[Task] = ()) -> pd.DataFrame:
    """Count true against predicted classes, of every model.

    Parameters
    ----------
    predictions : DataFrame
        The out-of-fold table.
    tasks : sequence of Task, default=()
        The tasks that may occur: what is counted is then `confusion`. Without them a task's classes
        are those that some of its rows have a probability of, a row's answer is the most probable
        one, the first among equals, and rows without probabilities count nowhere.

    Returns
    -------
    DataFrame
        ``task``, ``model``, ``true``, ``predicted`` and ``count``, zeros too; classes in task order
        or that of the probabilities, ``no answer`` last, where that occurs. A regression has none.

    Raises
    ------
    PredictionTableError
        If a task has more than 200 classes.
    """
    matrices = _of_tasks(predictions, tasks) if tasks else _of_probabilities(predictions)
    tables = [
        _long(matrix).assign(task=task, model=model)[COLUMNS] for task, model, matrix in matrices
    ]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=COLUMNS)


def _of_tasks(predictions: pd.DataFrame, tasks: Sequence[Task]) -> Iterator[Named]:
    classifications = [task for task in tasks if task.classes is not None]
    for task, model, rows in each_model(predictions, classifications):
        _check_classes(task.name, task.probability_columns)
        yield task.name, model, _matrix(rows, task)


def _of_probabilities(predictions: pd.DataFrame) -> Iterator[Named]:
    probabilities = [name for name in predictions.columns if name.startswith("p_")]
    for (task, model), rows in predictions.groupby(["task", "model"], sort=False):
        rows = rows[rows["y_true"].notna()]
        known = [name for name in probabilities if rows[name].notna().any()]
        _check_classes(task, known)
        rows = rows.dropna(subset=known)
        if known and len(rows):
            yield task, model, _most_probable(rows, known)


def _check_classes(task: str, probabilities: Sequence[str]) -> None:
    if len(probabilities) > MOST_CLASSES:
        raise PredictionTableError(
            f"The task {task!r} has {len(probabilities)} classes, more than {MOST_CLASSES}."
        )


def _most_probable(rows: pd.DataFrame, probabilities: list[str]) -> pd.DataFrame:
    classes = [name.removeprefix("p_") for name in probabilities]
    answers = rows[probabilities].to_numpy(dtype=np.float64).argmax(axis=1)
    true = pd.Index(classes).get_indexer(rows["y_true"].to_numpy(dtype=object))
    known = true >= 0
    n = len(classes)
    cells = np.bincount(true[known] * n + answers[known], minlength=n * n)
    return pd.DataFrame(cells.reshape(n, n), index=classes, columns=classes)


def _long(matrix: pd.DataFrame) -> pd.DataFrame:
    true, predicted = (side.to_numpy(dtype=object) for side in (matrix.index, matrix.columns))
    cells = {"true": np.repeat(true, len(predicted)), "predicted": np.tile(predicted, len(true))}
    return pd.DataFrame(cells | {"count": matrix.to_numpy().ravel()})
