"""Folds of rows, once or several times, with what a reader must know of them.

Every protocol but `random` is checked: no person may be in two folds.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from pipelines.folds.protocols import (
    FOLDED,
    LEAKY,
    N_FOLDS,
    NEVER_TESTED,
    PROTOCOLS,
    REPEATABLE,
    TEST_SHARE,
    Rows,
    choose_protocol,
)
from pipelines.folds.shared_people import SharedPeople, shared_people
from pipelines.folds.subjects import assert_disjoint


@dataclass(frozen=True)
class Folds:
    """A fold number for each row, and how it came about.

    Parameters
    ----------
    protocol : str
        The protocol used; never ``"auto"``.
    fold : ndarray of shape (n,) or (n, n_repeats), int64
        The fold in which each row is tested, in each repeat; -1 where it is only trained on. No two
        repeats share a number.
    n_folds : int
        How many folds there are, in all repeats.
    note : str
        One sentence for the caption of a table.
    warning : str or None, default=None
        What makes the scores doubtful; for every table, file and picture of them.
    shared : SharedPeople or None, default=None
        Of `random`: who is on both sides.
    """

    protocol: str
    fold: np.ndarray
    n_folds: int
    note: str
    warning: str | None = None
    shared: SharedPeople | None = None

    @property
    def n_repeats(self) -> int:
        """How often the rows were put into folds."""
        return 1 if self.fold.ndim == 1 else self.fold.shape[1]


def each_side(folds: np.ndarray) -> Iterator[tuple[int, int, np.ndarray, np.ndarray]]:
    """Yield both sides of every fold.

    Parameters
    ----------
    folds : ndarray of shape (n,) or (n, n_repeats), int
        As in `Folds`.

    Yields
    ------
    repeat, fold : int
    train, test : ndarray of int
        Row numbers, sorted.
    """
    for repeat, column in enumerate(folds.reshape(len(folds), -1).T):
        for fold in np.unique(column[column != NEVER_TESTED]):
            yield repeat, int(fold), np.flatnonzero(column != fold), np.flatnonzero(column == fold)


def assign_folds(
    protocol: str,
    *,
    n_rows: int,
    labels: Sequence[Any],
    groups: Sequence[Any] | None = None,
    fold: Sequence[Any] | None = None,
    n_folds: int | None = None,
    test_share: float | None = None,
    n_repeats: int = 1,
    random_state: int | None = 0,
) -> Folds:
    """Assign each row to the fold in which it is tested.

    Parameters
    ----------
    protocol : str
        - ``official``: the data set's own folds.
        - ``subject``: people in folds, stratified by `labels`.
        - ``leave-one-subject-out``: one fold a person (the protocol of FG-NET).
        - ``holdout``: one test set of people, stratified; all others are trained on.
        - ``random``: photos in folds, stratified, whoever they show, with a warning.
        - ``auto``: official where no person is on both sides, else subject where people are named,
          else random.
    n_rows : int
        Number of rows.
    labels : sequence of length n_rows
        What to stratify by, such as age group and gender in one string.
    groups : sequence of length n_rows, or None
        Subject of each row; missing ones are subjects of their own.
    fold : sequence of length n_rows, or None
        The data set's own folds.
    n_folds : int or None, default=None
        How many folds ``subject`` and ``random`` make, 5 by default. The other protocols refuse a
        number; where ``auto`` chooses one of them, the note says that it was not heeded.
    test_share : float or None, default=None
        The share of rows that ``holdout`` tests, a fifth by default, as near as people allow.
    n_repeats : int, default=1
        How often ``subject``, ``holdout`` and ``random`` do it, each time from another seed.
    random_state : int or None, default=0
        Seed of the shuffling; the first repeat is what it makes without others.

    Returns
    -------
    Folds

    Raises
    ------
    ValueError
        If the protocol is unknown, does not fit the data or the options, or a subject is in two
        folds.

    Examples
    --------
    >>> folds = assign_folds("subject", n_rows=4, labels=["a", "a", "b", "b"],
    ...                      groups=["ann", "ann", "bob", "cy"], n_folds=2)
    >>> bool(folds.fold[0] == folds.fold[1])
    True
    """
    share = TEST_SHARE if test_share is None else test_share
    wanted = N_FOLDS if n_folds is None else n_folds
    rows = Rows(n_rows, labels, groups, fold, wanted, share, random_state)
    why = ""
    check_protocol(protocol, n_folds, test_share, n_repeats)
    if protocol == "auto":
        protocol, why = choose_protocol(rows)
        check_protocol(protocol, None, test_share, n_repeats)
    columns, notes = _columns(protocol, rows, n_repeats)
    numbers = np.column_stack(columns) if n_repeats > 1 else columns[0]
    count = len(np.unique(numbers[numbers != NEVER_TESTED]))
    note = notes[0] + _unheeded(protocol, n_folds, count) + why
    if n_repeats > 1:
        note += f"; {n_repeats} times, each with another seed"
    if protocol != LEAKY:
        return Folds(protocol, numbers, count, note)
    shared = shared_people(rows.known, numbers)
    return Folds(protocol, numbers, count, note, shared.warning, shared)


def check_protocol(
    protocol: str,
    n_folds: int | None = None,
    test_share: float | None = None,
    n_repeats: int = 1,
) -> None:
    """Raise ValueError where `assign_folds` knows no such protocol, or not with such options.

    Parameters
    ----------
    protocol, n_folds, test_share, n_repeats
        As `assign_folds` takes them. What ``auto`` can't do is known only once it has chosen.
    """
    if protocol == "auto":
        return
    if protocol not in PROTOCOLS:
        known = ", ".join([*PROTOCOLS, "auto"])
        raise ValueError(f"Unknown protocol {protocol!r}. Known protocols: {known}.")
    if n_folds is not None and protocol not in FOLDED:
        raise ValueError(
            f"Only the protocols {' and '.join(FOLDED)} take a number of folds. Got {n_folds} and "
            f"{protocol!r}, which makes its own: leave the number out."
        )
    if test_share is not None and protocol != "holdout":
        raise ValueError(
            f"Only the protocol 'holdout' takes a test share. Got {test_share:g} and {protocol!r}."
        )
    if n_repeats < 1:
        raise ValueError(f"'n_repeats' must be 1 or more. Got {n_repeats}.")
    if n_repeats > 1 and protocol not in REPEATABLE:
        raise ValueError(
            f"The folds of protocol {protocol!r} are always the same, so they can't be repeated. "
            f"Those of {', '.join(REPEATABLE)} can."
        )


def _unheeded(protocol: str, n_folds: int | None, count: int) -> str:
    """Say, in half a sentence, that there are not as many folds as were asked for."""
    if n_folds in (None, count) or protocol in FOLDED:
        return ""
    return f", not the {n_folds} that were asked for"


def _columns(protocol: str, rows: Rows, n_repeats: int) -> tuple[list[np.ndarray], list[str]]:
    """Make the fold numbers of every repeat, checked, each repeat above the last one's."""
    columns, notes, start = [], [], 0
    for repeat in range(n_repeats):
        seed = repeat_seed(rows.random_state, repeat)
        numbers, note = PROTOCOLS[protocol](replace(rows, random_state=seed))
        _check(protocol, numbers, rows)
        columns.append(np.where(numbers == NEVER_TESTED, numbers, numbers + start))
        notes.append(note)
        start = int(columns[-1].max()) + 1
    return columns, notes


def _check(protocol: str, numbers: np.ndarray, rows: Rows) -> None:
    count = len(np.unique(numbers))
    if count < 2:
        raise ValueError(f"Protocol {protocol!r} needs two folds or more. Got {count}.")
    if protocol != LEAKY:
        assert_disjoint(rows.subjects, numbers)


def repeat_seed(random_state: int | None, repeat: int) -> int | None:
    """Return the seed of a repeat.

    Parameters
    ----------
    random_state : int or None
    repeat : int
        From 0.

    Returns
    -------
    int or None
        `random_state` itself for the first, and else one that no neighbouring seed's repeats share.
    """
    if random_state is None or repeat == 0:
        return random_state
    return int(np.random.SeedSequence([random_state, repeat]).generate_state(1)[0])
