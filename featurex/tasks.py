"""What featurex predicts: age group, gender, and age in years."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from featurex.labels import AGE_GROUP_YEARS, AGE_GROUPS, GENDERS
from featurex.manifest import TASK_COLUMNS, Manifest
from pipelines import Task

AGE_GROUP = Task("age-group", AGE_GROUPS, ordered=True, years=AGE_GROUP_YEARS)
GENDER = Task("gender", GENDERS)
AGE = Task("age", None)
TASKS = {task.name: task for task in (AGE_GROUP, GENDER, AGE)}


def choose_tasks(names: Sequence[str], manifest: Manifest) -> list[Task]:
    """Return the named tasks, or all that the data set has labels for.

    Raises
    ------
    ValueError
        An unknown task, or one without a single label.
    """
    labelled = manifest.tasks()
    if not labelled:
        raise ValueError(
            f"The data set {manifest.dataset!r} has no labels: nothing can be trained on it."
        )
    for name in names:
        if name not in TASKS:
            raise ValueError(f"Unknown task {name!r}. The tasks are {', '.join(TASKS)}.")
        if name not in labelled:
            raise ValueError(
                f"The data set {manifest.dataset!r} has no label for {name!r}; "
                f"it has labels for {', '.join(labelled)}."
            )
    return [task for task in TASKS.values() if task.name in (names or labelled)]


def task_labels(table: pd.DataFrame, task: Task) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows that have a label, and these labels.

    Parameters
    ----------
    table : DataFrame
        A manifest's table.
    task : Task

    Returns
    -------
    rows : ndarray of int
        Positions in the table.
    y : ndarray
        Class names, or years as float64.
    """
    column = table[TASK_COLUMNS[task.name]]
    rows = np.flatnonzero(column.notna())
    labels = column.iloc[rows]
    return rows, labels.to_numpy(float) if task.is_regression else labels.astype(str).to_numpy(str)
