from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from featurex.datasets.cleaning import MAX_EXAMPLES, Dropped, clean
from featurex.exceptions import DatasetError

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


def test_an_unreadable_file_is_counted(make_photos, tmp_path):
    root = make_photos({"a.png": 1})
    rows = [{"path": str(root / name), "age": 3} for name in ("a.png", "a.png/b.png", "c.png")]
    manifest = clean(rows, Dropped(), dataset="csv", root=root, age_policy="strict")
    assert manifest.dropped == {"unreadable": 1, "missing file": 1}


def test_what_the_reader_dropped_is_kept_in_the_count(make_photos):
    root, dropped = make_photos({"a.png": 1}), Dropped()
    dropped.add("unparsable name", "x.png")
    rows = [{"path": str(root / "a.png"), "age": 3}]
    manifest = clean(rows, dropped, dataset="csv", root=root, age_policy="strict", notes=("n",))
    assert manifest.dropped == {"unparsable name": 1}
    assert (manifest.found, manifest.notes) == (2, ("n",))


def test_no_rows_are_an_error():
    with pytest.raises(DatasetError, match="Is it the folder of the fgnet photos"):
        clean([], Dropped(), dataset="fgnet", root=Path("/x"), age_policy="strict")


def test_examples_are_few_and_printable():
    dropped = Dropped()
    for i in range(10):
        dropped.add("duplicate", f"a\n\udcff{i}.png")
    assert dropped.counts == {"duplicate": 10}
    assert len(dropped.examples["duplicate"]) == MAX_EXAMPLES
    assert dropped.examples["duplicate"][0] == r"a\n\udcff0.png"


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
