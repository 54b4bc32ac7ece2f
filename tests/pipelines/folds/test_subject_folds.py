import numpy as np
import pytest
from sklearn.model_selection import StratifiedGroupKFold

from pipelines import assign_folds, inner_splits
from pipelines.folds.subject_folds import MANY_ALONE, SubjectKFold


@pytest.fixture
def strangers(rng):
    """8,000 rows: 6,000 people with one, the others with two to six; one class is rare."""
    sizes = np.r_[np.ones(6000, int), rng.integers(2, 7, 500)]
    who = np.repeat(np.arange(len(sizes)), sizes)
    y = rng.choice(4, len(who), p=[0.6, 0.3, 0.09, 0.01])
    order = rng.permutation(len(who))
    return y[order], who[order]


def split(y, who, n_folds=5, seed=0):
    return list(SubjectKFold(n_folds, random_state=seed).split(np.zeros(len(y)), y, who))


def test_every_row_is_tested_once_and_nobody_is_on_both_sides(strangers):
    y, who = strangers
    folds = split(y, who)
    assert sorted(np.concatenate([test for _, test in folds])) == list(range(len(y)))
    for train, test in folds:
        assert len(train) + len(test) == len(y)
        assert not set(who[train]) & set(who[test])


def test_folds_are_as_equal_as_rows_of_one_allow(strangers):
    y, who = strangers
    counts = np.array([np.bincount(y[test], minlength=4) for _, test in split(y, who)])
    assert np.ptp(counts, axis=0).max() <= 1
    assert np.ptp(counts.sum(axis=1)) <= 4


def test_the_seed_decides(strangers):
    y, who = strangers

    def tested(seed):
        return [test.tolist() for _, test in split(y, who, seed=seed)]

    assert tested(1) == tested(1) != tested(2)


def test_people_with_several_rows_alone_can_be_balanced(rng):
    """All of one class in a few large families: they go to different folds."""
    who = np.r_[np.repeat(np.arange(10), 50), 10 + np.arange(MANY_ALONE)]
    y = np.r_[np.zeros(500, int), np.ones(MANY_ALONE, int)]
    for _, test in split(y, who):
        assert (y[test] == 0).sum() == 100
        assert (y[test] == 1).sum() == MANY_ALONE // 5


def test_fewer_subjects_are_left_to_scikit_learn(rng):
    y, who = rng.integers(0, 3, 300), rng.integers(0, 80, 300)
    theirs = StratifiedGroupKFold(4, shuffle=True, random_state=3).split(y, y, who)
    for (train, test), (their_train, their_test) in zip(split(y, who, 4, 3), theirs, strict=True):
        np.testing.assert_array_equal(train, their_train)
        np.testing.assert_array_equal(test, their_test)


def test_folds_and_inner_splits_use_it(strangers):
    y, who = strangers
    folds = assign_folds("subject", n_rows=len(y), labels=y.tolist(), groups=who.tolist())
    counts = np.array([np.bincount(y[folds.fold == number], minlength=4) for number in range(5)])
    assert np.ptp(counts, axis=0).max() <= 1
    for train, test in inner_splits(y, who.tolist(), n_folds=3):
        assert not set(who[train]) & set(who[test])
        assert len(np.unique(y[train])) == 4
