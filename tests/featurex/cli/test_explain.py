import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from featurex.cli.explain import _title

# Large patches: few positions, so that the maps are quick.
QUICK = ("--patch", "60", "--device", "cpu")


@pytest.fixture(scope="module")
def mixed(photos, tmp_path_factory):
    """Two good photos, and between them one without a face, one that is none, one not there."""
    folder = tmp_path_factory.mktemp("mixed")
    Image.new("RGB", (300, 200), "grey").save(folder / "wall.png")
    (folder / "no\nphoto.jpg").write_bytes(b"not a photo")
    return [photos[0], *(folder / n for n in ("wall.png", "no\nphoto.jpg", "none.jpg")), photos[3]]


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    return tmp_path_factory.mktemp("explained") / "new" / "folder"


@pytest.fixture(scope="module")
def told(call, model, mixed, out):
    return call("explain", *mixed, "--model", model, "--out", out, *QUICK)


@pytest.fixture(scope="module")
def rows(told, out):
    with (out / "explanations.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize(
    ("models", "title"),
    [(["a/one"], "What one looks at"), (["a/one", "b/two"], "What one and two look at")],
)
def test_the_sheet_names_its_models(models, title):
    assert _title([Path(model) for model in models]) == title


def test_what_is_left_out_is_told_and_the_rest_explained(told, out):
    assert told.exit_code == 0, told.stderr
    assert "\x1b" not in told.stdout + told.stderr
    lines = told.stderr.splitlines()
    assert lines[0].endswith(r"no\nphoto.jpg: not an image")
    assert lines[1].endswith("none.jpg: missing file")
    assert lines[2] == "5 photos: 2 can't be read, 1 without a face."
    assert lines[3] == f"Wrote {out / 'sheet.png'}. A map shows where, not why."


def test_the_table_names_answers_and_places(told):
    text = "".join(told.stdout.split("\n"))
    for words in ("no face found", "not an image", "occlusion", "log2 odds", " years", " %)"):
        assert words in text


def test_the_csv_file_has_every_map(rows, mixed):
    assert [row["photo"] for row in rows] == [
        str(mixed[number]) for number in (0, 0, 1, 2, 3, 4, 4)
    ]
    notes = ["", "", "no face found", "not an image", "missing file", "", ""]
    assert [row["note"] for row in rows] == notes
    for row in rows:
        if not row["note"]:
            left, top, right, bottom = map(int, row["place"].split())
            assert 0 <= left < right <= 256
            assert 0 <= top < bottom <= 256
            assert row["method"] == "occlusion"
    assert [row["task"] for row in rows[:2]] == ["gender", "age"]
    assert rows[0]["answer"] in ("female", "male")
    assert 0.5 <= float(rows[0]["probability"]) <= 1
    assert rows[1]["unit"] == "years"


def test_the_folder_holds_the_pictures_and_nothing_else(rows, out):
    pictures = {row["picture"] for row in rows if row["picture"]}
    assert len(pictures) == 4
    assert {path.name for path in out.iterdir()} == {*pictures, "sheet.png", "explanations.csv"}
    for name in (*pictures, "sheet.png"):
        with Image.open(out / name) as picture:
            assert min(picture.size) > 200
            assert np.ptp(np.asarray(picture)) > 200


def test_json_has_every_number(call, model, mixed, tmp_path, rows):
    result = call("explain", *mixed[:4], "--model", model, "--out", tmp_path, *QUICK, "--json")
    assert result.exit_code == 0, result.stderr
    answers = json.loads(result.stdout)
    assert [answer["photo"] for answer in answers] == [str(path) for path in mixed[:4]]
    assert [len(answer["faces"]) for answer in answers] == [1, 0, 0, 0]
    assert [bool(answer["error"]) for answer in answers] == [False, False, True, True]
    (face,) = answers[0]["faces"]
    assert [one["task"] for one in face["maps"]] == ["gender", "age"]
    assert face["maps"][0]["place"] == [int(edge) for edge in rows[0]["place"].split()]
    assert face["maps"][1]["change"] == float(rows[1]["change"])


def test_not_one_readable_photo_is_exit_code_1(call, model, unreadable, tmp_path):
    result = call("explain", unreadable, "--model", model, "--out", tmp_path, *QUICK, "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)[0]["error"] == "not an image"
    assert [path.name for path in tmp_path.glob("*.png")] == []


def test_a_patch_larger_than_a_chip_is_refused(fails, model, photos, tmp_path):
    line = fails("explain", photos[0], "--model", model, "--out", tmp_path, "--patch", 151)
    assert "from 1 to 150 pixels" in line
    assert "151" in line


def test_a_method_that_the_model_has_not_is_refused(fails, model, photos, tmp_path):
    options = ("--model", model, "--out", tmp_path / "new", "--method")
    assert "--method occlusion" in fails("explain", photos[0], *options, "grad-cam")
    assert "Unknown method 'why'" in fails("explain", photos[0], *options, "why")
    assert not (tmp_path / "new").exists()


def test_a_folder_that_is_a_file_is_refused(fails, model, photos, tmp_path):
    (tmp_path / "file").touch()
    assert "file" in fails("explain", photos[0], "--model", model, "--out", tmp_path / "file")


def test_a_foreign_model_is_refused(fails, photos, people_csv, tmp_path):
    line = fails("explain", photos[0], "--model", people_csv, "--out", tmp_path)
    assert str(people_csv) in line


def test_the_folder_must_be_named(call, model, photos):
    result = call("explain", photos[0], "--model", model)
    assert result.exit_code == 2
    assert "--out" in result.stderr


def test_the_help_says_what_a_map_is(call):
    text = " ".join(call("explain", "--help").stdout.split())
    assert "where, not why" in text
