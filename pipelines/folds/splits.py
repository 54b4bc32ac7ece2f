"""Splits inside a training set, for tuning and calibration; no person is on both sides."""

import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn.model_selection import KFold, StratifiedKFold

from pipelines.folds.subject_folds import SubjectKFold
from pipelines.folds.subjects import subject_codes

Split = tuple[np.ndarray, np.ndarray]

# How often to shuffle anew when a training side misses a class.
_ATTEMPTS = 10

# The rows and subjects that a sample keeps of a class, where it has as many: ten in each of three
# folds.
_LEAST_ROWS = 30


def split_quietly(splitter: Any, strata: np.ndarray, codes: np.ndarray | None) -> Iterator[Split]:
    """Run a stratified splitter; strata too rare for every fold are no warning here."""
    with warnings.catch_warnings():
        # A rare stratum can't be in every fold: scikit-learn warns, the caller has checked.
        warnings.filterwarnings("ignore", message="The least populated class")
        yield from splitter.split(np.zeros(len(strata)), strata, codes)


def lone_classes(y: np.ndarray, codes: np.ndarray) -> list[Any]:
    """Return the classes that have one subject only: `inner_splits` refuses them.

    Parameters
    ----------
    y : ndarray of shape (n,)
        Classes.
    codes : ndarray of shape (n,), int
        Subjects.
    """
    subjects = _subjects_of_classes(y, codes)
    return sorted(subjects.index[subjects < 2])


def _subjects_of_classes(y: np.ndarray, codes: np.ndarray) -> pd.Series:
    pairs = pd.DataFrame({"y": y, "group": codes}).drop_duplicates()
    return pairs["y"].value_counts()


def _stratified_splits(
    y: np.ndarray, codes: np.ndarray, n_folds: int, rng: np.random.RandomState
) -> list[Split]:
    subjects = _subjects_of_classes(y, codes)
    if subjects.min() < 2:
        raise ValueError(
            f"The class {subjects.idxmin()!r} has only one subject, so it can't be learnt and "
            "tested on different people. Drop the class or add subjects."
        )
    alone = len(np.unique(codes)) == len(codes)
    for count in range(min(n_folds, subjects.min()), 1, -1):
        for _ in range(1 if alone else _ATTEMPTS):
            splits = _draw(y, codes, count, rng)
            if all(len(np.unique(y[train])) == len(subjects) for train, _ in splits):
                return splits
    raise ValueError(
        f"No split of {len(np.unique(codes))} subjects keeps each of the {len(subjects)} classes "
        "in training. Drop the rare classes or add subjects."
    )


def _draw(y: np.ndarray, codes: np.ndarray, count: int, rng: np.random.RandomState) -> list[Split]:
    if len(np.unique(codes)) == len(codes):
        rows = StratifiedKFold(count, shuffle=True, random_state=rng)
        return list(split_quietly(rows, y, None))
    return list(split_quietly(SubjectKFold(count, random_state=rng), y, codes))


def _plain_splits(codes: np.ndarray, n_folds: int, rng: np.random.RandomState) -> list[Split]:
    count = min(n_folds, len(np.unique(codes)))
    if count < 2:
        raise ValueError(f"An inner split needs two subjects or more. Got {count} subject.")
    alone = len(np.unique(codes)) == len(codes)
    if alone:
        return list(KFold(count, shuffle=True, random_state=rng).split(codes))
    return list(SubjectKFold(count, random_state=rng).split(codes, np.zeros(len(codes)), codes))


def sample_rows(
    y: np.ndarray,
    codes: np.ndarray,
    max_rows: int,
    rng: np.random.RandomState,
    *,
    classification: bool = True,
) -> np.ndarray:
    """Choose about so many rows: the same fraction of every class, and more of rare ones.

    Parameters
    ----------
    y : ndarray of shape (n,)
        Classes, or years.
    codes : ndarray of shape (n,), int
        Subject of each row.
    max_rows : int
    rng : RandomState
    classification : bool, default=True
        Whether `y` holds classes.

    Returns
    -------
    ndarray of shape (n,), bool
        Exactly `max_rows` of years. Of each class its fraction, rounded up, and at least 30 rows of
        as many subjects, or all that there are: a class of few people must stay one that can be
        learnt and tested on different people. Many classes of few rows get half an equal share.
    """
    y = y if classification else np.zeros(len(y))
    keep = np.zeros(len(y), dtype=bool)
    classes = [np.flatnonzero(y == label) for label in np.unique(y)]
    for rows in classes:
        count = int(np.ceil(len(rows) * max_rows / len(y)))
        keep[rng.choice(rows, count, replace=False)] = True
    # After all draws, so that a rare class changes nothing of the others.
    least = min(_LEAST_ROWS, max_rows // (2 * len(classes))) if classification else 0
    for rows in classes:
        keep[_missing_rows(rows, keep, codes, least, rng)] = True
    return keep


def _missing_rows(
    rows: np.ndarray, keep: np.ndarray, codes: np.ndarray, least: int, rng: np.random.RandomState
) -> np.ndarray:
    """Choose what a sample lacks of so many rows and subjects of a class, new subjects first."""
    kept, others = rows[keep[rows]], rows[~keep[rows]]
    people = np.unique(codes[kept])
    if len(people) >= least or not len(others):
        return others[:0]
    others = rng.permutation(others)
    new = ~np.isin(codes[others], people) & ~pd.Series(codes[others]).duplicated().to_numpy()
    count = max(least - len(kept), min(new.sum(), least - len(people)))
    return others[np.argsort(~new, kind="stable")][:count]


def inner_splits(
    y: np.ndarray,
    groups: Sequence[Any] | None = None,
    *,
    n_folds: int = 3,
    random_state: int | None = 0,
    max_rows: int | None = None,
    classification: bool = True,
) -> list[Split]:
    """Split training rows again, for tuning and calibration.

    No subject is on both sides. For classification the folds are stratified and every
    class is in every training side; with too few subjects of a class the folds become fewer.

    Parameters
    ----------
    y : ndarray of shape (n,)
        Classes, or years.
    groups : sequence of length n, or None
        Subject of each row; missing ones are subjects of their own.
    n_folds : int, default=3
        The most folds to make; at least 2.
    random_state : int or None, default=0
        Seed of the shuffling.
    max_rows : int or None, default=None
        Thin both sides so that together they have about this many rows, some more where a
        class is rare: 30 of its subjects keep a row, or all that there are.
    classification : bool, default=True
        Whether `y` holds classes.

    Returns
    -------
    list of (train, test)
        Row numbers, sorted.

    Raises
    ------
    ValueError
        If `n_folds` is below 2, or no class-complete, subject-exclusive split exists.
    """
    if n_folds < 2:
        raise ValueError(f"The 'n_folds' of inner_splits must be 2 or more. Got {n_folds}.")
    y = np.asarray(y)
    codes = subject_codes(groups, len(y))
    # One generator for splitting and thinning: from one seed each, both would draw the same
    # permutation, and the rows that stay would be those of one fold.
    rng = np.random.RandomState(random_state)
    if classification:
        splits = _stratified_splits(y, codes, n_folds, rng)
    else:
        splits = _plain_splits(codes, n_folds, rng)
    if max_rows is None or len(y) <= max_rows:
        return splits
    keep = sample_rows(y, codes, max_rows, rng, classification=classification)
    return [(train[keep[train]], test[keep[test]]) for train, test in splits]


def inner_holdout(
    y: np.ndarray,
    groups: Sequence[Any] | None = None,
    *,
    n_folds: int,
    random_state: int | None = 0,
    classification: bool = True,
) -> Split:
    """Set one fold of training rows aside, such as to validate on.

    As `inner_splits`, but a class with fewer subjects than folds makes the fold no larger: all of
    its subjects may stay in training.

    Parameters
    ----------
    y, groups, random_state, classification
        As in `inner_splits`.
    n_folds : int
        One of so many; of fewer where no training side would hold all classes.

    Returns
    -------
    (train, test) : ndarrays of int
        Row numbers, sorted.

    Raises
    ------
    ValueError
        As `inner_splits`.
    """
    splits = inner_splits(
        y, groups, n_folds=n_folds, random_state=random_state, classification=classification
    )
    if not classification:
        return splits[0]
    labels, codes = np.unique(y, return_inverse=True)[1], subject_codes(groups, len(y))
    rng = np.random.RandomState(random_state)
    for count in range(min(n_folds, np.bincount(labels).max()), len(splits), -1):
        for train, test in _draw(labels, codes, count, rng):
            if len(np.unique(labels[train])) == labels.max() + 1:
                return train, test
    return splits[0]
