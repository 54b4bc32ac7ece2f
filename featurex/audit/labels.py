"""What an audit says about labels: which look wrong, and how many of each there are."""

from __future__ import annotations

import numpy as np
import pandas as pd

from featurex.tasks import AGE_GROUP, GENDER, task_labels
from pipelines import Task
from pipelines.audit.label_issues import label_issues, out_of_fold_probabilities

LABEL_COLUMNS = ("task", "image_id", "path", "given", "suggested", "p_given", "p_suggested")
BALANCED = ("gender", "age_group", "race")


def find_wrong_labels(
    X: np.ndarray, table: pd.DataFrame, people: np.ndarray, *, n_folds: int, seed: int
) -> tuple[pd.DataFrame, dict[str, str]]:
    """List the genders and age groups that an out-of-fold classifier contradicts.

    Parameters
    ----------
    X : ndarray of shape (n, n_features)
        Embeddings.
    table : DataFrame
        The manifest's rows of `X`.
    people : ndarray of shape (n,), int64
        Who is in each photo: none is on both sides of a fold.
    n_folds, seed : int
        Of the folds.

    Returns
    -------
    labels : DataFrame
        `task`, `image_id`, `path`, `given`, `suggested`, `p_given`, `p_suggested`; least believed
        first within a task. A class of one person only can't be checked and is left out, and so is
        an age group where the suggested one is next to it: faces look older or younger than they
        are.
    unchecked : dict of str to str
        Why a task could not be checked at all, by its name.
    """
    parts, unchecked = [], {}
    for task in (GENDER, AGE_GROUP):
        try:
            parts.append(_wrong_labels(X, table, people, task, n_folds, seed))
        except ValueError as error:  # no split of these people keeps each class in training
            unchecked[task.name] = str(error)
    parts = [part for part in parts if len(part)]
    found = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=[*LABEL_COLUMNS])
    return found, unchecked


def _wrong_labels(
    X: np.ndarray, table: pd.DataFrame, people: np.ndarray, task: Task, n_folds: int, seed: int
) -> pd.DataFrame:
    rows, y = task_labels(table, task)
    several = pd.Series(people[rows]).groupby(y).transform("nunique").to_numpy() > 1
    rows, y = rows[several], y[several]
    if len(np.unique(y)) < 2:
        return pd.DataFrame(columns=[*LABEL_COLUMNS])
    probabilities, classes = out_of_fold_probabilities(
        X[rows], y, people[rows].tolist(), n_folds=n_folds, random_state=seed
    )
    issues = label_issues(y, probabilities, classes)
    if task.ordered and task.classes:
        given, suggested = (issues[c].map(task.classes.index) for c in ("given", "suggested"))
        issues = issues[abs(given - suggested) > 1].reset_index(drop=True)
    there = table.iloc[rows[issues.pop("row").to_numpy()]]
    issues.insert(0, "task", task.name)
    issues.insert(1, "image_id", there["image_id"].to_numpy(object))
    issues.insert(2, "path", there["path"].to_numpy(object))
    return issues


def class_balance(table: pd.DataFrame) -> pd.DataFrame:
    """Count the rows of each label, and of gender and age group together.

    Parameters
    ----------
    table : DataFrame
        A manifest's table.

    Returns
    -------
    DataFrame
        `label` (``"gender"``, ``"age_group"``, ``"race"`` or ``"gender, age_group"``), `value`
        (str; ``"none"`` where missing), `count` (int; also 0) and `share` (of all rows). A label
        that the data set lacks altogether is left out.
    """
    parts = [
        _counts(name, table[name].astype("category").value_counts(sort=False), len(table))
        for name in BALANCED
        if table[name].notna().any()
    ]
    if table[["gender", "age_group"]].notna().any().all():
        both = table.groupby(["gender", "age_group"], observed=False).size()
        both.index = both.index.map(", ".join)
        parts.append(_counts("gender, age_group", both, len(table)))
    columns = ["label", "value", "count", "share"]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)


def _counts(label: str, counts: pd.Series, n_rows: int) -> pd.DataFrame:
    values, numbers = counts.index.astype(str).tolist(), counts.tolist()
    if missing := n_rows - sum(numbers):
        values, numbers = [*values, "none"], [*numbers, missing]
    shares = np.array(numbers) / n_rows
    return pd.DataFrame({"label": label, "value": values, "count": numbers, "share": shares})
