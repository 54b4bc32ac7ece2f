from pathlib import Path

import pytest

from featurex.datasets.fairface import AGE_BINS, RACES, read
from featurex.exceptions import DatasetError

HEADER = "file,age,gender,race,service_test\n"
TRAIN = [
    "train/1.jpg,0-2,Male,East Asian,False",
    "train/2.jpg,3-9,Female,Indian,False",
    "train/3.jpg,60-69,Female,Latino_Hispanic,True",
    "train/4.jpg,more than 70,Male,Middle Eastern,True",
]
VAL = ["val/1.jpg,20-29,Female,White,True"]


def write_labels(folder, train=TRAIN, val=VAL, encoding="utf-8", end="\n"):
    for split, rows in (("train", train), ("val", val)):
        text = HEADER + "".join(f"{row}\n" for row in rows)
        data = text.replace("\n", end).encode(encoding)
        (folder / f"fairface_label_{split}.csv").write_bytes(data)


@pytest.fixture
def fairface(make_photos, tmp_path):
    """Return a folder with the labels above and their photos."""
    write_labels(tmp_path)
    names = [row.split(",")[0] for row in TRAIN + VAL]
    return make_photos({name: number for number, name in enumerate(names)})


def column(manifest, name):
    table = manifest.table.astype({name: object})
    return {
        f"{Path(path).parent.name}/{Path(path).stem}": None if value != value else value
        for path, value in zip(table["path"], table[name], strict=True)
    }


def test_only_bins_inside_a_group_have_one(fairface):
    manifest = read(fairface)
    assert column(manifest, "age_group") == {
        "train/1": "0-2",
        "train/2": None,
        "train/3": "60+",
        "train/4": "60+",
        "val/1": None,
    }
    assert manifest.dropped == {}
    assert any("infants against people of 60" in note for note in manifest.notes)


@pytest.mark.parametrize(
    ("age", "strict", "nearest"),
    [
        ("0-2", "0-2", "0-2"),
        ("3-9", None, "4-6"),
        ("10-19", None, "8-13"),
        ("20-29", None, "25-32"),
        ("30-39", None, "25-32"),
        ("40-49", None, "38-43"),
        ("50-59", None, "48-53"),
        ("60-69", "60+", "60+"),
        ("more than 70", "60+", "60+"),
    ],
)
def test_the_policy_decides_about_the_other_bins(fairface, age, strict, nearest):
    assert age in AGE_BINS
    write_labels(fairface, [f"train/1.jpg,{age},Male,White,False"])
    assert column(read(fairface), "age_group")["train/1"] == strict
    manifest = read(fairface, age_policy="nearest")
    assert column(manifest, "age_group")["train/1"] == nearest
    assert any("the bin's middle" in note for note in manifest.notes)


def test_gender_and_race_are_read(fairface):
    manifest = read(fairface)
    assert column(manifest, "gender")["train/1"] == "male"
    assert column(manifest, "gender")["train/2"] == "female"
    assert column(manifest, "race")["train/3"] == "Latino_Hispanic"
    assert set(manifest.table["race"]) <= set(RACES)


def test_there_are_no_years_folds_or_subjects(fairface):
    manifest = read(fairface)
    assert manifest.table[["age", "fold", "subject_id"]].isna().all(axis=None)
    assert manifest.tasks() == ("age-group", "gender")
    assert any("may share people" in note for note in manifest.notes)


def test_copies_in_two_bins_conflict_even_where_neither_has_a_group(fairface, make_photos):
    make_photos({"train/1.jpg": 50, "train/2.jpg": 50, "val/1.jpg": 51, "val/2.jpg": 51})
    write_labels(fairface, val=[VAL[0], "val/2.jpg,30-39,Female,White,True"])
    manifest = read(fairface)
    assert manifest.dropped == {"conflicting labels": 4}
    assert set(column(manifest, "gender")) == {"train/3", "train/4"}


def test_copies_that_differ_in_race_only_have_none(fairface, make_photos):
    make_photos({"train/1.jpg": 50, "train/2.jpg": 50})
    rows = [f"train/{i}.jpg,0-2,Male,{race},False" for i, race in ((1, "White"), (2, "Indian"))]
    write_labels(fairface, rows)
    manifest = read(fairface)
    assert manifest.dropped == {"duplicate": 1}
    assert column(manifest, "race") == {"train/1": None, "val/1": "White"}


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("train/5.jpg,70+,Male,White,False", "unknown age '70+'"),
        ("train/5.jpg,0-2,X,White,False", "unknown gender 'X'"),
        ("train/5.jpg,0-2,Male,Martian,False", "unknown race 'Martian'"),
        ("train/5.jpg,,,White,False", "no label"),
        (",0-2,Male,White,False", "no path"),
        ("train/5.jpg,0-2", "wrong number of fields"),
        ("train/5.jpg,0-2,Male,White,False", "missing file"),
        ("../../etc/passwd,0-2,Male,White,False", "path outside the folder"),
        ("/etc/passwd,0-2,Male,White,False", "path outside the folder"),
        ("train/\0.jpg,0-2,Male,White,False", "path outside the folder"),
    ],
)
def test_a_row_that_cannot_be_used_is_dropped_with_its_reason(fairface, row, reason):
    write_labels(fairface, [*TRAIN, row])
    manifest = read(fairface)
    assert manifest.dropped == {reason: 1}
    assert manifest.found == len(TRAIN) + len(VAL) + 1


@pytest.mark.parametrize("row", ["train/2.jpg,,Female,White,False", "train/2.jpg,0-2,,,False"])
def test_a_missing_label_keeps_the_other(fairface, row):
    write_labels(fairface, [row])
    manifest = read(fairface)
    known = manifest.table.loc[0, ["age_group", "gender"]].notna()
    assert (known.sum(), manifest.dropped) == (1, {})


def test_a_byte_order_mark_and_other_line_ends_are_fine(fairface):
    expected = column(read(fairface), "race")
    write_labels(fairface, encoding="utf-8-sig", end="\r\n")
    assert column(read(fairface), "race") == expected


def test_one_label_file_is_enough(fairface):
    (fairface / "fairface_label_train.csv").unlink()
    assert column(read(fairface), "gender") == {"val/1": "female"}


def test_photos_may_lie_in_the_archives_folder(fairface):
    inner = fairface / "fairface-img-margin025-trainval"
    inner.mkdir()
    for split in ("train", "val"):
        (fairface / split).rename(inner / split)
    assert len(read(fairface)) == 5
    for file in fairface.glob("*.csv"):
        file.rename(inner / file.name)
    assert len(read(fairface)) == len(read(inner)) == 5


def test_two_versions_of_the_photos_are_an_error(fairface, make_photos):
    make_photos({"margin125/val/1.jpg": 1})
    with pytest.raises(DatasetError, match=r"FairFace's photos 2 times .*margin125"):
        read(fairface)


def test_a_folder_without_the_files_is_an_error_that_names_them(tmp_path):
    message = r"No fairface_label_train.csv or fairface_label_val.csv in"
    with pytest.raises(DatasetError, match=message):
        read(tmp_path)


def test_labels_without_photos_are_an_error(tmp_path):
    write_labels(tmp_path)
    with pytest.raises(DatasetError, match="No folder train or val in"):
        read(tmp_path)


def test_label_files_without_rows_are_an_error(fairface):
    write_labels(fairface, [], [])
    with pytest.raises(DatasetError, match=r"No photo found in .* 'fairface'"):
        read(fairface)
