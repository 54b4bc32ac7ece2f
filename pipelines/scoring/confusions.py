"""Confusions: of one model as a matrix, and of every classification and model as a long table."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from pipelines.out_of_fold.answers import predicted_classes
from pipelines.out_of_fold.panel import each_model, rows_of
from pipelines.scoring.missing import NO_ANSWER
from pipelines.tasks import Task

COLUMNS = ["task", "model", "true", "predicted", "count"]


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


def confusion_table(predictions: pd.DataFrame, tasks: Sequence[Task]) -> pd.DataFrame:
    """Count true against predicted classes, of every model.

    Parameters
    ----------
    predictions : DataFrame
        The out-of-fold table.
    tasks : sequence of Task
        A regression has no classes to count.

    Returns
    -------
    DataFrame
        `confusion` as ``task``, ``model``, ``true``, ``predicted`` and ``count``, zeros too.
    """
    classifications = [task for task in tasks if task.classes is not None]
    tables = [
        _long(_matrix(rows, task)).assign(task=task.name, model=model)[COLUMNS]
        for task, model, rows in each_model(predictions, classifications)
    ]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=COLUMNS)


def _long(matrix: pd.DataFrame) -> pd.DataFrame:
    true, predicted = (side.to_numpy(dtype=object) for side in (matrix.index, matrix.columns))
    cells = {"true": np.repeat(true, len(predicted)), "predicted": np.tile(predicted, len(true))}
    return pd.DataFrame(cells | {"count": matrix.to_numpy().ravel()})
