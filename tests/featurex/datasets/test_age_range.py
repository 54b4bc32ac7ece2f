import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from featurex.datasets.age_range import AgeRange, keep_ages
from featurex.exceptions import DatasetError
from featurex.labels import AGE_GROUPS, age_to_group
from featurex.manifest import Manifest, make_table

AGES = [20.0, 20.9, 21.0, 60.0, 60.9, 61.0]
NAN = float("nan")


def make(ages=AGES, groups=None, dropped=None):
    n = len(ages)
    columns = {
        "image_id": [f"{i:064x}" for i in range(n)],
        "path": [f"/photos/{i}.jpg" for i in range(n)],
        "age": ages,
        "age_group": groups,
    }
    return Manifest(make_table(columns, "csv"), dropped or {}, "csv", ("A note.",))


def test_both_ends_are_inside_and_a_fraction_is_a_completed_year():
    kept = keep_ages(make(dropped={"duplicate": 4}), AgeRange(21, 60))
    assert kept.table["age"].tolist() == [21.0, 60.0, 60.9]
    assert kept.table.index.tolist() == [0, 1, 2]
    assert kept.dropped == {"duplicate": 4, "age outside 21-60": 3}
    assert kept.found == 10
    assert kept.examples["age outside 21-60"] == ["0.jpg", "1.jpg", "5.jpg"]
    assert kept.ages == "21-60"
    assert kept.notes == (
        "A note.",
        "Ages 21-60 only: 3 photos; 3 others are left out (age outside 21-60: 3).",
    )


def test_of_age_groups_those_wholly_inside_are_kept():
    groups = ["15-20", "25-32", "38-43", "48-53", "60+", None, "60+"]
    kept = keep_ages(make([NAN] * 6 + [59.0], groups), AgeRange(16, 60))
    assert kept.table["age_group"].tolist() == ["25-32", "38-43", "48-53", "60+"]
    assert kept.dropped == {
        "age group not wholly inside 16-60": 2,
        "no age, 16-60 asked for": 1,
    }
    assert kept.notes[-1].endswith("wholly inside are kept: 25-32, 38-43, 48-53.")


def test_a_known_age_decides_and_not_its_group():
    kept = keep_ages(make([26.0, 31.0], ["25-32"] * 2), AgeRange(30, 40))
    assert kept.table["age"].tolist() == [31.0]
    assert "age group only" not in kept.notes[-1]


@given(st.integers(0, 120), st.integers(0, 120))
def test_a_group_is_inside_where_every_age_of_it_is(low, high):
    ages = AgeRange(min(low, high), max(low, high))
    years = np.arange(117.0)
    groups = age_to_group(years)
    inside = ages.holds(years)
    assert set(ages.groups) == {name for name in AGE_GROUPS if inside[groups == name].all()}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("60-21", "from the lower age to the higher one, such as 21-60. Got 60-21"),
        ("-5-10", "LOW-HIGH in years, such as 21-60. Got '-5-10'"),
        ("adults", "LOW-HIGH in years, such as 21-60. Got 'adults'"),
        ("21", "LOW-HIGH in years"),
        ("21.5-60", "LOW-HIGH in years"),
        ("²1-60", "LOW-HIGH in years"),
        ("", "LOW-HIGH in years"),
    ],
)
def test_what_is_no_range_is_refused(text, message):
    with pytest.raises(ValueError, match=message):
        AgeRange.parse(text)


def test_a_dash_may_be_an_en_dash():
    assert AgeRange.parse(" 0–5 ") == AgeRange(0, 5)


def test_nothing_left_says_what_there_was():
    manifest = make([5.0, NAN], [None, "0-2"])
    with pytest.raises(DatasetError, match=r"No photo of 'csv' is left with ages 90-99. Dropped: "):
        keep_ages(manifest, AgeRange(90, 99))
