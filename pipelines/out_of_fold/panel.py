"""The panel: all models of a task beside one another, on the same photos."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from pipelines.folds.subjects import known_subjects
from pipelines.out_of_fold.answers import answered, has_probabilities
from pipelines.out_of_fold.contract import repeats_of, subjects_of
from pipelines.out_of_fold.tallies import add_up, tally_rows
from pipelines.tasks import Task


@dataclass(frozen=True)
class Panel:
    """The tallies of every photo and model of a task.

    Parameters
    ----------
    task : Task
    models : tuple of str
        In the order of the table.
    image_ids : ndarray of shape (n,), object
        Sorted, so that the order of the table's rows changes nothing. A photo that was tested in
        several repeats is as often there, and so are its subject's sums.
    folds : ndarray of shape (n,), int
    repeats : ndarray of shape (n,), int
        In which repeat of the folds each row was tested.
    subjects : ndarray of shape (n,), int
        Who is in each photo; a photo that names nobody is a subject of its own.
    sums : ndarray of shape (n, n_models, K), float64
        As `pipelines.out_of_fold.tallies` describes.
    answered : ndarray of shape (n, n_models), bool
        Where a model gives an answer.
    """

    task: Task
    models: tuple[str, ...]
    image_ids: np.ndarray
    folds: np.ndarray
    repeats: np.ndarray
    subjects: np.ndarray
    sums: np.ndarray
    answered: np.ndarray

    @property
    def n_subjects(self) -> int:
        """Number of different subjects."""
        return int(self.subjects.max()) + 1

    @cached_property
    def n_photos(self) -> int:
        """Number of different photos."""
        return len(np.unique(self.image_ids))

    @property
    def n_repeats(self) -> int:
        """How often the photos were put into folds."""
        return len(np.unique(self.repeats))

    @cached_property
    def by_subject(self) -> np.ndarray:
        """The sums of each subject, shape (n_subjects, n_models, K)."""
        return add_up(self.sums, self.subjects, self.n_subjects)

    @cached_property
    def by_fold(self) -> np.ndarray:
        """The sums of each fold, shape (n_folds, n_models, K), folds sorted."""
        numbers, codes = np.unique(self.folds, return_inverse=True)
        return add_up(self.sums, codes, len(numbers))


def make_panel(predictions: pd.DataFrame, task: Task) -> Panel:
    """Lay the models of a task beside one another.

    Parameters
    ----------
    predictions : DataFrame
        The out-of-fold table, validated, with at least one row of `task`.
    task : Task

    Returns
    -------
    Panel
    """
    parts = {model: part for _, model, part in each_model(predictions, [task])}
    first = next(iter(parts.values()))
    return Panel(
        task=task,
        models=tuple(parts),
        image_ids=first["image_id"].to_numpy(dtype=object),
        folds=first["fold"].to_numpy(dtype=np.int64),
        repeats=repeats_of(first),
        subjects=row_subjects(predictions, first),
        sums=np.stack([tally_rows(part, task) for part in parts.values()], axis=1),
        answered=np.column_stack([answered(part) for part in parts.values()]),
    )


def each_model(
    predictions: pd.DataFrame, tasks: Sequence[Task]
) -> Iterator[tuple[Task, str, pd.DataFrame]]:
    """Yield the rows of every task and model.

    Parameters
    ----------
    predictions : DataFrame
        The out-of-fold table.
    tasks : sequence of Task

    Yields
    ------
    task : Task
        In the order of `tasks`.
    model : str
        In the order of the table.
    rows : DataFrame
        Sorted by `image_id` and fold, so that the order of the table's rows changes nothing.
    """
    for task in tasks:
        rows = predictions[predictions["task"] == task.name]
        for model, part in rows.groupby("model", sort=False):
            yield task, str(model), part.sort_values(["image_id", "fold"])


def each_classification(
    predictions: pd.DataFrame, tasks: Sequence[Task]
) -> Iterator[tuple[Task, dict[str, pd.DataFrame], np.ndarray]]:
    """Yield the rows of every classification that has some.

    Parameters
    ----------
    predictions : DataFrame
        The out-of-fold table, validated.
    tasks : sequence of Task

    Yields
    ------
    task : Task
    parts : dict of str to DataFrame
        Rows by model, each sorted by `image_id` and fold: the same photos.
    subjects : ndarray of shape (n,), int64
        Who is in each of them.
    """
    for task in tasks:
        parts = {model: part for _, model, part in each_model(predictions, [task])}
        if parts and not task.is_regression:
            yield task, parts, row_subjects(predictions, next(iter(parts.values())))


def each_probabilistic(
    predictions: pd.DataFrame, tasks: Sequence[Task]
) -> Iterator[tuple[Task, dict[str, pd.DataFrame], np.ndarray]]:
    """Yield as `each_classification` does, without models that name classes only.

    Yields
    ------
    task : Task
        With at least one model that gives probabilities.
    parts : dict of str to DataFrame
    subjects : ndarray of shape (n,), int64
    """
    for task, parts, subjects in each_classification(predictions, tasks):
        sure = {model: part for model, part in parts.items() if has_probabilities(part, task)}
        if sure:
            yield task, sure, subjects


def each_repeat(rows: pd.DataFrame) -> list[np.ndarray]:
    """Tell which rows belong to each repeat of the folds.

    Parameters
    ----------
    rows : DataFrame
        Rows of one task and model.

    Returns
    -------
    list of ndarray of shape (n,), bool
        One a repeat.
    """
    repeats = repeats_of(rows)
    return [repeats == repeat for repeat in np.unique(repeats)]


def other_folds(rows: pd.DataFrame) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Tell which rows each fold may learn from, so that no row decides about itself.

    Parameters
    ----------
    rows : DataFrame
        Rows of one task and model.

    Yields
    ------
    inside, others : ndarray of shape (n,), bool
        The rows of a fold, and those of the other folds of its repeat: other repeats test the same
        photos.
    """
    folds = rows["fold"].to_numpy()
    for repeat in each_repeat(rows):
        for fold in np.unique(folds[repeat]):
            inside = repeat & (folds == fold)
            yield inside, repeat & ~inside


def has_other_folds(rows: pd.DataFrame) -> bool:
    """Tell whether every row has another fold in its repeat: a held-out test set has none."""
    return all(others.any() for _, others in other_folds(rows))


def rows_of(predictions: pd.DataFrame, task: Task, model: str) -> pd.DataFrame:
    """Find the rows of a classification and model, sorted by `image_id` and fold.

    Raises
    ------
    ValueError
        If the task is a regression, or the table has no row of task and model.
    """
    if task.classes is None:
        raise ValueError(f"Task {task.name!r} is a regression: it has no classes to look at.")
    rows = predictions[predictions["model"] == model]
    for _, _, part in each_model(rows, [task]):
        return part
    raise ValueError(f"The predictions have no row of task {task.name!r} and model {model!r}.")


def row_subjects(predictions: pd.DataFrame, rows: pd.DataFrame) -> np.ndarray:
    """Give the subjects of rows numbers.

    Parameters
    ----------
    predictions : DataFrame
        The whole out-of-fold table, of which any row may name a photo's subject.
    rows : DataFrame
        Some of its rows.

    Returns
    -------
    ndarray of shape (n,), int64
        A photo that names nobody is a subject of its own: one, however often it was tested.
    """
    names = rows["image_id"].map(subjects_of(predictions))
    codes = known_subjects(names.tolist(), len(rows))
    alone = codes < 0
    codes[alone] = codes.max(initial=-1) + 1 + pd.factorize(rows.loc[alone, "image_id"])[0]
    return codes
