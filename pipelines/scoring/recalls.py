"""The recall of every class: who is overlooked, which an accuracy over all classes hides."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from pipelines.out_of_fold.panel import each_classification
from pipelines.out_of_fold.predictions import predicted_classes
from pipelines.scoring.intervals import mean_intervals
from pipelines.tasks import Task

COLUMNS = ["task", "model", "class", "n_rows", "n_subjects", "recall", "low", "high"]


def recall_table(
    predictions: pd.DataFrame, tasks: Sequence[Task], random_state: int = 0
) -> pd.DataFrame:
    """Compute the recall of every class, task and model.

    Parameters
    ----------
    predictions : DataFrame
        The out-of-fold table.
    tasks : sequence of Task
    random_state : int, default=0

    Returns
    -------
    DataFrame
        One row a task, model and class that has rows: ``n_rows`` and ``n_subjects`` of the class,
        ``recall`` in [0, 1] and its 95 % interval over subjects, ``low`` and ``high``.
    """
    tables = []
    for task, parts, subjects in each_classification(predictions, tasks):
        true = next(iter(parts.values()))["y_true"].to_numpy(dtype=object)
        photos = next(iter(parts.values()))["image_id"].to_numpy(dtype=str)
        names = [name for name in task.classes or () if (true == name).any()]
        right = [true == predicted_classes(part, task) for part in parts.values()]
        columns = [np.where(true == name, hits, np.nan) for hits in right for name in names]
        values = np.column_stack(columns)
        low, high = mean_intervals(values, subjects, random_state=random_state).T
        facts = {
            "task": task.name,
            "model": np.repeat(list(parts), len(names)),
            "class": names * len(parts),
            "n_rows": [len(np.unique(photos[true == name])) for name in names] * len(parts),
            "n_subjects": [len(np.unique(subjects[true == name])) for name in names] * len(parts),
            "recall": np.nanmean(values, axis=0),
        }
        tables.append(pd.DataFrame({**facts, "low": low, "high": high}))
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=COLUMNS)
