"""Confusions: of one model as a matrix, and of every classification and model as a long table."""

import numpy as np
import pandas as pd

from pipelines.errors import PredictionTableError
from pipelines.out_of_fold.answers import predicted_classes
from pipelines.out_of_fold.panel import rows_of
from pipelines.scoring.missing import NO_ANSWER
from pipelines.tasks import Task

COLUMNS = ["task", "model", "true", "predicted", "count"]
MOST_CLASSES = 200


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
    rows = rows_of(predictions, task, model)
    classes = list(task.classes or ())
    answers = pd.Series(predicted_classes(rows, task), dtype=object).fillna(NO_ANSWER)
    counts = pd.crosstab(rows["y_true"].to_numpy(dtype=object), answers.to_numpy())
    columns = [*classes, *([NO_ANSWER] if NO_ANSWER in counts else [])]
    counts = counts.reindex(index=classes, columns=columns, fill_value=0)
    return counts.rename_axis(index="true", columns="predicted")


def confusion_table(predictions: pd.DataFrame) -> pd.DataFrame:
    """Count true against predicted classes.

    Parameters
    ----------
    predictions : DataFrame
        The out-of-fold table. What its classes are is seen from the probabilities that a task's
        rows have; a row's answer is the most probable, the first among equals.

    Returns
    -------
    DataFrame
        ``task``, ``model``, ``true``, ``predicted`` and ``count``, zeros too; classes in the order
        of the probabilities. Rows without probabilities (a regression) count nowhere.

    Raises
    ------
    PredictionTableError
        If a task has more than 200 classes.
    """
    probabilities = [name for name in predictions.columns if name.startswith("p_")]
    tables = []
    for (task, model), rows in predictions.groupby(["task", "model"], sort=False):
        rows = rows[rows["y_true"].notna()]
        known = [name for name in probabilities if rows[name].notna().any()]
        if len(known) > MOST_CLASSES:
            raise PredictionTableError(
                f"The task {task!r} has {len(known)} classes, more than {MOST_CLASSES}."
            )
        rows = rows.dropna(subset=known)
        if known and len(rows):
            tables.append(_counts(rows, known).assign(task=task, model=model)[COLUMNS])
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=COLUMNS)


def _counts(rows: pd.DataFrame, probabilities: list[str]) -> pd.DataFrame:
    classes = [name.removeprefix("p_") for name in probabilities]
    answers = rows[probabilities].to_numpy(dtype=np.float64).argmax(axis=1)
    true = pd.Index(classes).get_indexer(rows["y_true"].to_numpy(dtype=object))
    known = true >= 0
    n = len(classes)
    cells = np.bincount(true[known] * n + answers[known], minlength=n * n)
    return pd.DataFrame({"true": np.repeat(classes, n), "predicted": classes * n, "count": cells})
