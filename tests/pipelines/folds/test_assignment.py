import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from pipelines import SharedPeople, assign_folds
from pipelines.folds.assignment import repeat_seed
from pipelines.folds.shared_people import shared_people
from pipelines.folds.subjects import known_subjects


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
    folds = assign_folds("subject", n_rows=len(rows), **arguments)
    table = pd.DataFrame({"group": groups, "fold": folds.fold})
    assert (table.groupby("group")["fold"].nunique() == 1).all()
    assert folds.n_folds == table["fold"].nunique()


def test_folds_are_stratified(people):
    folds = assign_folds(
        "subject", n_rows=len(people.X), labels=people.age_group, groups=people.subjects
    )
    counts = pd.crosstab(folds.fold, people.age_group)
    assert folds.n_folds == 5
    assert (counts == 12).all(axis=None)


def test_the_seed_decides(people):
    arguments = {"n_rows": 180, "labels": people.age_group, "groups": people.subjects}
    first, again, other = (
        assign_folds("subject", random_state=seed, **arguments).fold for seed in (0, 0, 1)
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


def test_random_says_that_people_may_be_on_both_sides():
    folds = assign_folds("random", n_rows=20, labels=["a", "b"] * 10)
    assert "the data name nobody" in folds.warning
    assert folds.shared.n_named == 0
    assert pd.crosstab(folds.fold, np.array(["a", "b"] * 10)).eq(2).all(axis=None)


def test_labels_too_rare_to_stratify_by_are_spread():
    folds = assign_folds("random", n_rows=10, labels=[f"only {row}" for row in range(10)])
    assert np.bincount(folds.fold).tolist() == [2] * 5


@pytest.mark.parametrize(
    ("groups", "fold", "protocol"),
    [
        (None, None, "random"),
        ([None] * 6, [0, 1, 0, 1, 0, None], "random"),
        (list("aabbcd"), None, "subject"),
        (list("aabbcd"), [0, 0, 1, 1, 0, None], "subject"),
        (list("aabbcd"), [0, 0, 1, 1, 0, 1], "official"),
        (list("aabbcd"), [0, 1, 1, 1, 0, 1], "subject"),
        (list("aabbcd"), [3] * 6, "subject"),
    ],
)
def test_auto_takes_the_strictest_protocol_the_data_allow(groups, fold, protocol):
    folds = assign_folds(
        "auto", n_rows=6, labels=list("xyxyxy"), groups=groups, fold=fold, n_folds=2
    )
    assert folds.protocol == protocol
    assert (folds.warning is None) == (protocol != "random")


def test_auto_says_why_it_leaves_the_data_sets_own_folds():
    folds = assign_folds(
        "auto", n_rows=4, labels=list("xyxy"), groups=list("aabc"), fold=[0, 1, 0, 1], n_folds=2
    )
    assert folds.note.endswith("the data set's own folds put 1 people on both sides")


def test_auto_says_how_many_rows_lack_a_fold_of_the_data_sets_own():
    folds = assign_folds(
        "auto", n_rows=4, labels=list("xyxy"), groups=list("abcd"), fold=[0, 1, None, 1], n_folds=2
    )
    assert folds.protocol == "subject"
    assert folds.note.endswith(
        "; 1 of 4 photos have no fold of the data set's own, so these are not taken"
    )


def test_auto_is_silent_where_the_data_set_has_no_folds():
    folds = assign_folds(
        "auto", n_rows=4, labels=list("xyxy"), groups=list("abcd"), fold=[None] * 4, n_folds=2
    )
    assert "fold of the data set's own" not in folds.note


def test_rows_that_name_nobody_are_counted():
    folds = assign_folds(
        "subject", n_rows=4, labels=list("xyxy"), groups=["a", None, "b", ""], n_folds=2
    )
    assert folds.note.endswith("; 2 photos that name nobody count as people of their own")
    one = assign_folds(
        "subject", n_rows=4, labels=list("xyxy"), groups=["a", "b", "a", ""], n_folds=2
    )
    assert one.note.endswith("; 1 photo that names nobody counts as a person of its own")


def test_random_counts_the_test_photos_whose_person_is_in_training(people):
    arguments = {"n_rows": 180, "labels": people.gender, "groups": people.subjects}
    folds = assign_folds("random", n_repeats=3, **arguments)
    shares = []
    for column in folds.fold.T:
        shared = [
            any((people.subjects == who) & (column != fold))
            for who, fold in zip(people.subjects, column, strict=True)
        ]
        shares.append(np.mean(shared))
    assert folds.shared.share == pytest.approx(np.mean(shares))
    assert f"{np.mean(shares):.1%} of the 180 test photos" in folds.warning
    subject = assign_folds("subject", **arguments)
    assert subject.warning is subject.shared is None
    assert shared_people(known_subjects(people.subjects, 180), subject.fold).share == 0


def test_random_tells_of_the_photos_that_name_nobody():
    groups = ["a", "a", None, None]
    folds = assign_folds("random", n_rows=4, labels=list("xxxx"), groups=groups, n_folds=4)
    assert folds.shared == SharedPeople(4, 2, 1.0)
    assert folds.warning.endswith(" 2 photos name nobody.")
    groups[2] = "b"
    folds = assign_folds("random", n_rows=4, labels=list("xxxx"), groups=groups, n_folds=4)
    assert folds.warning.endswith(" 1 photo names nobody.")


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from("xyz"), st.integers(0, 30)), min_size=30, max_size=90),
    st.floats(0.05, 0.95),
    st.integers(1, 3),
)
def test_a_holdout_tests_whole_people_once(rows, share, n_repeats):
    labels, groups = zip(*rows, strict=True)
    assume(len(set(groups)) >= 10)
    folds = assign_folds(
        "holdout",
        n_rows=len(rows),
        labels=labels,
        groups=groups,
        test_share=share,
        n_repeats=n_repeats,
    )
    assert folds.n_folds == folds.n_repeats == n_repeats
    for repeat, column in enumerate(folds.fold.reshape(len(rows), -1).T):
        assert set(column) == {-1, repeat}
        people = pd.Series(column).groupby(list(groups)).nunique()
        assert (people == 1).all()


@pytest.mark.parametrize("share", [0.1, 0.2, 0.25, 0.3, 0.5])
def test_a_holdout_is_stratified_and_as_large_as_asked(people, share):
    folds = assign_folds(
        "holdout", n_rows=180, labels=people.gender, groups=people.subjects, test_share=share
    )
    tested = folds.fold == 0
    assert tested.mean() == pytest.approx(share, abs=0.03)
    assert (people.gender[tested] == "male").mean() == pytest.approx(0.5, abs=0.05)
    assert f"({tested.sum()} of 180 photos" in folds.note


@pytest.mark.parametrize("protocol", ["subject", "random", "holdout"])
def test_repeats_are_other_folds_with_numbers_of_their_own(people, protocol):
    arguments = {"n_rows": 180, "labels": people.gender, "groups": people.subjects}
    once = assign_folds(protocol, random_state=3, **arguments)
    folds = assign_folds(protocol, random_state=3, n_repeats=3, **arguments)
    assert folds.fold.shape == (180, 3)
    assert np.array_equal(folds.fold[:, 0], once.fold)
    assert folds.n_folds == 3 * once.n_folds
    numbers = [set(column[column >= 0]) for column in folds.fold.T]
    assert [number for part in numbers for number in sorted(part)] == list(range(folds.n_folds))
    splits = [tuple(pd.factorize(column)[0]) for column in folds.fold.T]
    assert len(set(splits)) == 3
    assert "3 times, each with another seed" in folds.note


def test_neighbouring_seeds_share_no_repeat():
    seeds = [repeat_seed(seed, repeat) for seed in range(5) for repeat in range(5)]
    assert len(set(seeds)) == 25
    assert repeat_seed(None, 2) is None


@pytest.mark.parametrize(
    ("protocol", "options", "message"),
    [
        ("hat", {}, "Unknown protocol 'hat'. Known protocols: official, subject, leave-one"),
        ("official", {}, "6 of 6 rows have none"),
        ("official", {"fold": [0, 1, None, 0, 1, None]}, "2 of 6 rows have none"),
        ("official", {"fold": [1] * 6}, "two folds or more. Got 1"),
        ("official", {"fold": [0, 1] * 3, "groups": list("aabbcc")}, "3 of 3 subjects"),
        ("subject", {}, "needs subjects"),
        ("subject", {"groups": list("aaabbb")}, "at least 5 subjects. Got 2"),
        ("leave-one-subject-out", {"groups": [None] * 6}, "needs subjects"),
        ("random", {"n_folds": 7}, "at least 7 photos. Got 6"),
        ("random", {"n_folds": 1}, "2 or more. Got 1"),
        ("random", {"fold": [1]}, "'fold' must have 6 rows. Got 1"),
        ("official", {"fold": [-1, 0] * 3}, "must be 0 or more. Got -1"),
        ("holdout", {}, "needs subjects"),
        ("holdout", {"groups": ["a"] * 6}, "at least 2 subjects. Got 1"),
        ("holdout", {"test_share": 1.0}, "between 0 and 1. Got 1.0"),
        ("subject", {"test_share": 0.3, "groups": list("aabbcc")}, "Got 0.3 and 'subject'"),
        ("official", {"fold": [0, 1] * 3, "n_repeats": 2}, "always the same"),
        ("leave-one-subject-out", {"groups": list("aabbcc"), "n_repeats": 2}, "always the same"),
        ("random", {"n_repeats": 0}, "1 or more. Got 0"),
        ("official", {"fold": [0, 1] * 3, "n_folds": 3}, "Got 3 and 'official', which makes its"),
        ("holdout", {"groups": list("aabbcc"), "n_folds": 3}, "Only the protocols subject and ran"),
        ("leave-one-subject-out", {"groups": list("aabbcc"), "n_folds": 5}, "leave the number out"),
        ("auto", {"fold": [0, 1] * 3, "n_repeats": 2}, "'official' are always the same"),
    ],
)
def test_a_protocol_that_does_not_fit_the_data_is_refused(protocol, options, message):
    with pytest.raises(ValueError, match=message):
        assign_folds(protocol, n_rows=6, labels=list("xyxyxy"), **options)


def test_where_auto_takes_other_folds_than_asked_for_the_note_says_so():
    data = {"n_rows": 6, "labels": list("xyxyxy"), "fold": [0, 1] * 3}
    note = "the data set's own 2 folds"
    assert assign_folds("auto", **data, n_folds=4).note == f"{note}, not the 4 that were asked for"
    assert assign_folds("auto", **data, n_folds=2).note == note
    assert assign_folds("auto", **data).note == note
