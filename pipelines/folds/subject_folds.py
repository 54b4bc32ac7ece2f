"""Stratified folds of subjects, drawn at random, also where there are tens of thousands of them.

scikit-learn's `StratifiedGroupKFold` places the subjects in the order of how lopsided they are, and
shuffles only those that are equally so: where people have different numbers of photos, every seed
gives nearly the same folds, and the first of them always holds the most lopsided person.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from sklearn.utils import check_random_state

# A subject's turn is drawn between its own place and that of one half as large: enough for other
# folds with every seed, and the folds are still as even as scikit-learn's.
_JITTER = (0.5, 1.0)


class SubjectKFold:
    """Folds in which no subject is in two, with as many rows of every class as the others.

    The first fold is one of those of about the mean size, so that whoever needs a single test set
    does not get the fold of a person who has half of the rows.

    Parameters
    ----------
    n_splits : int
    random_state : int, RandomState or None, default=None
        Seed of the order in which subjects are placed.

    Examples
    --------
    >>> y, who = np.arange(6000) % 2, np.arange(6000) // 2 + 1
    >>> who[:2000] = -np.arange(2000)
    >>> folds = list(SubjectKFold(3, random_state=0).split(np.zeros(6000), y, who))
    >>> [len(test) for _, test in folds]
    [2000, 2000, 2000]
    """

    def __init__(self, n_splits: int, *, random_state: Any = None) -> None:
        self.n_splits = n_splits
        self.random_state = random_state

    def split(
        self, X: Any, y: np.ndarray, groups: np.ndarray
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield train and test rows of each fold.

        Parameters
        ----------
        X : array-like of length n
            Not used.
        y : ndarray of shape (n,)
            Classes.
        groups : ndarray of shape (n,)
            Subjects.
        """
        codes = np.unique(groups, return_inverse=True)[1]
        classes = np.unique(y, return_inverse=True)[1]
        rng = check_random_state(self.random_state)
        fold = _place(codes, classes, self.n_splits, rng)[codes]
        for number in _typical_first(np.bincount(fold, minlength=self.n_splits), rng):
            yield np.flatnonzero(fold != number), np.flatnonzero(fold == number)


def _place(
    codes: np.ndarray, classes: np.ndarray, n_folds: int, rng: np.random.RandomState
) -> np.ndarray:
    """Give each subject a fold: those with several rows first, then the others fill up."""
    counts = np.zeros((codes.max() + 1, classes.max() + 1))
    np.add.at(counts, (codes, classes), 1)
    fold = np.empty(len(counts), dtype=np.int64)
    filled = np.zeros((n_folds, counts.shape[1]))
    sizes = counts.sum(axis=1)
    squares = np.square(counts.sum(axis=0))
    several = np.flatnonzero(sizes > 1)
    # Whoever has a large share of a class is hard to balance later.
    weights = np.sqrt((np.square(counts[several]) / squares).sum(axis=1))
    several = several[np.argsort(-weights * rng.uniform(*_JITTER, len(several)), kind="stable")]
    for subject in several:
        # What the sum of the squared shares of the classes grows by, fold by fold.
        growth = ((2 * filled + counts[subject]) * counts[subject] / squares).sum(axis=1)
        fold[subject] = np.lexsort((filled.sum(axis=1), growth))[0]
        filled[fold[subject]] += counts[subject]
    alone = rng.permutation(np.flatnonzero(sizes == 1))
    fold[alone] = _fill_up(counts[alone].argmax(axis=1), filled)
    return fold


def _typical_first(sizes: np.ndarray, rng: np.random.RandomState) -> np.ndarray:
    """Order folds by the tenths of the mean size that theirs is off, equals at random."""
    off = np.abs(sizes / sizes.mean() - 1).round(1)
    return np.lexsort((rng.permutation(len(sizes)), off))


def _fill_up(classes: np.ndarray, filled: np.ndarray) -> list[int]:
    """Put each row into the fold with the fewest of its class, of these the smallest."""
    folds = range(len(filled))
    of_class, rows = filled.T.tolist(), filled.sum(axis=1).tolist()
    placed = []
    for label in classes.tolist():
        counts = of_class[label]
        best = min(folds, key=lambda number: (counts[number], rows[number]))
        counts[best] += 1
        rows[best] += 1
        placed.append(best)
    return placed
