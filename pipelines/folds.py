"""Splits into folds that no person straddles.

A random split of photos leaks: with several photos a person, most test rows have their
subject in training, and a look-up of the person scores as a model of age. So every split
here keeps a subject's photos on one side, and checks that it did.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.model_selection import StratifiedKFold

from pipelines.splits import Split, split_quietly
from pipelines.subject_folds import SubjectKFold
from pipelines.subjects import assert_disjoint, known_subjects, subject_codes


@dataclass(frozen=True)
class Folds:
    """A fold number for each row, and how it came about.

    Parameters
    ----------
    protocol : str
        The protocol used; never ``"auto"``.
    fold : ndarray of shape (n,), int64
        The fold in which each row is tested.
    n_folds : int
        How many folds there are.
    note : str
        One sentence for the caption of a table.
    """

    protocol: str
    fold: np.ndarray
    n_folds: int
    note: str


class _Rows:
    """The checked arguments of `assign_folds`."""

    def __init__(
        self,
        n_rows: int,
        labels: Sequence[Any],
        groups: Sequence[Any] | None,
        fold: Sequence[Any] | None,
        n_folds: int,
        random_state: int | None,
    ) -> None:
        for name, values in (("labels", labels), ("groups", groups), ("fold", fold)):
            if values is not None and len(values) != n_rows:
                raise ValueError(f"'{name}' must have {n_rows} rows. Got {len(values)}.")
        if n_folds < 2:
            raise ValueError(f"'n_folds' must be 2 or more. Got {n_folds}.")
        self.n_rows = n_rows
        self.strata = _strata(labels, n_folds)
        self.known = known_subjects(groups, n_rows)
        self.subjects = subject_codes(groups, n_rows)
        self.fold = fold
        self.n_folds = n_folds
        self.random_state = random_state

    def need(self, count: int, what: str) -> None:
        """Refuse more folds than there are subjects or photos."""
        if count < self.n_folds:
            raise ValueError(
                f"{self.n_folds} folds need at least {self.n_folds} {what}. Got {count}. "
                "Ask for fewer folds or give more data."
            )


def _official(rows: _Rows) -> tuple[np.ndarray, str]:
    missing = rows.n_rows if rows.fold is None else int(pd.isna(pd.Series(rows.fold)).sum())
    if missing:
        raise ValueError(
            f"Protocol 'official' needs a fold for every row; {missing} of {rows.n_rows} rows "
            "have none. Use the protocol 'subjects' or 'photos'."
        )
    numbers = np.asarray(rows.fold).astype(np.int64)
    return numbers, f"the data set's own {len(np.unique(numbers))} folds"


def _by_subject(rows: _Rows) -> tuple[np.ndarray, str]:
    _need_subjects(rows, "subjects")
    rows.need(len(np.unique(rows.subjects)), "subjects")
    splitter = SubjectKFold(rows.n_folds, shuffle=True, random_state=rows.random_state)
    numbers = _number(split_quietly(splitter, rows.strata, rows.subjects), rows.n_rows)
    return numbers, f"{rows.n_folds} stratified folds; no person is in two of them"


def _by_photo(rows: _Rows) -> tuple[np.ndarray, str]:
    if (rows.known >= 0).any():
        raise ValueError(
            "Protocol 'photos' would put photos of one person into training and test, and score "
            "the recognition of people. These data name subjects: use the protocol 'subjects'."
        )
    rows.need(rows.n_rows, "photos")
    splitter = StratifiedKFold(rows.n_folds, shuffle=True, random_state=rows.random_state)
    numbers = _number(split_quietly(splitter, rows.strata, None), rows.n_rows)
    note = f"{rows.n_folds} stratified folds of photos; the data name no subjects, so "
    return numbers, note + "people may be on both sides"


def _leave_one_out(rows: _Rows) -> tuple[np.ndarray, str]:
    _need_subjects(rows, "leave-one-subject-out")
    count = len(np.unique(rows.subjects))
    return rows.subjects.astype(np.int64), f"leave one subject out, {count} subjects"


PROTOCOLS: dict[str, Callable[[_Rows], tuple[np.ndarray, str]]] = {
    "official": _official,
    "subjects": _by_subject,
    "leave-one-subject-out": _leave_one_out,
    "photos": _by_photo,
}


def _choose(groups: Sequence[Any] | None, fold: Sequence[Any] | None, n_rows: int) -> str:
    if fold is not None and not pd.isna(pd.Series(fold)).any():
        return "official"
    return "subjects" if (known_subjects(groups, n_rows) >= 0).any() else "photos"


def _need_subjects(rows: _Rows, protocol: str) -> None:
    if (rows.known < 0).all():
        raise ValueError(
            f"Protocol {protocol!r} needs subjects, and these data name none. "
            "Use the protocol 'photos'."
        )


def _strata(labels: Sequence[Any], n_folds: int) -> np.ndarray:
    """Give each label a number; those too rare to stratify by share one number."""
    codes = pd.factorize(pd.Series(np.asarray(labels, dtype=object), dtype=object))[0]
    counts = np.bincount(codes + 1)
    return np.where(counts[codes + 1] < n_folds, -1, codes)


def _number(splits: Iterator[Split], n_rows: int) -> np.ndarray:
    numbers = np.empty(n_rows, dtype=np.int64)
    for number, (_, test) in enumerate(splits):
        numbers[test] = number
    return numbers


def assign_folds(
    protocol: str,
    *,
    n_rows: int,
    labels: Sequence[Any],
    groups: Sequence[Any] | None = None,
    fold: Sequence[Any] | None = None,
    n_folds: int = 5,
    random_state: int | None = 0,
) -> Folds:
    """Assign each row to the fold in which it is tested.

    Parameters
    ----------
    protocol : {"official", "subjects", "leave-one-subject-out", "photos", "auto"}
        - ``official``: the data set's own folds.
        - ``subjects``: people in folds, stratified by `labels`.
        - ``leave-one-subject-out``: one fold a person (the protocol of FG-NET).
        - ``photos``: photos in folds, stratified; only for data that names no subjects.
        - ``auto``: the first of official, subjects and photos that the data allows.
    n_rows : int
        Number of rows.
    labels : sequence of length n_rows
        What to stratify by, such as age group and gender in one string.
    groups : sequence of length n_rows, or None
        Subject of each row; missing ones are subjects of their own.
    fold : sequence of length n_rows, or None
        The data set's own folds.
    n_folds : int, default=5
        How many folds ``subjects`` and ``photos`` make.
    random_state : int or None, default=0
        Seed of the shuffling.

    Returns
    -------
    Folds

    Raises
    ------
    ValueError
        If the protocol is unknown, does not fit the data, or a subject is in two folds.

    Examples
    --------
    >>> folds = assign_folds("subjects", n_rows=4, labels=["a", "a", "b", "b"],
    ...                      groups=["ann", "ann", "bob", "cy"], n_folds=2)
    >>> bool(folds.fold[0] == folds.fold[1])
    True
    """
    if protocol == "auto":
        protocol = _choose(groups, fold, n_rows)
    if protocol not in PROTOCOLS:
        known = ", ".join([*PROTOCOLS, "auto"])
        raise ValueError(f"Unknown protocol {protocol!r}. Known protocols: {known}.")
    rows = _Rows(n_rows, labels, groups, fold, n_folds, random_state)
    numbers, note = PROTOCOLS[protocol](rows)
    count = len(np.unique(numbers))
    if count < 2:
        raise ValueError(f"Protocol {protocol!r} needs two folds or more. Got {count}.")
    assert_disjoint(subject_codes(groups, n_rows), numbers)
    return Folds(protocol, numbers, count, note)
