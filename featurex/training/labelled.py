"""What a training learns from labels: its heads, their labels as numbers, and who validates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from featurex.networks.base import FaceNetwork
from featurex.training.heads import AGE, MISSING, Head
from featurex.training.run import deciding_heads
from featurex.training.settings import TrainingSettings
from pipelines import inner_holdout

Codes = dict[str, np.ndarray]


def make_head(
    name: str, classes: tuple[str, ...], kind: type[FaceNetwork], settings: TrainingSettings
) -> Head:
    """Make the head of a task, for a network of one kind."""
    return Head(name, classes, width=kind.label_width, answer=settings.age_answer)


def heads_and_codes(
    asked: Head,
    y: np.ndarray,
    side: Mapping[str, Any],
    kind: type[FaceNetwork],
    settings: TrainingSettings,
) -> tuple[list[Head], Codes]:
    """Return all that a network learns, and its labels as numbers.

    Parameters
    ----------
    asked : Head
    y : ndarray of shape (n,)
        Its labels.
    side : mapping of str to array-like of shape (n,)
        Labels of other tasks, None or NaN where missing. Those of one kind only are left out.
    kind : type of FaceNetwork
        Which of them it learns.
    settings : TrainingSettings

    Returns
    -------
    heads : list of Head
        The one that is asked for first; with ``side_tasks="all"`` in the order of their names, the
        same whichever is asked for.
    codes : dict of str to ndarray of shape (n,)
        By head.

    Raises
    ------
    ValueError
        Labels of another length than `y`, or that don't fit.
    """
    everything = settings.side_tasks == "all"
    heads, codes = [asked], {asked.name: asked.encode(y)}
    for name in kind.learns(asked.name, side, everything=everything)[1:]:
        labels = np.asarray(side[name], dtype=object)
        if labels.shape != y.shape:
            raise ValueError(
                f"The side labels {name!r} must have {len(y)} rows, as y has. Got {len(labels)}."
            )
        known = labels[~pd.isna(labels)]
        classes = () if name == AGE else tuple(np.unique(known.astype(str)))
        if len(known) and (name == AGE or len(classes) > 1):
            heads.append(make_head(name, classes, kind, settings))
            codes[name] = heads[-1].encode(labels)
    return sorted(heads, key=lambda head: head.name) if everything else heads, codes


def validation_split(
    heads: Sequence[Head],
    asked: Head,
    codes: Codes,
    groups: Sequence[Any] | None,
    settings: TrainingSettings,
    random_state: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Set rows aside that decide which epoch is the best.

    No subject is on both sides. The split is stratified by the first head that decides, has classes
    and a label in every row, and can be stratified by.

    Parameters
    ----------
    heads, codes
        As `heads_and_codes` returns them.
    asked : Head
        One of `heads`.
    groups : sequence of length n, or None
        Subjects.
    settings : TrainingSettings
    random_state : int

    Returns
    -------
    (train, valid) : ndarrays of int
        Row numbers, sorted.

    Raises
    ------
    ValueError
        Too few subjects, or of a class of `asked`.
    """

    def split(labels: np.ndarray, *, stratified: bool) -> tuple[np.ndarray, np.ndarray]:
        return inner_holdout(
            labels,
            groups,
            n_folds=settings.validation_folds,
            random_state=random_state,
            classification=stratified,
        )

    for head in deciding_heads(heads, settings):
        if head.classes and (codes[head.name] != MISSING).all():
            try:
                return split(np.array(head.classes)[codes[head.name]], stratified=True)
            except ValueError:
                if head is asked:
                    raise  # a class that is only learnt beside may have too few people
    return split(codes[asked.name], stratified=False)
