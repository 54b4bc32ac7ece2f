import csv
from pathlib import Path

import numpy as np
import pytest

from featurex.explanation import files as explanation_files
from featurex.explanation.explainer import ExplainedFace, ExplainedPhoto, TaskMap
from featurex.explanation.files import COLUMNS, FACES_A_SHEET, ExplanationFolder
from featurex.explanation.maps import Explanation


@pytest.fixture
def drawings(monkeypatch):
    """The number of faces and the path of every picture, which are not drawn."""
    drawn = []
    monkeypatch.setattr(
        explanation_files, "draw_maps", lambda faces, path, *_: drawn.append((len(faces), path))
    )
    return drawn


def make_photo(name, n_faces=1):
    flat = Explanation("occlusion", np.zeros((8, 8), np.float32), "years", None, 0.0)
    strong = Explanation("occlusion", np.ones((8, 8), np.float32), "log2 odds", (0, 0, 4, 4), 1.5)
    maps = [
        TaskMap("gender", "female", 0.91234567, strong, (3, 4, 50, 60)),
        TaskMap("age", 31.26, None, flat, None),
    ]
    face = ExplainedFace((10, 20, 30, 40), np.zeros((8, 8, 3), np.uint8), maps)
    return ExplainedPhoto(name, [face] * n_faces)


def write(folder, *photos):
    written = ExplanationFolder(folder, "Title", ["A note."])
    for photo in photos:
        written.add(photo)
    written.finish()
    return written


def read_table(folder):
    with (folder / "explanations.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_the_table_has_every_map_and_every_photo(tmp_path, drawings):
    odd = ExplainedPhoto("odd.jpg", error="not an image")
    write(tmp_path, make_photo("a\nb.jpg"), odd, ExplainedPhoto("wall.jpg"))
    gender, age, error, wall = read_table(tmp_path)
    assert tuple(gender) == COLUMNS
    assert gender["photo"] == "a\nb.jpg"
    assert gender["box"] == "10 20 30 40"
    assert gender["place"] == "3 4 50 60"
    assert (gender["answer"], gender["probability"]) == ("female", "0.9123")
    assert (gender["change"], gender["unit"], gender["method"]) == ("1.5", "log2 odds", "occlusion")
    assert (age["answer"], age["probability"], age["place"]) == ("31.3", "", "")
    assert (error["note"], wall["note"]) == ("not an image", "no face found")
    assert error["face"] == error["task"] == error["picture"] == ""


def test_every_map_has_a_picture_of_its_own(tmp_path, drawings):
    photos = [make_photo(f"{folder}/{'long ' * 45}.jpg", 2) for folder in ("a", "b")]
    write(tmp_path, *photos)
    names = [path.name for _, path in drawings]
    assert len(set(names)) == 2 * 2 * 2 + 1
    assert names[-1] == "sheet.png"
    assert max(len(name.encode()) for name in names) < 255
    assert {row["picture"] for row in read_table(tmp_path)} == set(names[:-1])
    assert {path.parent for _, path in drawings} == {tmp_path}


def test_many_faces_fill_several_sheets(tmp_path, drawings):
    photos = [make_photo("crowd.jpg", FACES_A_SHEET + 1), make_photo("other.jpg")]
    written = write(tmp_path, *photos)
    sheets = [(n, path.name) for n, path in drawings if path.name.startswith("sheet")]
    assert sheets == [(FACES_A_SHEET, "sheet.png"), (2, "sheet-2.png")]
    assert [path.name for path in written.sheets] == ["sheet.png", "sheet-2.png"]


def test_full_sheets_are_not_followed_by_an_empty_one(tmp_path, drawings):
    write(tmp_path, make_photo("crowd.jpg", FACES_A_SHEET))
    assert sum(path.name.startswith("sheet") for _, path in drawings) == 1


def test_without_a_face_there_is_a_table_and_no_sheet(tmp_path, drawings):
    written = write(tmp_path, ExplainedPhoto("wall.jpg"))
    assert written.sheets == drawings == []
    assert len(read_table(tmp_path)) == 1


def test_a_name_that_is_no_text_is_written_as_an_escape(tmp_path, drawings):
    write(tmp_path, make_photo(Path("caf\udce9.jpg")))
    assert read_table(tmp_path)[0]["photo"] == r"caf\udce9.jpg"
