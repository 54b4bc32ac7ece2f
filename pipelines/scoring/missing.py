"""What a comparison says of models that don't answer every face, or name classes only."""

from collections.abc import Iterator, Sequence

import pandas as pd

from pipelines.out_of_fold.answers import has_probabilities
from pipelines.out_of_fold.panel import each_model
from pipelines.scoring.scores import METRICS
from pipelines.tasks import Task

# Its column in printed tables and confusion matrices.
NO_ANSWER = "no answer"

_COUNTS_AS = (
    "A face without an answer counts as wrong in every share, as the class farthest from the true "
    "one in kappa, and in MAE as the median true age of all faces, which is what somebody says who "
    "sees no photo."
)


def answer_notes(
    table: pd.DataFrame, predictions: pd.DataFrame, tasks: Sequence[Task]
) -> list[str]:
    """Say who is silent on which faces, how that counts, and who gives no probabilities.

    Parameters
    ----------
    table : DataFrame
        As of `Comparison`.
    predictions : DataFrame
        The out-of-fold table.
    tasks : sequence of Task

    Returns
    -------
    list of str
        Empty where every model gives an answer to every face, with probabilities.
    """
    silent = table[table["n_missing"] > 0]
    notes = [_silence(row) for _, row in silent.iterrows()]
    return [*notes, *([_COUNTS_AS] if notes else []), *_without_probabilities(predictions, tasks)]


def _silence(row: pd.Series) -> str:
    scores = [
        f"{metric.heading} {row[f'{metric.name}_answered'] * metric.scale:.{metric.decimals}f}"
        for metric in METRICS
        if pd.notna(row[f"{metric.name}_answered"])
    ]
    return (
        f"{row['model']}, {row['task']}: no answer for {row['n_missing']} of {row['n_rows']} "
        "faces. "
        f"On the others alone: {', '.join(scores) or 'no score'}."
    )


def _without_probabilities(predictions: pd.DataFrame, tasks: Sequence[Task]) -> Iterator[str]:
    names: dict[str, list[str]] = {}
    classifications = [task for task in tasks if not task.is_regression]
    for task, model, part in each_model(predictions, classifications):
        if not has_probabilities(part, task):
            names.setdefault(model, []).append(task.name)
    for model, of_tasks in names.items():
        yield (
            f"{model} names classes without probabilities ({', '.join(of_tasks)}): calibration and "
            "selective answers are not defined for it, and left out."
        )
