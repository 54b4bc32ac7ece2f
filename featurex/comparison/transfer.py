"""Across data sets: models are trained on all of one and tested on all of another.

Scores inside one data set are too good for other photos: light, cameras, ages and the way that
labels were made are alike. What both data sets label in one way is compared: years, age groups of
one policy, gender, and races of the same word. What has no such label is left out and counted.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from featurex.comparison.design import Design
from featurex.comparison.face_table import FaceTable
from featurex.comparison.left_out import left_out
from featurex.exceptions import DatasetError
from featurex.manifest import COLUMNS, TASK_COLUMNS, Manifest, make_table
from featurex.tasks import choose_tasks, task_labels
from pipelines import Folds, Task
from pipelines.report.words import count

# In the column `fold` of both data sets' photos.
TRAIN, TEST = -1, 0

SAME_PHOTO = "photo of the test data"
SAME_PERSON = "person of the test data"


class TransferTable(FaceTable):
    """The faces of two data sets: one to train on, the other to test on.

    Parameters
    ----------
    manifest : Manifest
        As `join_manifests` makes it.
    cache : FaceCache
        Filled with both.

    Raises
    ------
    DatasetError
        One of the two has no face.
    """

    def folds(self, design: Design) -> Folds:
        """Return the one fold: the test data. The training data are in none."""
        sides = self.table["fold"].to_numpy(np.int64)
        for side, what in ((TRAIN, "train on"), (TEST, "test on")):
            if not (sides == side).any():
                raise DatasetError(f"{self.manifest.dataset}: there is no face to {what}.")
        train, test = (self.table.loc[sides == side, "dataset"].iloc[0] for side in (TRAIN, TEST))
        note = (
            "all that is kept of the one, all that is kept of the other; no photo and no "
            "subject_id is on both sides"
        )
        return Folds(f"train on {train}, test on {test}", sides, 1, note)

    def count_notes(self, tasks: Sequence[Task]) -> list[str]:
        """Say how many faces there are to train and to test on, and which labels don't fit."""
        sides = self.table["fold"].to_numpy(np.int64)
        n_train, n_test = int((sides == TRAIN).sum()), int((sides == TEST).sum())
        note = (
            f"Trained on {count(n_train, 'face')}, tested on {n_test}; "
            f"{count(self.n_without_face, 'photo')} of both without one"
            f"{left_out(self._dropped_by_readers)}."
        )
        return [note, *(_label_note(self.table, sides, task) for task in tasks)]

    @property
    def _dropped_by_readers(self) -> dict[str, int]:
        told = (SAME_PHOTO, SAME_PERSON)  # by a note of `join_manifests`
        return {why: n for why, n in self.manifest.dropped.items() if why not in told}


def join_manifests(train: Manifest, test: Manifest) -> Manifest:
    """Put two data sets into one manifest, whose column `fold` says which side a photo is on.

    A photo that is in both, byte by byte, and photos of a subject that both name are left out of
    the training side and counted. Equal `subject_id` count as one person also where two data sets
    may just number alike: a training photo too few is no leak.

    Parameters
    ----------
    train, test : Manifest

    Returns
    -------
    Manifest
        The training photos first; `fold` is -1 for them, 0 for those to test on.

    Raises
    ------
    DatasetError
        No photo is left to train on.
    """
    people = test.table["subject_id"].dropna()
    same_photo = train.table["image_id"].isin(test.table["image_id"])
    same_person = ~same_photo & train.table["subject_id"].isin(people)
    kept = train.table[~same_photo & ~same_person]
    removed = {SAME_PHOTO: int(same_photo.sum()), SAME_PERSON: int(same_person.sum())}
    if kept.empty:
        raise DatasetError(
            f"Every photo of {train.dataset!r} is in {test.dataset!r} too, or has a subject_id "
            "that is there: nothing is left to train on."
        )
    table = _stacked(kept.assign(fold=TRAIN), test.table.assign(fold=TEST))
    note = (
        f"Not trained on: {count(removed[SAME_PHOTO], 'photo')} of the test data, "
        f"{removed[SAME_PERSON]} of people (subject_id) who are in them."
    )
    return replace(
        train,
        table=table,
        dropped=_both(train.dropped | removed, test.dropped, test.dataset),
        dataset=f"{train.dataset} to {test.dataset}",
        notes=tuple(dict.fromkeys((*train.notes, *test.notes, note))),
        examples=train.examples,
    )


def shared_tasks(names: Sequence[str], train: Manifest, test: Manifest) -> list[Task]:
    """Return the named tasks, or the usual ones, that both data sets have labels for.

    Parameters
    ----------
    names : sequence of str
    train, test : Manifest

    Raises
    ------
    ValueError
        A named task that one of them has no label for, or none that both have.
    """
    tasks = choose_tasks(names, train)
    shared = [task for task in tasks if len(task_labels(test.table, task)[0])]
    lacking = [task.name for task in tasks if task not in shared]
    if lacking and (names or not shared):
        raise ValueError(
            f"The data set {test.dataset!r} has no label that {train.dataset!r} has too for "
            f"{', '.join(lacking)}: it can't be tested there."
        )
    return shared


def _stacked(*tables: pd.DataFrame) -> pd.DataFrame:
    """Put tables under one another; labels become text, since two may have other categories."""
    rows = pd.concat([table.astype({"age_group": object, "gender": object}) for table in tables])
    columns = {name: rows[name].to_numpy(object) for name in COLUMNS if name != "dataset"}
    return make_table(columns, "").assign(dataset=rows["dataset"].to_numpy(object))


def _both(train: dict[str, int], test: dict[str, int], name: str) -> dict[str, int]:
    """Put the counts of what was dropped beside one another."""
    return {reason: n for reason, n in train.items() if n} | {
        f"{reason} ({name}, to test on)": n for reason, n in test.items()
    }


def _label_note(table: pd.DataFrame, sides: np.ndarray, task: Task) -> str:
    rows, y = task_labels(table, task)
    train, test = (rows[sides[rows] == side] for side in (TRAIN, TEST))
    left_out = [
        f"{(sides == side).sum() - len(kept)} to {what}"
        for side, kept, what in ((TRAIN, train, "train on"), (TEST, test, "test on"))
    ]
    note = f"{task.name}: {count(len(train), 'face')} to train on, {len(test)} to test on"
    note += f"; without such a label {' and '.join(left_out)}"
    words = ", ".join([*_other_words(table, sides, task), *_unlearnt(y, sides[rows], task)])
    return f"{note} ({words})." if words else f"{note}."


def _other_words(table: pd.DataFrame, sides: np.ndarray, task: Task) -> Iterator[str]:
    """Name the labels of the test data that are no class."""
    if task.classes is not None:
        labels = table.loc[sides == TEST, TASK_COLUMNS[task.name]].dropna().astype(str)
        for word, n in labels[~labels.isin(task.classes)].value_counts().items():
            yield f"{count(n, 'face')} labelled {word!r}, which is no class here"


def _unlearnt(y: np.ndarray, sides: np.ndarray, task: Task) -> Iterator[str]:
    """Name the classes that are tested but can't be learnt."""
    for name in task.classes or ():
        n = int((y[sides == TEST] == name).sum())
        if n and not (y[sides == TRAIN] == name).any():
            yield f"no face to train on is {name!r}: its {n} count as wrong"
