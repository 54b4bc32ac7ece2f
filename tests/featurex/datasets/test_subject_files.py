from dataclasses import replace

import pytest

from featurex.datasets.cleaning import NAMES_NOBODY
from featurex.datasets.subject_files import with_subjects, write_subjects
from featurex.exceptions import DatasetError
from featurex.manifest import Manifest, make_table

IDS = [f"{0xABC0 + number:064x}" for number in range(5)]


def make(n=4, subjects=None):
    columns = {
        "image_id": IDS[:n],
        "path": [f"/p/{i}.jpg" for i in range(n)],
        "age": [30.0] * n,
        "subject_id": subjects,
    }
    return Manifest(make_table(columns, "csv"), {"duplicate": 1}, "csv", ("A note.",))


@pytest.fixture
def write(tmp_path):
    def write(text):
        path = tmp_path / "who.csv"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


def test_what_is_written_is_read_again(tmp_path):
    path = tmp_path / "new" / "who.csv"
    write_subjects(path, IDS[:4], ["a", 'b, "c"', "a", "ü"])
    assert with_subjects(make(), path).table["subject_id"].tolist() == ["a", 'b, "c"', "a", "ü"]


def test_the_note_says_whose_subjects_they_are_and_counts_what_does_not_fit(write):
    path = write(
        f"image_id,subject_id,photos\n{IDS[2]},x,2\n{IDS[0]},x,2\n{IDS[4]},y,1\nnonsense,z,1\n"
        f"{IDS[1]},,1\n{IDS[3]},{'q' * 201},1\n{IDS[3]},too,many,fields\n"
    )
    manifest = with_subjects(make(), path)
    assert manifest.table["subject_id"].tolist() == ["x", None, "x", None]
    assert manifest.dropped == {"duplicate": 1}
    assert manifest.notes[0] == "A note."
    for words in (
        "audited clusters: who.csv names 2 of the 4 photos, in 1 clusters",
        "2 photos are in none",
        "1 of photos that are not among these",
        "1 with a wrong image_id",
        "2 without a subject, or with too long a name",
        "1 wrong number of fields",
    ):
        assert words in manifest.notes[1]


def test_the_note_stands_in_place_of_the_one_that_nobody_is_named(write):
    path = write("image_id,subject_id\n" + "".join(f"{i},s\n" for i in IDS[:4]))
    manifest = replace(make(), notes=(f"Faces {NAMES_NOBODY}", "A note."))
    notes = with_subjects(manifest, path).notes
    assert len(notes) == 2
    assert notes[0] == "A note."
    assert "audited clusters" in notes[1]


@pytest.mark.parametrize(("n_named", "warned"), [(1, True), (2, False)])
def test_the_note_warns_where_most_photos_are_not_named(write, n_named, warned):
    path = write("image_id,subject_id\n" + "".join(f"{i},s\n" for i in IDS[:n_named]))
    note = with_subjects(make(), path).notes[1]
    assert ("Warning: fewer than half of the photos are named" in note) == warned


def test_a_file_that_fits_has_nothing_left_out(write):
    path = write("image_id,subject_id\n" + "".join(f"{i},s\n" for i in IDS[:4]))
    assert "left out" not in with_subjects(make(), path).notes[1]


@pytest.mark.parametrize(
    "text",
    [
        f"\ufeffImage ID;Subject ID\r\n{IDS[0]};ann\r\n{IDS[1]};1,5\r\n;\r\n",
        f'"","image_id","subject_id"\n"1","{IDS[0]}","ann"\n"2","{IDS[1]}","1,5"\n',
        f"subject.id\timage.id\nann\t{IDS[0].upper()}\n1,5\t{IDS[1]}\n".encode("utf-16"),
    ],
)
def test_a_file_of_another_program_is_read(write, text):
    manifest = with_subjects(make(), write(text))
    assert manifest.table["subject_id"].tolist() == ["ann", "1,5", None, None]
    assert "left out" not in manifest.notes[1]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("image_id,who\n", "no column 'subject_id'"),
        ("", "no column 'image_id'"),
        (f"image_id,subject_id\n{IDS[4]},x\n", "names none of the 4 photos of 'csv'"),
        ("image_id,subject_id\n", "names none of the 4 photos"),
        (
            f"image_id,subject_id\n{IDS[0]},x\n{IDS[0]},y\n",
            "line 3: the photo 0+abc0 is named a second",
        ),
        (b"image_id,subject_id\n\xff\n", "not UTF-8"),
        (
            f"image_id,subject_id\n{IDS[0]},x\n{IDS[1]},NA\n",
            "line 3: the subject 'NA' can be a name",
        ),
        (f"image_id,subject_id\n{IDS[0]},1,5\n", "who.csv, line 2: 3 fields, but 2 columns"),
        ('image_id,subject_id\n"open', "not such a table"),
    ],
)
def test_another_file_is_refused(write, text, message):
    with pytest.raises(DatasetError, match=message):
        with_subjects(make(), write(text))


def test_a_missing_file_or_a_folder_is_refused(tmp_path):
    for path in (tmp_path / "none.csv", tmp_path):
        with pytest.raises(DatasetError, match="can't be read"):
            with_subjects(make(), path)


def test_subjects_of_the_data_set_are_not_overwritten(write):
    with pytest.raises(ValueError, match="The data set 'csv' names its subjects"):
        with_subjects(make(subjects=["a", None, None, None]), write("image_id,subject_id\n"))
