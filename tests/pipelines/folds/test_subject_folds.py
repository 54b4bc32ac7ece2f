from itertools import combinations

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score
from sklearn.model_selection import StratifiedGroupKFold

from pipelines import assign_folds, inner_splits
from pipelines.folds.subject_folds import SubjectKFold

N_ALONE = 1000


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


def test_people_with_several_rows_alone_can_be_balanced():
    """All of one class in a few large families: they go to different folds."""
    who = np.r_[np.repeat(np.arange(10), 50), 10 + np.arange(N_ALONE)]
    y = np.r_[np.zeros(500, int), np.ones(N_ALONE, int)]
    for _, test in split(y, who):
        assert (y[test] == 0).sum() == 100
        assert (y[test] == 1).sum() == N_ALONE // 5


@pytest.fixture
def families(rng):
    """82 people with 6 to 18 photos of some of 16 classes, about as FG-NET."""
    who = np.repeat(np.arange(82), rng.integers(6, 19, 82))
    age = np.minimum(7, rng.integers(0, 5, len(who)) + rng.integers(0, 3, 82)[who])
    return 2 * age + rng.integers(0, 2, 82)[who], who


def folds_of(y, who, n_folds, seed):
    fold = np.empty(len(y), dtype=int)
    for number, (_, test) in enumerate(split(y, who, n_folds, seed)):
        fold[test] = number
    return fold


def uneven(y, splits):
    """Tell how many rows of a class the largest fold has more than the smallest, on average."""
    counts = np.array([np.bincount(y[test], minlength=y.max() + 1) for _, test in splits])
    return np.ptp(counts, axis=0).mean()


def test_folds_are_about_as_even_as_scikit_learns(families):
    y, who = families
    seeds = range(10)
    theirs = [StratifiedGroupKFold(5, shuffle=True, random_state=s).split(y, y, who) for s in seeds]
    ours = np.mean([uneven(y, split(y, who, seed=seed)) for seed in seeds])
    assert ours < 1.1 * np.mean([uneven(y, folds) for folds in theirs])


def test_another_seed_puts_other_people_together(families):
    y, who = families
    _, first = np.unique(who, return_index=True)
    partitions = [folds_of(y, who, 5, seed)[first] for seed in range(10)]
    alike = [adjusted_rand_score(one, other) for one, other in combinations(partitions, 2)]
    assert np.mean(alike) < 0.1


def test_everybody_is_in_the_first_fold_about_as_often(families):
    y, who = families
    tested = np.zeros(82)
    for seed in range(200):
        tested[np.unique(who[split(y, who, 5, seed)[0][1]])] += 1
    # Of 200 draws with a chance of a fifth, 82 times: beyond 15 and 65 is one in 10,000.
    assert tested.min() >= 15
    assert tested.max() <= 65


def test_the_first_fold_is_not_that_of_somebody_with_half_of_the_rows(rng):
    who = np.r_[np.zeros(500, int), 1 + np.arange(500) // 2]
    y = rng.integers(0, 2, 1000)
    for seed in range(5):
        (_, test), *_ = split(y, who, 5, seed)
        assert 0 not in who[test]
        assert len(test) == pytest.approx(125, abs=2)


def test_folds_and_inner_splits_use_it(strangers):
    y, who = strangers
    folds = assign_folds("subject", n_rows=len(y), labels=y.tolist(), groups=who.tolist())
    counts = np.array([np.bincount(y[folds.fold == number], minlength=4) for number in range(5)])
    assert np.ptp(counts, axis=0).max() <= 1
    for train, test in inner_splits(y, who.tolist(), n_folds=3):
        assert not set(who[train]) & set(who[test])
        assert len(np.unique(y[train])) == 4
