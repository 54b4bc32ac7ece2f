import csv
import io
import json
import os
import re
import shutil
import subprocess
import sys
from types import SimpleNamespace

import pytest
from PIL import Image

from featurex.cli import predict
from featurex.prediction.drawing import describe_face
from featurex.prediction.face_predictions import FacePrediction, PhotoFaces
from featurex.prediction.predictor import Predictor
from pipelines.scoring import age_intervals


@pytest.fixture(scope="module")
def mixed(photos, tmp_path_factory):
    """Four good photos, and between them one without a face, one that is none, one not there."""
    folder = tmp_path_factory.mktemp("mixed")
    Image.new("RGB", (300, 200), "grey").save(folder / "wall.png")
    (folder / "no\nphoto.jpg").write_bytes(b"not a photo")
    odd = [folder / name for name in ("wall.png", "no\nphoto.jpg", "none.jpg")]
    return [*photos[:3], *odd, photos[3]]


@pytest.fixture(scope="module")
def told(call, model, mixed):
    """The results of one call in every form."""
    forms = {"table": [], "json": ["--json"], "csv": ["--csv"]}
    return {name: call("predict", *mixed, "--model", model, *form) for name, form in forms.items()}


@pytest.mark.parametrize("form", ["table", "json", "csv"])
def test_what_is_left_out_is_told_and_the_rest_predicted(told, form):
    result = told[form]
    assert result.exit_code == 0, result.stderr
    assert "\x1b" not in result.stdout + result.stderr
    lines = result.stderr.splitlines()
    assert lines[0].endswith(r"no\nphoto.jpg: not an image")
    assert lines[1].endswith("none.jpg: missing file")
    assert lines[2:] == ["7 photos: 2 can't be read, 1 without a face."]


def test_the_table_has_a_row_for_every_photo(told):
    text = "".join(told["table"].stdout.split("\n"))
    for words in ("mein photo 1.jpg", "größe 2.jpg", r"two\nlines 3.jpg", "no face found", " ± "):
        assert words in text


def test_json_has_every_number(told, mixed):
    answers = json.loads(told["json"].stdout)
    assert [answer["photo"] for answer in answers] == [str(path) for path in mixed]
    assert [len(answer["faces"]) for answer in answers] == [1, 1, 1, 0, 0, 0, 1]
    assert [answer["error"] for answer in answers] == [
        *(None, None, None, None),
        *("not an image", "missing file", None),
    ]
    (face,) = answers[0]["faces"]
    assert sum(face["probabilities"]["gender"].values()) == pytest.approx(1)
    assert len(face["box"]) == 4
    assert face["age_group"] is None
    assert face["age"] > 0


def test_csv_is_read_back(told, mixed):
    rows = list(csv.DictReader(io.StringIO(told["csv"].stdout, newline="")))
    assert [row["photo"] for row in rows] == [str(path) for path in mixed]
    notes = ["", "", "", "no face found", "not an image", "missing file", ""]
    assert [row["note"] for row in rows] == notes
    for row in rows:
        if row["note"]:
            assert row["face"] == row["age"] == row["p_male"] == ""
        else:
            assert float(row["p_male"]) + float(row["p_female"]) == pytest.approx(1, abs=2e-4)
            assert len(row["box"].split()) == 4


def test_csv_has_its_columns_also_without_a_face(call, model, mixed):
    result = call("predict", mixed[3], "--model", model, "--csv")
    (row,) = csv.DictReader(io.StringIO(result.stdout))
    assert {"photo", "note", "face", "box", "age_group", "age", "gender"} <= set(row)
    assert {"p_female", "p_male"} <= set(row)


def test_a_folder_stands_for_the_photos_in_and_below_it(call, model, photos, tmp_path):
    folder = tmp_path / "holiday"
    (folder / "first" / "day").mkdir(parents=True)
    for number, place in enumerate(("b.jpg", "first/a.jpg", "first/day/c.jpg")):
        shutil.copy(photos[number], folder / place)
    (folder / "IMG_1.CR3").touch()
    result = call("predict", photos[3], folder, "--model", model, "--csv")
    assert result.exit_code == 0, result.stderr
    assert result.stderr == "Left out, not a photo by its ending: 1 (IMG_1.CR3)\n"
    rows = list(csv.DictReader(io.StringIO(result.stdout)))
    assert [os.path.relpath(row["photo"], folder) for row in rows[1:]] == [
        "b.jpg",
        "first/a.jpg",
        "first/day/c.jpg",
    ]
    assert rows[0]["photo"] == str(photos[3])
    assert all(row["gender"] for row in rows)


def test_a_folder_without_a_photo_is_an_error(fails, model, tmp_path):
    (tmp_path / "empty").mkdir()
    line = fails("predict", tmp_path / "empty", "--model", model)
    assert f"No photo in {tmp_path / 'empty'}" in line
    assert ".jpeg" in line


@pytest.mark.parametrize("form", ["--csv", "--json"])
def test_answers_are_printed_before_the_last_photo_is_looked_at(
    call, model, photos, form, monkeypatch
):
    from featurex.prediction.predictor import Predictor

    predict_each = Predictor.predict_each

    def stopped(self, files):
        yield next(predict_each(self, files))
        raise KeyboardInterrupt

    monkeypatch.setattr(Predictor, "predict_each", stopped)
    result = call("predict", *photos[:3], "--model", model, form)
    assert result.exit_code == 130
    assert photos[0].name in result.stdout
    assert photos[1].name not in result.stdout


def test_not_one_readable_photo_is_exit_code_1(call, model, unreadable):
    result = call("predict", unreadable, "--model", model, "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)[0]["error"] == "not an image"


def test_pictures_of_one_name_get_names_of_their_own(call, model, photos, tmp_path, unreadable):
    copies = [tmp_path / folder / f"{'long ' * 45}.jpg" for folder in ("a", "b")]
    for copy, photo in zip(copies, photos, strict=False):
        copy.parent.mkdir()
        shutil.copy(photo, copy)
    draw = tmp_path / "new" / "pictures"
    result = call("predict", *copies, unreadable, "--model", model, "--draw", draw)
    assert result.exit_code == 0, result.stderr
    names = sorted(path.name for path in draw.iterdir())
    assert len(names) == 2
    assert [name[:5] for name in names] == ["0001-", "0002-"]
    for name in names:
        with Image.open(draw / name) as picture:
            assert min(picture.size) >= 256


def test_a_folder_for_pictures_that_is_a_file(fails, model, photos, tmp_path):
    (tmp_path / "file").touch()
    assert "file" in fails("predict", photos[0], "--model", model, "--draw", tmp_path / "file")


def test_a_foreign_model_is_refused(fails, photos, people_csv, tmp_path):
    for foreign in (people_csv, photos[0], tmp_path, tmp_path / "none"):
        line = fails("predict", photos[0], "--model", foreign)
        assert str(foreign).split("\n")[0] in line


def test_a_missing_gpu_is_an_error(fails, model, photos, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    line = fails("predict", photos[0], "--model", model, "--device", "cuda")
    assert "The device 'cuda' was asked for" in line


def test_two_models_for_one_task_are_refused(fails, model, photos):
    line = fails("predict", photos[0], "--model", model, "--model", model)
    assert "two models for the task 'gender'" in line


@pytest.mark.skipif(sys.platform != "linux", reason="names of any bytes")
def test_a_name_that_is_no_text_is_still_predicted(model, photos, tmp_path):
    name = os.fsencode(tmp_path) + b"/caf\xe9.jpg"
    shutil.copy(photos[0], os.fsdecode(name))
    result = subprocess.run(
        [
            *(sys.executable, "-c", "from featurex.cli import main; main()"),
            *("predict", name, "--model", str(model), "--csv"),
        ],
        capture_output=True,
        env=os.environ | {"PYTHONUTF8": "1"},
    )
    assert result.returncode == 0, result.stderr
    (row,) = csv.DictReader(io.StringIO(result.stdout.decode()))
    assert row["photo"].endswith(r"caf\udce9.jpg")
    assert row["gender"] in ("female", "male")


def test_undefined_is_shown_in_every_form(call, model, photos, tmp_path):
    words = ("predict", photos[0], "--model", model, "--device", "cpu", "--threshold", 1)
    (face,) = json.loads(call(*words, "--json").stdout)[0]["faces"]
    assert face["gender"] == "undefined"
    assert face["undefined"]["gender"].endswith("is below 1.000")
    assert face["age"] > 0
    (row,) = csv.DictReader(io.StringIO(call(*words, "--csv").stdout))
    assert row["gender"] == "undefined"
    assert row["undefined"] == f"gender: {face['undefined']['gender']}"
    assert float(row["p_male"]) + float(row["p_female"]) == pytest.approx(1, abs=2e-4)
    table = call(*words, "--draw", tmp_path)
    assert table.exit_code == 0, table.stderr
    assert "undefined (" in table.stdout
    assert len(list(tmp_path.iterdir())) == 1


def test_without_a_threshold_every_face_is_answered(call, model, photos):
    words = ("predict", photos[0], "--model", model, "--device", "cpu", "--json")
    for more in ([], ["--no-reject"]):
        (face,) = json.loads(call(*words, *more).stdout)[0]["faces"]
        assert face["gender"] in ("female", "male")
        assert face["undefined"] == {}


@pytest.mark.parametrize("more", [["--threshold", 2], ["--threshold", 0.5, "--no-reject"]])
def test_a_threshold_that_makes_no_sense_is_wrong_usage(call, model, photos, more):
    assert call("predict", photos[0], "--model", model, *more).exit_code == 2


def test_a_measured_model_gives_an_interval_with_every_age(
    call, people_csv, cache, photos, tmp_path, monkeypatch
):
    monkeypatch.setattr(age_intervals, "LEAST_ROWS", 6)  # 24 photos are few
    path = tmp_path / "m.featurex"
    words = ("fit", "csv", people_csv, "--cache", cache, "--out", path, "--model", "svm")
    said = call(*words, "--task", "age", "--folds", 2).stderr
    assert "was made to hold 80 % of the 24 faces" in said
    forms = ([], ["--csv"], ["--json"])
    table, lines, whole = (call("predict", photos[0], "--model", path, *form) for form in forms)
    face = json.loads(whole.stdout)[0]["faces"][0]
    low, age, high = years = [face[name] for name in ("age_low", "age", "age_high")]
    assert low <= age <= high
    (row,) = csv.DictReader(io.StringIO(lines.stdout))
    written = [float(row[name]) for name in ("age_low", "age", "age_high")]
    assert written == [round(year, 1) for year in years]
    assert re.search(rf"{age:.0f} \({low:.0f} to {high:.0f}\)", table.stdout)


@pytest.fixture
def race_model(monkeypatch, tmp_path):
    """A model of race and of gender with three classes, which knows one face."""
    photo = tmp_path / "a.png"
    Image.new("RGB", (60, 60)).save(photo)
    chances = {
        "race": {"A": 0.9, "B": 0.1},
        "gender-3": {"female": 0.6, "male": 0.3, "undefined": 0.1},
    }
    why = {"gender-3": "0.600 is below 0.700"}
    face = FacePrediction((5, 5, 50, 50), 1.0, probabilities=chances, undefined=why)
    stand_in = SimpleNamespace(
        tasks=list(chances),
        classes={task: tuple(names) for task, names in chances.items()},
        notes=[],
        backbone=SimpleNamespace(notice=""),
        predict_each=lambda files: (PhotoFaces(file, [face]) for file in files),
    )
    monkeypatch.setattr(Predictor, "load", lambda *paths, **options: stand_in)
    return photo


def test_race_and_gender_of_three_classes_are_in_the_table(call, race_model):
    said = call("predict", race_model, "--model", "m.featurex").stdout
    assert "A (90 %)" in said
    assert "undefined (female" in said
    assert "age" not in said


def test_race_and_gender_of_three_classes_are_in_the_csv(call, race_model):
    said = call("predict", race_model, "--model", "m.featurex", "--csv").stdout
    (row,) = csv.DictReader(io.StringIO(said))
    assert (row["race"], row["p_race_A"]) == ("A", "0.9")
    assert (row["gender_3"], row["undefined"]) == ("undefined", "gender-3: 0.600 is below 0.700")


def test_a_table_rounds_once():
    """As a picture does; 3.457 years rounded to 3.5 first would be 4."""
    chances = {"age-group": {"0-2": 0.67496, "4-6": 0.32504}}
    face = FacePrediction(
        (0, 0, 9, 9), 1.0, "0-2", 1.449, age_low=0.0, age_high=3.457, probabilities=chances
    )
    (shown,) = predict._as_shown(PhotoFaces("a.jpg", [face]), ["age-group", "age"])
    assert [shown["age group"], f"{shown['age']} years"] == describe_face(face)
    assert shown["age"] == "1 (0 to 3)"
    assert shown["age group"] == "0-2 (67 %)"
