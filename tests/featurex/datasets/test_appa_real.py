from pathlib import Path

import pytest

from featurex.datasets.appa_real import read
from featurex.exceptions import DatasetError

HEADER = "file_name,num_ratings,apparent_age_avg,apparent_age_std,real_age\n"
ROWS = {
    "train": ["000000.jpg,40,3.975,0.69,4", "000001.jpg,38,32.5,3.2,37"],
    "valid": ["004113.jpg,38,71.789473684210522,3.2,70"],
    "test": ["005613.jpg,39,24.0,2.1,25"],
}


def write_labels(folder, rows=ROWS, encoding="utf-8", end="\n"):
    for split, lines in rows.items():
        text = HEADER + "".join(f"{line}\n" for line in lines)
        data = text.replace("\n", end).encode(encoding)
        (folder / f"gt_avg_{split}.csv").write_bytes(data)


@pytest.fixture
def appa_real(make_photos, tmp_path):
    """Return a folder with the labels above and the crops of their photos."""
    write_labels(tmp_path)
    names = [f"{split}/{line[:10]}_face.jpg" for split, lines in ROWS.items() for line in lines]
    return make_photos({name: number for number, name in enumerate(names)})


def ages(manifest):
    names = [Path(path).name.removesuffix(".jpg_face.jpg") for path in manifest.table["path"]]
    return dict(zip(names, manifest.table["age"], strict=True))


def test_the_age_is_the_real_one(appa_real):
    manifest = read(appa_real)
    assert ages(manifest) == {"000000": 4, "000001": 37, "004113": 70, "005613": 25}
    groups = manifest.table["age_group"].astype(object)
    assert groups.where(groups.notna(), None).tolist() == ["4-6", None, "60+", "25-32"]
    assert manifest.dropped == {}
    assert "The ages of APPA-REAL are the real ones." in manifest.notes


def test_it_may_be_the_apparent_one(appa_real):
    manifest = read(appa_real, age_kind="apparent")
    assert ages(manifest) == pytest.approx(
        {"000000": 3.975, "000001": 32.5, "004113": 71.789473684210522, "005613": 24}
    )
    groups = manifest.table["age_group"].astype(object)
    assert groups.where(groups.notna(), None).tolist() == [None, "25-32", "60+", None]
    assert any("apparent" in note for note in manifest.notes)


def test_an_unknown_age_is_refused(appa_real):
    with pytest.raises(ValueError, match=r"Unknown age kind 'felt'. They are: real, apparent"):
        read(appa_real, age_kind="felt")


def test_there_is_nothing_but_the_age(appa_real):
    manifest = read(appa_real)
    assert manifest.table[["gender", "race", "subject_id", "fold"]].isna().all(axis=None)
    assert manifest.tasks() == ("age-group", "age")


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("9.jpg,1,30,1,x", "unknown age 'x'"),
        ("9.jpg,1,30,1,nan", "unknown age 'nan'"),
        ("9.jpg,1,30,1,-1", "age out of range"),
        ("9.jpg,1,30,1,117", "age out of range"),
        ("9.jpg,1,30,1,", "no label"),
        ("9.jpg,1,30,1", "wrong number of fields"),
        ("9.jpg,1,30,1,30", "missing file"),
        (",1,30,1,30", "no path"),
        ("../../passwd,1,30,1,30", "path outside the folder"),
        ("/etc/passwd,1,30,1,30", "path outside the folder"),
    ],
)
def test_a_row_that_cannot_be_used_is_dropped_with_its_reason(appa_real, row, reason):
    write_labels(appa_real, {"train": [*ROWS["train"], row]})
    manifest = read(appa_real)
    assert manifest.dropped == {reason: 1}
    assert manifest.found == 5


def test_copies_of_two_ages_conflict(appa_real, make_photos):
    make_photos({"valid/004113.jpg_face.jpg": 0})
    manifest = read(appa_real)
    assert manifest.dropped == {"conflicting labels": 2}


def test_a_folder_of_a_split_that_leads_out_is_not_followed(appa_real, make_photos, tmp_path):
    outside = make_photos({"004113.jpg_face.jpg": 9}, tmp_path.parent / f"{tmp_path.name}-out")
    (appa_real / "valid" / "004113.jpg_face.jpg").unlink()
    (appa_real / "valid").rmdir()
    (appa_real / "valid").symlink_to(outside)
    assert read(appa_real).dropped == {"path outside the folder": 1}


def test_a_byte_order_mark_and_other_line_ends_are_fine(appa_real):
    expected = ages(read(appa_real))
    write_labels(appa_real, encoding="utf-8-sig", end="\r\n")
    assert ages(read(appa_real)) == expected


def test_the_data_may_lie_one_folder_down_and_lack_splits(appa_real, tmp_path):
    for name in ("gt_avg_train.csv", "gt_avg_valid.csv"):
        (appa_real / name).unlink()
    inner = tmp_path / "appa-real-release"
    inner.mkdir()
    for path in (appa_real / "gt_avg_test.csv", appa_real / "test"):
        path.rename(inner / path.name)
    assert ages(read(appa_real)) == ages(read(inner)) == {"005613": 25}


def test_a_folder_without_the_files_is_an_error_that_names_them(tmp_path):
    message = r"No gt_avg_train.csv, gt_avg_valid.csv or gt_avg_test.csv in"
    with pytest.raises(DatasetError, match=message):
        read(tmp_path)


def test_a_file_without_the_column_is_an_error(appa_real):
    (appa_real / "gt_avg_train.csv").write_text("file_name,real_age\n000000.jpg,4\n")
    assert len(read(appa_real)) == 3
    with pytest.raises(DatasetError, match="no column 'apparent_age_avg'"):
        read(appa_real, age_kind="apparent")
