from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.io import savemat

from featurex.datasets.imdb_wiki import ages, read
from featurex.exceptions import DatasetError

NAN = float("nan")


def matlab_day(year, month, day):
    return float(date(year, month, day).toordinal() + 366)


def make(**fields):
    """Return a row that is fine, but for the fields given."""
    row = {
        "full_path": "00/1.jpg",
        "dob": matlab_day(1970, 1, 1),
        "photo_taken": 2000,
        "gender": 1.0,
        "name": "Ann Bee",
        "face_score": 3.2,
        "second_face_score": NAN,
        "celeb_id": 7.0,
    }
    return row | fields


def cells(values):
    row = np.empty((1, len(values)), dtype=object)
    for i, value in enumerate(values):  # numpy would take an array apart
        row[0, i] = value
    return row


def write_mat(path, rows, part):
    """Write rows as the real files hold them: one structure, its fields numbers or cells."""
    path.parent.mkdir(parents=True, exist_ok=True)
    structure = {}
    for field in make():
        values = [row[field] for row in rows]
        if field in ("full_path", "name"):
            structure[field] = cells([value or np.zeros((0, 0)) for value in values])
        else:
            kind = np.uint16 if field == "photo_taken" and not np.isnan(values).any() else float
            structure[field] = np.array([values], dtype=kind)
    structure["face_location"] = cells([np.array([[1.0, 1.0, 50.0, 50.0]])] * len(rows))
    if part == "wiki":
        del structure["celeb_id"]
    savemat(path, {part: structure}, do_compression=True)


@pytest.fixture
def write(make_photos, tmp_path):
    """Return a function that writes a part's rows and a photo of each that has none."""

    def write(rows, part="wiki", photos=True, folder=""):
        write_mat(tmp_path / folder / f"{part}.mat", rows, part)
        names = [row["full_path"] for row in rows]
        if photos:
            offset = 100 * (part == "imdb")
            inside = [n for n in dict.fromkeys(names) if n and n[0] not in "./"]
            make_photos({n: offset + i for i, n in enumerate(inside)}, tmp_path / folder)
        return tmp_path

    return write


def column(manifest, name):
    values = manifest.table[name].astype(object)
    names = [Path(path).name for path in manifest.table["path"]]
    return dict(zip(names, values.where(values.notna(), None), strict=True))


def test_labels_come_from_the_file(write):
    root = write([make(), make(full_path="01/2.jpg", gender=0.0, name="Cy", photo_taken=2010)])
    manifest = read(root)
    assert column(manifest, "age") == {"1.jpg": 30, "2.jpg": 40}
    assert column(manifest, "age_group") == {"1.jpg": "25-32", "2.jpg": "38-43"}
    assert column(manifest, "gender") == {"1.jpg": "male", "2.jpg": "female"}
    assert column(manifest, "subject_id") == {"1.jpg": "ann bee", "2.jpg": "cy"}
    assert manifest.table[["race", "fold"]].isna().all(axis=None)
    assert manifest.dropped == {}
    assert any("birthday" in note for note in manifest.notes)


@pytest.mark.parametrize(
    ("born", "year", "age"),
    [
        ((1981, 5, 5), 2009, 28),  # wiki's 17/10000217_1981-05-05_2009.jpg
        ((1970, 6, 30), 2000, 30),
        ((1970, 7, 1), 2000, 29),
        ((1970, 12, 31), 2000, 29),
        ((2000, 7, 1), 2000, -1),
    ],
)
def test_the_age_is_that_in_the_middle_of_the_year(born, year, age):
    day = matlab_day(*born)
    assert ages(pd.Series([day]), pd.Series([float(year)])).tolist() == [age]
    assert ages(pd.Series([day + 0.75]), pd.Series([float(year)])).tolist() == [age]


def test_odd_dates_give_odd_ages_and_no_error():
    days = pd.Series([0.0, -5.0, 366.0, 1e300, NAN, np.inf, matlab_day(1970, 1, 1)])
    found = ages(days, pd.Series([2014.0] * 6 + [NAN]))
    assert found[:3].tolist() == [2013] * 3
    assert found[3] < -7000
    assert found[4:].isna().all()


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"face_score": -np.inf}, "no face score"),
        ({"face_score": NAN}, "no face score"),
        ({"face_score": 0.99}, "face score below 1"),
        ({"second_face_score": 0.01}, "second face"),
        ({"dob": 0.0, "photo_taken": 2014}, "age out of range"),  # 2013 years
        ({"photo_taken": 1939}, "age out of range"),  # -31
        ({"photo_taken": 2071}, "age out of range"),  # 101
        ({"gender": 2.0}, "unknown gender"),
        ({"gender": NAN, "dob": NAN}, "no label"),
        ({"full_path": ""}, "no path"),
        ({"full_path": "00/gone.jpg"}, "missing file"),
        ({"full_path": "../../etc/passwd"}, "path outside the folder"),
        ({"full_path": "/etc/passwd"}, "path outside the folder"),
    ],
)
def test_a_row_that_cannot_be_used_is_dropped_with_its_reason(write, fields, reason):
    root = write([make()])
    write([make(), make(**{"full_path": "00/2.jpg"} | fields)], photos=reason != "missing file")
    manifest = read(root)
    assert manifest.dropped == {reason: 1}
    assert (manifest.found, list(column(manifest, "age"))) == (2, ["1.jpg"])


@pytest.mark.parametrize(
    "fields",
    [
        {"face_score": 1.0},
        {"second_face_score": 0.0},
        {"second_face_score": -0.5},
        {"photo_taken": 1970},
        {"photo_taken": 2070},  # 100
    ],
)
def test_the_limits_belong_to_what_is_kept(write, fields):
    assert len(read(write([make(**fields)]))) == 1


@pytest.mark.parametrize(
    ("fields", "tasks"),
    [
        ({"gender": NAN}, ("age-group", "age")),
        ({"dob": NAN}, ("gender",)),
        ({"photo_taken": NAN}, ("gender",)),
    ],
)
def test_a_missing_label_keeps_the_other(write, fields, tasks):
    manifest = read(write([make(**fields)]))
    assert (manifest.tasks(), manifest.dropped) == (tasks, {})


def test_a_celebrity_is_one_subject_under_all_names(write):
    rows = [
        make(full_path="00/1.jpg", name="Fred  Astaire"),
        make(full_path="00/2.jpg", name="F. Astaire"),
        make(full_path="00/3.jpg", name=""),
        make(full_path="00/4.jpg", name="", celeb_id=8.0),
        make(full_path="00/5.jpg", name="Eve", celeb_id=NAN),
        make(full_path="00/6.jpg", name="", celeb_id=NAN),
    ]
    subjects = column(read(write(rows, "imdb")), "subject_id")
    assert list(subjects.values()) == [*["fred astaire"] * 3, "celebrity 8", "eve", None]


def test_a_person_in_both_parts_is_one_subject(write):
    write([make(full_path="00/i.jpg", name="Fred Astaire", celeb_id=3.0)], "imdb")
    root = write([make(full_path="00/w.jpg", name="Fred Astaire"), make(name="")], "wiki")
    subjects = column(read(root), "subject_id")
    assert subjects == {"i.jpg": "fred astaire", "w.jpg": "fred astaire", "1.jpg": None}


def test_copies_of_two_ages_conflict(write, make_photos):
    root = write([make(), make(full_path="00/2.jpg", photo_taken=2001), make(full_path="00/3.jpg")])
    make_photos({"00/1.jpg": 50, "00/2.jpg": 50})
    assert read(root).dropped == {"conflicting labels": 2}


@pytest.mark.parametrize("folder", ["imdb", "imdb_crop", "data"])
def test_a_part_may_lie_one_folder_down(write, folder):
    root = write([make()], "imdb", folder=folder)
    assert len(read(root)) == len(read(root / folder)) == 1


def test_photos_may_lie_in_a_folder_beside_the_file(write, make_photos, tmp_path):
    write([make(full_path="00/i.jpg")], "imdb", photos=False)
    write([make(full_path="00/w.jpg")], "wiki", photos=False)
    root = make_photos({"imdb_crop/00/i.jpg": 1, "wiki/00/w.jpg": 2})
    manifest = read(root)
    assert set(column(manifest, "age")) == {"i.jpg", "w.jpg"}
    make_photos({"00/2.jpg": 3})
    write([make(full_path="../00/2.jpg")], "wiki", photos=False)
    assert read(root).dropped == {"path outside the folder": 1}


def test_a_folder_without_the_files_is_an_error_that_names_them(tmp_path):
    with pytest.raises(DatasetError, match=r"No imdb.mat or wiki.mat in .* holds IMDB-WIKI"):
        read(tmp_path)


def test_a_file_without_celebrities_is_no_imdb(tmp_path):
    structure = {name: np.ones((1, 1)) for name in make() if name != "celeb_id"}
    savemat(tmp_path / "imdb.mat", {"imdb": structure})
    with pytest.raises(DatasetError, match=r"imdb.mat isn't the MATLAB .* no field 'celeb_id'"):
        read(tmp_path)


def test_files_without_rows_are_an_error(write):
    with pytest.raises(DatasetError, match=r"No photo found in .* 'imdb-wiki'"):
        read(write([]))
