import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from featurex.labels import (
    AGE_GROUP_BOUNDS,
    AGE_GROUP_YEARS,
    AGE_GROUPS,
    AGE_POLICIES,
    age_to_group,
    group_to_years,
)

GAPS = [3, 7, 14, *range(21, 25), *range(33, 38), *range(44, 48), *range(54, 60)]
AGES = st.floats(0, 120)


def test_the_groups_are_adiences_eight_with_their_gaps():
    inside = {
        "0-2": range(3),
        "4-6": range(4, 7),
        "8-13": range(8, 14),
        "15-20": range(15, 21),
        "25-32": range(25, 33),
        "38-43": range(38, 44),
        "48-53": range(48, 54),
        "60+": range(60, 117),
    }
    assert tuple(inside) == AGE_GROUPS
    for group, years in inside.items():
        assert set(age_to_group(list(years))) == {group}
    assert age_to_group(GAPS).tolist() == [None] * len(GAPS)
    assert len(GAPS) + sum(map(len, inside.values())) == 117


@pytest.mark.parametrize(
    ("age", "group"),
    [
        (3, "0-2"),  # 1 year from both: the younger
        (7, "4-6"),
        (14, "8-13"),
        (22, "15-20"),
        (23, "25-32"),
        (35, "25-32"),  # 3 years from both
        (36, "38-43"),
        (45, "38-43"),
        (46, "48-53"),
        (56, "48-53"),
        (57, "60+"),
    ],
)
def test_nearest_takes_the_nearest_and_of_two_the_younger(age, group):
    assert age_to_group([age], policy="nearest").tolist() == [group]


@given(st.lists(AGES))
def test_nearest_agrees_with_strict_wherever_strict_has_a_group(ages):
    strict, nearest = age_to_group(ages), age_to_group(ages, policy="nearest")
    assert set(nearest) <= set(AGE_GROUPS)
    assert all(s is None or s == n for s, n in zip(strict, nearest, strict=True))


@given(AGES, AGES)
def test_an_older_age_is_never_in_a_younger_group(a, b):
    young, old = age_to_group(sorted([a, b]), policy="nearest")
    assert AGE_GROUPS.index(young) <= AGE_GROUPS.index(old)


@given(AGES, st.sampled_from(list(AGE_POLICIES)))
def test_a_fraction_counts_as_completed_years(age, policy):
    assert age_to_group([age], policy).tolist() == age_to_group([int(age)], policy).tolist()


@pytest.mark.parametrize("bad", [-1.0, np.nan, np.inf, -np.inf])
def test_an_impossible_age_is_named_with_its_row(bad):
    with pytest.raises(ValueError, match=rf"finite and non-negative \(years\). Got {bad} at row 1"):
        age_to_group([3.0, bad])


def test_ages_have_one_dimension():
    with pytest.raises(ValueError, match=r"one-dimensional. Got 2"):
        age_to_group([[1.0]])


def test_an_unknown_policy_is_answered_with_the_known_ones():
    with pytest.raises(ValueError, match=r"'middle'. The policies are: strict, nearest"):
        age_to_group([1], policy="middle")


def test_no_ages_no_groups():
    assert age_to_group([]).tolist() == []


def test_the_years_of_a_group_are_its_middle():
    middles = [(first + last) / 2 for first, last in AGE_GROUP_BOUNDS[:-1]]
    assert list(AGE_GROUP_YEARS) == [*middles, 70]  # the last has no end
    assert group_to_years(AGE_GROUPS).tolist() == list(AGE_GROUP_YEARS)


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA])
def test_a_missing_group_has_no_years(missing):
    assert np.isnan(group_to_years(np.array(["0-2", missing], dtype=object))[1])


def test_a_categorical_column_has_years():
    column = pd.Series(["60+", None, "8-13"], dtype=pd.CategoricalDtype(AGE_GROUPS, ordered=True))
    np.testing.assert_array_equal(group_to_years(column), [70.0, np.nan, 10.5])


def test_an_unknown_group_is_named():
    with pytest.raises(ValueError, match="Unknown age group '8-12' at row 1"):
        group_to_years(["0-2", "8-12"])
