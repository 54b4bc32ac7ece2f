"""Stratified folds of subjects, also where there are tens of thousands of them.

scikit-learn's `StratifiedGroupKFold` weighs every fold for every subject with some ten NumPy calls:
seconds for 20,000 subjects, and a comparison splits a hundred times. Where most subjects have one
row (a data set of strangers, with audited clusters as subjects) that row can simply go to the
fold with the fewest of its class.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.utils import check_random_state

# Up to so many subjects with one row scikit-learn is quick enough, and its folds are well known.
MANY_ALONE = 1000


class SubjectKFold:
    """`StratifiedGroupKFold`, and something faster where very many groups have one row.

    Parameters
    ----------
    n_splits : int
    shuffle : bool, default=True
        Always shuffled: here for the signature of scikit-learn's splitters.
    random_state : int, RandomState or None, default=None
        Seed of the shuffling.

    Examples
    --------
    >>> y, who = np.arange(6000) % 2, np.arange(6000) // 2 + 1
    >>> who[:2000] = -np.arange(2000)
    >>> folds = list(SubjectKFold(3, random_state=0).split(np.zeros(6000), y, who))
    >>> [len(test) for _, test in folds]
    [2000, 2000, 2000]
    """

    def __init__(self, n_splits: int, *, shuffle: bool = True, random_state: Any = None) -> None:
        self.n_splits = n_splits
        self.shuffle = shuffle
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
        codes, sizes = np.unique(groups, return_inverse=True, return_counts=True)[1:]
        if (sizes == 1).sum() < MANY_ALONE:
            splitter = StratifiedGroupKFold(
                self.n_splits, shuffle=True, random_state=self.random_state
            )
            yield from splitter.split(X, y, groups)
            return
        classes = np.unique(y, return_inverse=True)[1]
        rng = check_random_state(self.random_state)
        fold = _place(codes, classes, self.n_splits, rng)[codes]
        for number in range(self.n_splits):
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
    several = rng.permutation(np.flatnonzero(sizes > 1))
    # The most lopsided subjects are the hardest to balance.
    several = several[np.argsort(-counts[several].std(axis=1), kind="stable")]
    squares = np.square(counts.sum(axis=0))
    for subject in several:
        # What the sum of the squared shares of the classes grows by, fold by fold.
        growth = ((2 * filled + counts[subject]) * counts[subject] / squares).sum(axis=1)
        fold[subject] = np.lexsort((filled.sum(axis=1), growth))[0]
        filled[fold[subject]] += counts[subject]
    alone = rng.permutation(np.flatnonzero(sizes == 1))
    fold[alone] = _fill_up(counts[alone].argmax(axis=1), filled)
    return fold


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
