import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from featurex.labels import AGE_GROUPS, GENDERS
from featurex.manifest import COLUMNS, Manifest, make_table


def make(n=10, dropped=None, **columns):
    columns = {
        "image_id": [f"{i:064x}" for i in range(n)],
        "path": [f"/photos/{i}.jpg" for i in range(n)],
        **columns,
    }
    return Manifest(make_table(columns, "csv"), dropped or {}, "csv")


def counts(manifest):
    summary = manifest.summary()
    return dict(zip(summary["rows"], summary["count"], strict=True))


def test_a_table_has_the_contracts_columns_and_types():
    table = make(
        n=2,
        subject_id=["s", None],
        age=[3, None],
        age_group=["60+", None],
        gender=[None, "female"],
        race=[None, "Other"],
        fold=[4, None],
    ).table
    assert tuple(table.columns) == COLUMNS
    assert list(table.index) == [0, 1]
    assert table["subject_id"].tolist() == ["s", None]
    assert table["age"].dtype == np.float64
    assert table["age_group"].cat.ordered
    assert tuple(table["age_group"].cat.categories) == AGE_GROUPS
    assert tuple(table["gender"].cat.categories) == GENDERS
    assert table["fold"].dtype == "Int64"
    assert table["race"].tolist() == [None, "Other"]
    assert table.isna().sum().tolist() == [0, 0, 0, 1, 1, 1, 1, 1, 1]


def test_labels_that_a_data_set_lacks_are_missing_columns_of_the_same_types():
    full = make(
        n=1,
        subject_id=["s"],
        age=[3],
        age_group=["0-2"],
        gender=["male"],
        race=["Other"],
        fold=[0],
    )
    empty = make(n=1)
    assert empty.table["age"].isna().all()
    assert empty.table.dtypes.astype(str).to_dict() == full.table.dtypes.astype(str).to_dict()


def test_a_label_that_does_not_exist_is_refused():
    with pytest.raises(ValueError, match="'woman'"):
        make(n=1, gender=["woman"])


@pytest.mark.parametrize(
    ("columns", "tasks"),
    [
        ({}, ()),
        ({"age": [1.0, None]}, ("age",)),
        ({"gender": ["male", None], "age_group": ["0-2", "60+"]}, ("age-group", "gender")),
    ],
)
def test_a_task_is_there_when_a_row_has_its_label(columns, tasks):
    assert make(n=2, **columns).tasks() == tasks


def test_the_summary_counts_every_row():
    manifest = make(n=3, dropped={"duplicate": 2, "missing file": 5}, age=[1, 2, None])
    assert list(counts(manifest).items())[:5] == [
        ("found", 10),
        ("dropped: missing file", 5),
        ("dropped: duplicate", 2),
        ("kept", 3),
        ("kept, with age", 2),
    ]


def test_the_summary_shows_examples():
    table = make(n=1).table
    manifest = Manifest(table, {"duplicate": 2}, "csv", (), {"duplicate": ["a.jpg", "b.jpg"]})
    assert "a.jpg, b.jpg" in manifest.summary()["examples"].tolist()


@settings(deadline=None)
@given(st.integers(1, 30), st.integers(1, 40), st.integers(0, 5))
def test_a_sample_keeps_whole_rows_in_their_order(n, size, seed):
    manifest = make(n=n, dropped={"duplicate": 7}, age=np.arange(n))
    sample = manifest.sample(size, seed)
    assert len(sample) == min(n, size)
    assert sample.table["age"].is_monotonic_increasing
    kept = manifest.table.iloc[sample.table["age"].astype(int)].reset_index(drop=True)
    pd.testing.assert_frame_equal(sample.table, kept)
    assert sample.found == manifest.found == n + 7
    assert len(manifest) == n


def test_it_is_shown_in_one_line():
    assert repr(make(n=20).sample(4)) == "<Manifest of 'csv': 4 rows kept of 20 found>"


def test_a_sample_of_a_sample_still_adds_up():
    sample = make(n=20).sample(10).sample(4)
    assert sample.dropped == {"not in the sample": 16}
    assert sample.found == 20


def test_a_sample_says_that_it_is_one():
    manifest = make(n=20)
    name = manifest.dataset
    assert manifest.sample(4).notes[-1] == f"{name}, --limit: a random sample of 4 of 20."
    assert manifest.sample(20).notes == manifest.notes


def test_the_seed_decides_the_sample():
    manifest = make(n=100)
    drawn = {tuple(manifest.sample(10, seed).table["path"]) for seed in (0, 0, 1, 2)}
    assert len(drawn) == 3


def test_a_sample_has_rows():
    with pytest.raises(ValueError, match=r"must be positive. Got 0"):
        make().sample(0)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda table: table.drop(columns="fold"), "has the columns"),
        (lambda table: table.iloc[1:], "Reset the index"),
        (lambda table: table.assign(image_id="0" * 64), "9 rows repeat one"),
    ],
)
def test_a_table_that_breaks_the_contract_is_refused(spoil, message):
    with pytest.raises(ValueError, match=message):
        Manifest(spoil(make().table), {}, "csv")
