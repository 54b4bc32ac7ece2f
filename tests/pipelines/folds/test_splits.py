import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines import inner_holdout, inner_splits
from pipelines.folds.splits import sample_rows


@st.composite
def labelled_people(draw):
    """Rows with a class and a subject, where every class has two subjects or more."""
    n_classes = draw(st.integers(2, 4))
    y, groups = [], []
    for label in range(n_classes):
        for person in range(draw(st.integers(2, 6))):
            photos = draw(st.integers(1, 4))
            y += [f"c{label}"] * photos
            groups += [f"{label}/{person}"] * photos
    order = draw(st.permutations(range(len(y))))
    return np.array(y)[order], np.array(groups)[order]


@settings(max_examples=40, deadline=None)
@given(labelled_people(), st.booleans())
def test_no_person_is_on_both_sides_and_every_row_is_tested_once(rows, classification):
    y, groups = rows
    labels = y if classification else np.arange(len(y))
    splits = inner_splits(labels, groups, n_folds=3, classification=classification)
    assert 2 <= len(splits) <= 3
    for train, test in splits:
        assert not set(groups[train]) & set(groups[test])
    tested = np.concatenate([test for _, test in splits])
    assert sorted(tested) == list(range(len(y)))


@settings(max_examples=40, deadline=None)
@given(labelled_people())
def test_every_class_is_in_every_training_side(rows):
    y, groups = rows
    for train, _ in inner_splits(y, groups, n_folds=5):
        assert set(y[train]) == set(y)


def test_the_seed_decides():
    y = np.array(["a", "b"] * 20)
    first, again, other = (inner_splits(y, random_state=seed)[0][1] for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_max_rows_thins_both_sides_and_keeps_rare_classes():
    y = np.array(["a"] * 900 + ["b"] * 4)
    full, thin = inner_splits(y), inner_splits(y, max_rows=90)
    for (train, test), (few, fewer) in zip(full, thin, strict=True):
        # All four of the rare class stay, and the share of the other one.
        assert len(few) + len(fewer) == 90 + 4
        assert set(few) <= set(train)
        assert set(fewer) <= set(test)
        assert "b" in y[few]


def drawn(y, max_rows, codes=None, seed=0, **options):
    rng = np.random.RandomState(seed)
    codes = np.arange(len(y)) if codes is None else codes
    return np.flatnonzero(sample_rows(y, codes, max_rows, rng, **options))


def test_a_sample_without_rare_classes_is_one_draw_of_each():
    """Kept fits and printed scores rest on these rows: they must never be others."""
    y = np.random.default_rng(0).choice(["a", "b", "c"], 5000, p=[0.6, 0.3, 0.1])
    rng, expected = np.random.RandomState(3), []
    for label in "abc":
        rows = np.flatnonzero(y == label)
        expected += rng.choice(rows, int(np.ceil(len(rows) * 800 / 5000)), replace=False).tolist()
    assert drawn(y, 800, np.arange(5000) // 2, seed=3).tolist() == sorted(expected)


def test_a_rare_class_keeps_thirty_people_and_changes_no_other_class():
    y = np.array(["a"] * 3000 + ["b"] * 3000 + ["z"] * 120)
    people = np.r_[np.arange(6000), 6000 + np.arange(120) // 3]
    rows = drawn(y, 600, people)
    assert len(np.unique(people[rows[y[rows] == "z"]])) == 30
    few = y.copy()
    few[6000:] = np.repeat(["z", "y"], [112, 8])
    again = drawn(few, 600, people)
    assert np.isin(np.arange(6112, 6120), again).all()
    assert rows[rows < 6000].tolist() == again[again < 6000].tolist()


def test_a_person_with_many_photos_crowds_nobody_out():
    """Of 403 photos of a class 400 are one person's."""
    y = np.array(["a"] * 3600 + ["b"] * 403)
    people = np.r_[np.arange(3600), np.full(400, 3600), [3601, 3602, 3603]]
    rows = drawn(y, 400, people)
    assert set(people[rows[y[rows] == "b"]]) == {3600, 3601, 3602, 3603}


def test_a_sample_of_years_has_the_asked_rows():
    assert len(drawn(np.arange(50.0), 10, classification=False)) == 10


def test_a_sample_loses_no_class_and_the_seed_decides():
    y = np.array(["a"] * 1000 + ["b"])
    first, again, other = (drawn(y, 10, seed=seed) for seed in (0, 0, 1))
    assert set(y[first]) == {"a", "b"}
    assert first.tolist() == again.tolist() != other.tolist()


def test_a_rare_class_is_in_every_training_side_of_few_rows():
    y = np.array(["a"] * 2000 + ["b"] * 12)
    for seed in range(5):
        for train, test in inner_splits(y, max_rows=100, random_state=seed):
            assert np.sum(y[train] == "b") == 8
            assert np.sum(y[test] == "b") == 4


@pytest.mark.parametrize("groups", [None, np.arange(1200) // 2])
@pytest.mark.parametrize("classification", [True, False])
def test_thinning_keeps_the_shares_of_both_sides(groups, classification):
    y = np.array(["a", "b"] * 600) if classification else np.arange(1200.0)
    splits = inner_splits(y, groups, max_rows=300, classification=classification)
    for train, test in splits:
        assert len(train) + len(test) == 300
        assert 70 <= len(test) <= 130


def test_max_rows_above_the_rows_changes_nothing():
    y = np.array(["a", "b"] * 10)
    for whole, limited in zip(inner_splits(y), inner_splits(y, max_rows=20), strict=True):
        assert np.array_equal(whole[0], limited[0])


def test_folds_become_fewer_with_few_subjects():
    assert len(inner_splits(np.array(["a", "a", "b", "b", "b"]), n_folds=5)) == 2
    assert len(inner_splits(np.arange(3.0), n_folds=5, classification=False)) == 3


@pytest.mark.parametrize(
    ("y", "groups", "options", "message"),
    [
        (["a", "a", "b"], None, {}, "class 'b' has only one subject"),
        (["a", "a", "b", "b"], [1, 2, 3, 3], {}, "class 'b' has only one subject"),
        ([1.0, 2.0], [1, 1], {"classification": False}, "Got 1 subject"),
        (["a", "b"], None, {"n_folds": 1}, "2 or more. Got 1"),
        (["a", "a", "b", "b"], [1], {}, "must have 4 rows"),
    ],
)
def test_what_can_not_be_split_is_refused(y, groups, options, message):
    with pytest.raises(ValueError, match=message):
        inner_splits(np.array(y), groups, **options)


def test_classes_that_share_their_only_subjects_are_refused():
    # Person 1 has all of class a's photos but one, and so on: no side can lack either.
    y = np.array(["a", "b", "c", "a", "b", "c"])
    groups = np.array([1, 1, 2, 2, 3, 3])
    with pytest.raises(ValueError, match="No split of 3 subjects keeps each of the 3 classes"):
        inner_splits(y, groups, n_folds=2)


@pytest.mark.parametrize("photos", [1, 2])
def test_a_rare_class_makes_one_fold_no_larger(photos):
    y = np.repeat(["a"] * 117 + ["b"] * 3, photos)
    groups = np.repeat(np.arange(120), photos)
    assert len(inner_splits(y, groups, n_folds=8)) == 3
    train, test = inner_holdout(y, groups, n_folds=8)
    assert len(test) == pytest.approx(15 * photos, abs=photos)
    assert set(y[train]) == {"a", "b"}
    assert not set(groups[train]) & set(groups[test])
    assert sorted([*train, *test]) == list(range(len(y)))


@pytest.mark.parametrize("classification", [False, True])
def test_one_fold_is_the_first_where_no_class_is_rare(classification):
    y, groups = np.arange(80) % 2, np.arange(80) // 2
    options = {"n_folds": 4, "random_state": 3, "classification": classification}
    for one, first in zip(
        inner_holdout(y, groups, **options), inner_splits(y, groups, **options)[0], strict=True
    ):
        np.testing.assert_array_equal(one, first)


@settings(max_examples=40, deadline=None)
@given(labelled_people())
def test_one_fold_leaves_every_class_in_training(rows):
    y, groups = rows
    train, test = inner_holdout(y, groups, n_folds=5)
    assert set(y[train]) == set(y)
    assert len(test)
    assert not set(groups[train]) & set(groups[test])


def test_one_fold_needs_two_subjects_of_each_class():
    with pytest.raises(ValueError, match="class 'b' has only one subject"):
        inner_holdout(np.array(["a"] * 9 + ["b"]), n_folds=3)
