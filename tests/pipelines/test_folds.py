import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from pipelines import assign_folds


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(["x", "y", "z"]), st.integers(0, 9)), min_size=12, max_size=80
    ),
    st.integers(2, 5),
    st.integers(0, 3),
)
def test_subjects_are_never_split(rows, n_folds, seed):
    labels, groups = zip(*rows, strict=True)
    assume(len(set(groups)) >= n_folds)
    arguments = {"labels": labels, "groups": groups, "n_folds": n_folds, "random_state": seed}
    folds = assign_folds("subjects", n_rows=len(rows), **arguments)
    table = pd.DataFrame({"group": groups, "fold": folds.fold})
    assert (table.groupby("group")["fold"].nunique() == 1).all()
    assert folds.n_folds == table["fold"].nunique()


def test_folds_are_stratified(people):
    folds = assign_folds(
        "subjects", n_rows=len(people.X), labels=people.age_group, groups=people.subjects
    )
    counts = pd.crosstab(folds.fold, people.age_group)
    assert folds.n_folds == 5
    assert (counts == 12).all(axis=None)


def test_the_seed_decides(people):
    arguments = {"n_rows": 180, "labels": people.age_group, "groups": people.subjects}
    first, again, other = (
        assign_folds("subjects", random_state=seed, **arguments).fold for seed in (0, 0, 1)
    )
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_official_folds_are_kept():
    folds = assign_folds("official", n_rows=4, labels=list("abab"), fold=[4, 4, 0, 2])
    assert folds.fold.tolist() == [4, 4, 0, 2]
    assert folds.n_folds == 3
    assert "own 3 folds" in folds.note


def test_leave_one_subject_out_tests_a_person_at_a_time():
    folds = assign_folds(
        "leave-one-subject-out", n_rows=4, labels=list("aaaa"), groups=["p", "q", "p", None]
    )
    assert folds.fold.tolist() == [0, 1, 0, 2]
    assert folds.n_folds == 3


def test_photos_says_that_people_may_be_on_both_sides():
    folds = assign_folds("photos", n_rows=20, labels=["a", "b"] * 10)
    assert "people may be on both sides" in folds.note
    assert pd.crosstab(folds.fold, np.array(["a", "b"] * 10)).eq(2).all(axis=None)


def test_labels_too_rare_to_stratify_by_are_spread():
    folds = assign_folds("photos", n_rows=10, labels=[f"only {row}" for row in range(10)])
    assert np.bincount(folds.fold).tolist() == [2] * 5


@pytest.mark.parametrize(
    ("groups", "fold", "protocol"),
    [
        (None, None, "photos"),
        ([None] * 6, [0, 1, 0, 1, 0, None], "photos"),
        (list("aabbcd"), None, "subjects"),
        (list("aabbcd"), [0, 0, 1, 1, 0, None], "subjects"),
        (list("aabbcd"), [0, 0, 1, 1, 0, 1], "official"),
    ],
)
def test_auto_takes_the_strictest_protocol_the_data_allow(groups, fold, protocol):
    folds = assign_folds(
        "auto", n_rows=6, labels=list("xyxyxy"), groups=groups, fold=fold, n_folds=2
    )
    assert folds.protocol == protocol


@pytest.mark.parametrize(
    ("protocol", "options", "message"),
    [
        ("random", {}, "Unknown protocol 'random'. Known protocols: official, subjects"),
        ("official", {}, "6 of 6 rows have none"),
        ("official", {"fold": [0, 1, None, 0, 1, None]}, "2 of 6 rows have none"),
        ("official", {"fold": [1] * 6}, "two folds or more. Got 1"),
        ("official", {"fold": [0, 1] * 3, "groups": list("aabbcc")}, "3 of 3 subjects"),
        ("subjects", {}, "needs subjects"),
        ("subjects", {"groups": list("aaabbb")}, "at least 5 subjects. Got 2"),
        ("leave-one-subject-out", {"groups": [None] * 6}, "needs subjects"),
        ("photos", {"groups": list("aabbcc")}, "use the protocol 'subjects'"),
        ("photos", {"n_folds": 7}, "at least 7 photos. Got 6"),
        ("photos", {"n_folds": 1}, "2 or more. Got 1"),
        ("photos", {"fold": [1]}, "'fold' must have 6 rows. Got 1"),
    ],
)
def test_a_protocol_that_does_not_fit_the_data_is_refused(protocol, options, message):
    with pytest.raises(ValueError, match=message):
        assign_folds(protocol, n_rows=6, labels=list("xyxyxy"), **options)
