"""What featurex predicts: age group, gender, age in years; gender of three classes, and race."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from featurex.labels import AGE_GROUP_YEARS, AGE_GROUPS, GENDERS, UNDEFINED
from featurex.manifest import TASK_COLUMNS, Manifest
from pipelines import Task

AGE_GROUP = Task("age-group", AGE_GROUPS, ordered=True, years=AGE_GROUP_YEARS)
GENDER = Task("gender", GENDERS)
AGE = Task("age", None)
GENDER_3 = Task("gender-3", (*GENDERS, UNDEFINED))
TASKS = {task.name: task for task in (AGE_GROUP, GENDER, AGE, GENDER_3)}
# Its classes are each data set's own words.
RACE = "race"


def find_task(name: str, classes: Sequence[str]) -> Task:
    """Return the task of a name and a model's classes.

    Raises
    ------
    ValueError
        No such task, or classes that are not of the task.
    """
    if name == RACE:
        return Task(RACE, tuple(classes))
    if name not in TASKS:
        raise ValueError(f"Unknown task {name!r}. The tasks are {', '.join((*TASKS, RACE))}.")
    task = TASKS[name]
    if not set(classes) <= set(task.classes or ()):
        raise ValueError(f"{', '.join(classes)} are no classes of the task {name!r}.")
    return task


def choose_tasks(names: Sequence[str], manifest: Manifest) -> list[Task]:
    """Return the named tasks, or those of age and gender that the data set has labels for.

    Race, and gender of three classes, must be asked for by name.

    Raises
    ------
    ValueError
        An unknown task, or one without a single label.
    """
    usual = manifest.tasks()
    labelled = (*usual, *manifest.more_tasks())
    if not (labelled if names else usual):
        raise ValueError(
            f"The data set {manifest.dataset!r} has no labels: nothing can be trained on it."
        )
    for name in names:
        known = (*TASKS, RACE)
        if name not in known:
            raise ValueError(f"Unknown task {name!r}. The tasks are {', '.join(known)}.")
        if name not in labelled:
            raise ValueError(
                f"The data set {manifest.dataset!r} has no label for {name!r}; "
                f"it has labels for {', '.join(labelled)}."
            )
    tasks = [task for task in TASKS.values() if task.name in (names or usual)]
    if RACE in names:
        words = manifest.table["race"].dropna().unique()
        tasks.append(Task(RACE, tuple(sorted(words))))
    return tasks


def side_labels(table: pd.DataFrame, task: Task, wanted: Sequence[str]) -> dict[str, np.ndarray]:
    """Return the labels of other tasks, None where missing.

    Parameters
    ----------
    table : DataFrame
        A manifest's table.
    task : Task
        The task itself: what is told by the same column is left out.
    wanted : sequence of str
        Names of tasks; those that no row has a label for are left out.

    Returns
    -------
    dict of str to ndarray of object, shape (n_rows,)
    """
    columns = {
        name: table[TASK_COLUMNS[name]].astype(object)
        for name in wanted
        if TASK_COLUMNS[name] != TASK_COLUMNS[task.name]
    }
    if GENDER.name in columns:
        columns[GENDER.name] = columns[GENDER.name].where(columns[GENDER.name] != UNDEFINED)
    return {
        name: column.where(column.notna(), None).to_numpy(object)
        for name, column in columns.items()
        if column.notna().any()
    }


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
    known = column.notna() if task.is_regression else column.isin(task.classes)
    rows = np.flatnonzero(known)
    labels = column.iloc[rows]
    return rows, labels.to_numpy(float) if task.is_regression else labels.astype(str).to_numpy(str)
