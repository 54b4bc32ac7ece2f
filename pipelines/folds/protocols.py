"""The protocols: which rows are tested together, by name.

A random split of photos leaks: with several photos a person, most test rows have their
subject in training, and a look-up of the person scores as a model of age. So every protocol but
one keeps a subject's photos on one side; `random` is there to measure the leak.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from sklearn.model_selection import StratifiedKFold

from pipelines.folds.splits import Split, split_quietly
from pipelines.folds.subject_folds import SubjectKFold
from pipelines.folds.subjects import known_subjects, straddling_subjects, subject_codes

N_FOLDS = 5
TEST_SHARE = 0.2
# The fold number of a row that is only trained on.
NEVER_TESTED = -1

# A test share is a number of so many parts at most; more would hold too few people each to balance.
_MOST_PARTS = 20

Numbers = tuple[np.ndarray, str]


@dataclass(frozen=True)
class Rows:
    """What a protocol looks at.

    Parameters
    ----------
    n_rows : int
    labels : sequence of length n_rows
        What to stratify by.
    groups, fold : sequence of length n_rows, or None
        Subjects, and the data set's own folds; with missing ones.
    n_folds : int
    test_share : float
        In (0, 1).
    random_state : int or None

    Raises
    ------
    ValueError
        If lengths differ, or a number is out of range.
    """

    n_rows: int
    labels: Sequence[Any]
    groups: Sequence[Any] | None
    fold: Sequence[Any] | None
    n_folds: int
    test_share: float
    random_state: int | None

    def __post_init__(self) -> None:
        for name in ("labels", "groups", "fold"):
            values = getattr(self, name)
            if values is not None and len(values) != self.n_rows:
                raise ValueError(f"'{name}' must have {self.n_rows} rows. Got {len(values)}.")
        if self.n_folds < 2:
            raise ValueError(f"'n_folds' must be 2 or more. Got {self.n_folds}.")
        if not 0 < self.test_share < 1:
            raise ValueError(f"'test_share' must be between 0 and 1. Got {self.test_share}.")

    @cached_property
    def known(self) -> np.ndarray:
        """Number of each row's subject; -1 where it names none."""
        return known_subjects(self.groups, self.n_rows)

    @cached_property
    def subjects(self) -> np.ndarray:
        """Number of each row's subject; a row without one is a subject of its own."""
        return subject_codes(self.groups, self.n_rows)

    @property
    def n_subjects(self) -> int:
        """Number of different subjects."""
        return len(np.unique(self.subjects))

    @property
    def unnamed(self) -> str:
        """Half a sentence on rows that name nobody, if there are some."""
        count = int((self.known < 0).sum())
        if count == 1:
            return "; 1 photo that names nobody counts as a person of its own"
        return f"; {count} photos that name nobody count as people of their own" if count else ""

    def need(self, n_folds: int, count: int, what: str) -> None:
        """Refuse more folds than there are subjects or photos."""
        if count < n_folds:
            raise ValueError(
                f"{n_folds} folds need at least {n_folds} {what}. Got {count}. "
                "Ask for fewer folds or give more data."
            )

    def need_subjects(self, protocol: str) -> None:
        """Refuse data that name nobody."""
        if (self.known < 0).all():
            raise ValueError(
                f"Protocol {protocol!r} needs subjects, and these data name none. "
                "Name them, or use the protocol 'random'."
            )

    def split_subjects(self, n_folds: int) -> np.ndarray:
        """Put subjects into stratified folds; returns the fold of each row."""
        self.need(n_folds, self.n_subjects, "subjects")
        splitter = SubjectKFold(n_folds, random_state=self.random_state)
        return _number(split_quietly(splitter, self._strata(n_folds), self.subjects), self.n_rows)

    def split_photos(self, n_folds: int) -> np.ndarray:
        """Put rows into stratified folds, whoever they show."""
        self.need(n_folds, self.n_rows, "photos")
        splitter = StratifiedKFold(n_folds, shuffle=True, random_state=self.random_state)
        return _number(split_quietly(splitter, self._strata(n_folds), None), self.n_rows)

    def _strata(self, n_folds: int) -> np.ndarray:
        """Give each label a number; those too rare to stratify by share one number."""
        codes = pd.factorize(pd.Series(np.asarray(self.labels, dtype=object), dtype=object))[0]
        counts = np.bincount(codes + 1)
        return np.where(counts[codes + 1] < n_folds, -1, codes)


def _number(splits: Iterator[Split], n_rows: int) -> np.ndarray:
    numbers = np.empty(n_rows, dtype=np.int64)
    for number, (_, test) in enumerate(splits):
        numbers[test] = number
    return numbers


def _official(rows: Rows) -> Numbers:
    missing = rows.n_rows if rows.fold is None else int(pd.isna(pd.Series(rows.fold)).sum())
    if missing:
        raise ValueError(
            f"Protocol 'official' needs a fold for every row; {missing} of {rows.n_rows} rows "
            "have none. Use the protocol 'subject' or 'random'."
        )
    numbers = np.asarray(rows.fold).astype(np.int64)
    if numbers.min() < 0:
        raise ValueError(f"The data set's folds must be 0 or more. Got {numbers.min()}.")
    return numbers, f"the data set's own {len(np.unique(numbers))} folds"


def _subject(rows: Rows) -> Numbers:
    rows.need_subjects("subject")
    numbers = rows.split_subjects(rows.n_folds)
    note = f"{rows.n_folds} stratified folds; no person is in two of them"
    return numbers, note + rows.unnamed


def _leave_one_out(rows: Rows) -> Numbers:
    rows.need_subjects("leave-one-subject-out")
    note = f"leave one subject out, {rows.n_subjects} subjects"
    return rows.subjects.astype(np.int64), note + rows.unnamed


def _holdout(rows: Rows) -> Numbers:
    rows.need_subjects("holdout")
    rows.need(2, rows.n_subjects, "subjects")
    parts = _parts(rows.test_share, min(_MOST_PARTS, rows.n_subjects))
    tested = rows.split_subjects(parts.denominator) < parts.numerator
    share = f"{tested.sum()} of {rows.n_rows} photos, {tested.mean():.0%}"
    note = f"one test set ({share}), stratified, of people who are not in training"
    return np.where(tested, 0, NEVER_TESTED), note + rows.unnamed


def _parts(share: float, most: int) -> Fraction:
    """Return the fraction nearest to a share, neither none nor all of at most so many parts."""
    found = Fraction(share).limit_denominator(most)
    return min(max(found, Fraction(1, most)), Fraction(most - 1, most))


def _random(rows: Rows) -> Numbers:
    numbers = rows.split_photos(rows.n_folds)
    return numbers, f"{rows.n_folds} stratified folds of photos at random"


# Name -> rows to fold numbers and one sentence about them. The honest ones first.
PROTOCOLS: dict[str, Callable[[Rows], Numbers]] = {
    "official": _official,
    "subject": _subject,
    "leave-one-subject-out": _leave_one_out,
    "holdout": _holdout,
    "random": _random,
}
# Those that make as many folds as they are asked for.
FOLDED = ("subject", "random")
# Those that another seed makes anew.
REPEATABLE = ("subject", "holdout", "random")
# The only one that may put a person on both sides.
LEAKY = "random"


def choose_protocol(rows: Rows) -> tuple[str, str]:
    """Choose the first honest protocol that fits, or `random` where nobody is named.

    Returns
    -------
    protocol : str
    why : str
        Half a sentence where the data set has folds of its own that are not taken, or "".
    """
    named = bool((rows.known >= 0).any())
    fallback = "subject" if named else LEAKY
    own = pd.Series(rows.fold, dtype=object) if rows.fold is not None else pd.Series(dtype=object)
    if own.notna().any() and (n_without := int(own.isna().sum())):
        missing = f"{n_without} of {len(own)} photos have no fold of the data set's own"
        return fallback, f"; {missing}, so these are not taken"
    if own.nunique() < 2:
        return fallback, ""
    straddling = straddling_subjects(rows.subjects, own.to_numpy())
    if not straddling:
        return "official", ""
    return fallback, f"; the data set's own folds put {straddling} people on both sides"
