"""What a model answers in each row of the out-of-fold table: a class, years, or nothing.

A model from outside may name classes without probabilities (``y_pred``), and it may give no answer
for a face (``answered`` is 0). Such a face counts as a wrong answer, so that no model looks better
by being silent; what has no meaning without probabilities is not computed.
"""

import numpy as np
import pandas as pd

from pipelines.tasks import Task


def answered(rows: pd.DataFrame) -> np.ndarray:
    """Tell which rows have an answer.

    Parameters
    ----------
    rows : DataFrame
        Of the out-of-fold table.

    Returns
    -------
    ndarray of shape (n,), bool
        All, where the table has no column ``answered``.
    """
    if "answered" not in rows:
        return np.ones(len(rows), dtype=bool)
    return rows["answered"].to_numpy() != 0


def has_probabilities(rows: pd.DataFrame, task: Task) -> bool:
    """Tell whether a model gives probabilities, and not only classes.

    Parameters
    ----------
    rows : DataFrame
        Of one model and `task`.
    task : Task
        A classification; a regression has none.

    Returns
    -------
    bool
    """
    values = rows[task.probability_columns].to_numpy(dtype=np.float64)
    return bool(values.size and np.isfinite(values[answered(rows)]).all())


def predicted_classes(table: pd.DataFrame, task: Task) -> np.ndarray:
    """Give the class that each row answers.

    Parameters
    ----------
    table : DataFrame
        Rows of `task`.
    task : Task
        A classification.

    Returns
    -------
    ndarray of shape (n,), object
        Class names: ``y_pred`` where it is given, else the most probable class, the first in task
        order among equals; None without an answer.
    """
    values = np.nan_to_num(table[task.probability_columns].to_numpy(dtype=np.float64))
    names = np.array(task.classes, dtype=object)[values.argmax(axis=1)]
    if "y_pred" in table:
        given = table["y_pred"].notna().to_numpy()
        names[given] = table["y_pred"].to_numpy(dtype=object)[given]
    names[~answered(table)] = None
    return names
