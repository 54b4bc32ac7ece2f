from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from featurex.datasets.cleaning import MAX_EXAMPLES, NEAREST, Dropped, clean
from featurex.exceptions import DatasetError
from featurex.manifest import COPY_COLUMNS

CANDIDATE = st.fixed_dictionaries(
    {
        "photo": st.integers(0, 5),  # the last has no file
        "age": st.one_of(st.none(), st.integers(-2, 120)),
        "gender": st.sampled_from([None, "female", "male"]),
        "age_group": st.sampled_from([None, None, "0-2", "60+"]),
        "subject_id": st.sampled_from([None, "ann"]),
    }
)


@settings(
    deadline=None, max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(CANDIDATE, max_size=12))
def test_kept_and_dropped_add_up_and_no_photo_is_kept_twice(make_photos, candidates):
    root = make_photos({f"{i}.png": i for i in range(5)} | {"good.png": 9})
    rows = [{**c, "path": str(root / f"{c['photo']}.png")} for c in candidates]
    rows.append({"path": str(root / "good.png"), "gender": "male"})
    manifest = clean(rows, Dropped(), dataset="csv", root=root, age_policy="strict")
    assert manifest.found == len(rows)
    table = manifest.table
    assert table["image_id"].is_unique
    assert not table[["age", "age_group", "gender"]].isna().all(axis=1).any()
    for row in table.itertuples():
        labelled = [r for r in rows if r["path"] == row.path]
        for label in ("age", "gender"):
            given_labels = {r.get(label) for r in labelled} - {None}
            value = getattr(row, label)
            assert pd.isna(value) or value in given_labels


@pytest.mark.parametrize(
    ("policy", "label", "told"),
    [
        ("nearest", {"age": 35}, True),
        ("strict", {"age": 35}, False),
        ("nearest", {"gender": "male"}, False),
    ],
)
def test_ages_that_count_as_of_the_nearest_group_are_told(make_photos, policy, label, told):
    root = make_photos({"a.png": 1})
    rows = [{"path": str(root / "a.png"), **label}]
    manifest = clean(rows, Dropped(), dataset="csv", root=root, age_policy=policy)
    assert (NEAREST in manifest.notes) == told


def test_an_unreadable_file_is_counted(make_photos, tmp_path):
    root = make_photos({"a.png": 1})
    rows = [{"path": str(root / name), "age": 3} for name in ("a.png", "a.png/b.png", "c.png")]
    manifest = clean(rows, Dropped(), dataset="csv", root=root, age_policy="strict")
    assert manifest.dropped == {"unreadable": 1, "missing file": 1}
    unread = {"a.png/b.png": "unreadable", "c.png": "missing file"}
    assert manifest.unread == {str(root / name): reason for name, reason in unread.items()}


def test_what_the_reader_dropped_is_kept_in_the_count(make_photos):
    root, dropped = make_photos({"a.png": 1}), Dropped()
    dropped.add("unparsable name", "x.png")
    rows = [{"path": str(root / "a.png"), "age": 3}]
    manifest = clean(rows, dropped, dataset="csv", root=root, age_policy="strict", notes=("n",))
    assert manifest.dropped == {"unparsable name": 1}
    assert (manifest.found, manifest.notes) == (2, ("n",))


def test_no_rows_are_an_error():
    with pytest.raises(DatasetError, match="Is it the folder of 'fgnet'"):
        clean([], Dropped(), dataset="fgnet", root=Path("/x"), age_policy="strict")


def test_a_file_without_rows_is_no_folder(tmp_path):
    file = tmp_path / "labels.csv"
    file.touch()
    with pytest.raises(DatasetError, match=r"labels\.csv has no rows"):
        clean([], Dropped(), dataset="csv", root=file, age_policy="strict")


def test_examples_are_few_and_printable():
    dropped = Dropped()
    for i in range(10):
        dropped.add("duplicate", f"a\n\udcff{i}.png")
    assert dropped.counts == {"duplicate": 10}
    assert len(dropped.examples["duplicate"]) == MAX_EXAMPLES
    assert dropped.examples["duplicate"][0] == r"a\n\udcff0.png"


def test_every_file_that_is_there_twice_is_listed_with_its_labels_and_fate(make_photos):
    root = make_photos({"a.png": 1, "b.png": 1, "c.png": 2, "d.png": 3, "e.png": 3, "f.png": 4})
    ages = {"a": 5, "b": 5, "c": 8, "d": 20, "e": 30, "f": 40}
    rows = [{"path": str(root / f"{name}.png"), "age": age} for name, age in ages.items()]
    manifest = clean(rows, Dropped(), dataset="csv", root=root, age_policy="strict")
    copies = manifest.copies
    listed = {Path(row.path).stem: (row.age, row.fate) for row in copies.itertuples()}
    assert listed == {
        "a": (5, "kept"),
        "b": (5, "duplicate"),
        "d": (20, "conflicting labels"),
        "e": (30, "conflicting labels"),
    }
    assert tuple(copies.columns) == COPY_COLUMNS
    assert copies["image_id"].nunique() == 2
    assert copies["image_id"].tolist() == sorted(copies["image_id"])


def test_copies_that_are_dropped_in_the_end_are_listed_as_such(make_photos):
    """One says the age, the other a group that the age is not in."""
    root = make_photos({"a.png": 1, "b.png": 1, "c.png": 2})
    rows = [
        {"path": str(root / "a.png"), "age": 5},
        {"path": str(root / "b.png"), "age_group": "60+"},
        {"path": str(root / "c.png"), "age": 5},
    ]
    manifest = clean(rows, Dropped(), dataset="csv", root=root, age_policy="strict")
    assert manifest.copies["fate"].tolist() == ["conflicting labels"] * 2
    assert len(manifest) == 1


def test_without_copies_none_are_listed(make_photos):
    root = make_photos({"a.png": 1})
    rows = [{"path": str(root / "a.png"), "age": 3}]
    manifest = clean(rows, Dropped(), dataset="csv", root=root, age_policy="strict")
    assert manifest.copies.empty
    assert tuple(manifest.copies.columns) == COPY_COLUMNS


def test_an_undefined_gender_gives_way_and_alone_is_no_label(make_photos):
    root = make_photos({"a.png": 1, "b.png": 1, "c.png": 2, "d.png": 3})
    rows = [
        {"path": str(root / "a.png"), "gender": "undefined", "age": 1},
        {"path": str(root / "b.png"), "gender": "female", "age": 1},  # a copy of it
        {"path": str(root / "c.png"), "gender": "undefined", "age": 1},
        {"path": str(root / "d.png"), "gender": "undefined"},
    ]
    manifest = clean(rows, Dropped(), dataset="csv", root=root, age_policy="strict")
    assert manifest.table["gender"].tolist() == ["female", "undefined"]
    assert manifest.dropped == {"duplicate": 1, "no label": 1}


def test_copies_say_whose_and_in_which_fold_they_are(make_photos):
    root = make_photos({"a.png": 1, "b.png": 1})
    rows = [
        {"path": str(root / "a.png"), "age": 5, "subject_id": "ann", "fold": 0},
        {"path": str(root / "b.png"), "age": 5, "subject_id": "bea", "fold": 1},
    ]
    copies = clean(rows, Dropped(), dataset="csv", root=root, age_policy="strict").copies
    assert copies["subject_id"].tolist() == ["ann", "bea"]
    assert copies["fold"].tolist() == [0, 1]
