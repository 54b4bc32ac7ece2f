"""The threshold of a reject option: chosen on out-of-fold predictions, measured on other folds."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from pipelines.out_of_fold.answers import has_probabilities
from pipelines.out_of_fold.panel import has_other_folds, rows_of
from pipelines.scoring.reliability import confidences
from pipelines.scoring.selective import selective_table, threshold_for_accuracy
from pipelines.tasks import Task

# With fewer faces answered than this nobody can say whether that is as accurate as asked.
LEAST_ANSWERS = 20


@dataclass(frozen=True)
class RejectOption:
    """When a model of a task declines to answer.

    Attributes
    ----------
    asked : float
        The accuracy that its answers shall have, in (0, 1].
    threshold : float or None
        The least confidence that is answered; None where none is enough for the asked accuracy, so
        that nothing is answered.
    coverage, accuracy : float or None
        The share of faces that is answered, and how right these answers are, each fold with a
        threshold that was chosen on the other folds; None without an answer.
    low, high : float or None
        The 95 % interval of the accuracy, over people.
    """

    asked: float
    threshold: float | None
    coverage: float | None = None
    accuracy: float | None = None
    low: float | None = None
    high: float | None = None


def choose_threshold(
    predictions: pd.DataFrame, task: Task, model: str, asked: float, *, random_state: int = 0
) -> RejectOption:
    """Choose the threshold with the most answers that are as accurate as asked.

    Parameters
    ----------
    predictions : DataFrame
        The out-of-fold table, of two folds or more.
    task : Task
        A classification.
    model : str
    asked : float
        In (0, 1].
    random_state : int, default=0
        Seed of the interval.

    Returns
    -------
    RejectOption
        The threshold is chosen on all rows, for a model that is trained on all of them. There is
        none where fewer than `LEAST_ANSWERS` faces would be answered.

    Raises
    ------
    ValueError
        If `asked` is not in (0, 1], the task is a regression, the table has no row of it and
        the model, the model names classes only, or a repeat has one fold, as test sets have.
    """
    rows = rows_of(predictions, task, model)
    if not has_probabilities(rows, task):
        raise ValueError(
            f"A threshold is one of probabilities, and model {model!r} gives none of {task.name!r}."
        )
    if not has_other_folds(rows):
        raise ValueError(
            "A threshold for a fold is chosen on others of its repeat. Got 1 fold a repeat, as of "
            "test sets: use a protocol with folds, such as 'subject'."
        )
    confidence, correct = confidences(rows, task)
    threshold = threshold_for_accuracy(confidence, correct, asked)
    if rows.loc[confidence >= threshold, "image_id"].nunique() < LEAST_ANSWERS:
        return RejectOption(asked, None)
    table = selective_table(
        predictions[predictions["model"] == model],
        [task],
        coverages=(),
        accuracies=(asked,),
        random_state=random_state,
    )
    names = ("coverage", "accuracy", "low", "high")
    measured = {name: _finite(table[name].iloc[0]) for name in names}
    return RejectOption(asked, threshold, **measured)


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
