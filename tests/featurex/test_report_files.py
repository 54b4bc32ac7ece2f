import json

import pandas as pd
import pytest
from PIL import Image

from featurex.design import Design
from featurex.experiment import run
from featurex.models import ModelOptions
from featurex.report_files import write_result
from featurex.tasks import AGE, GENDER
from pipelines import curves, predictions

DESIGN = Design(
    [GENDER, AGE], ["majority", "svm"], n_folds=2, options=ModelOptions("tiny", n_jobs=1)
)


@pytest.fixture(scope="module")
def result(colour_faces):
    return run(colour_faces, DESIGN)


@pytest.fixture(scope="module")
def written(result, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "a new" / "földer"
    return folder, write_result(result, DESIGN, folder)


def test_every_file_named_is_there_and_no_other(written):
    folder, files = written
    assert sorted(files) == sorted(folder.iterdir())
    assert {file.name for file in files} == {
        *("table.csv", "table.md", "table.tex", "predictions.csv", "run.json"),
        *("pairs.csv", "by_group.csv", "recall.csv", "calibration.csv", "selective.csv"),
        "confusion.csv",
        *("reliability.csv", "reliability-gender-majority.png", "reliability-gender-svm.png"),
        *("confusion-gender-majority.png", "confusion-gender-svm.png"),
    }


def test_the_numbers_are_read_back_exactly(written, result):
    folder, _ = written
    table = pd.read_csv(folder / "table.csv")
    expected = result.comparison.table
    pd.testing.assert_frame_equal(table, expected, check_dtype=False, rtol=1e-14)
    again = predictions.read(folder / "predictions.csv")
    pd.testing.assert_frame_equal(again, result.predictions)


def test_the_statistics_are_of_these_faces_and_people(written, result):
    folder, _ = written
    pairs = pd.read_csv(folder / "pairs.csv")
    assert set(pairs["n_subjects"]) == {24}
    assert set(pairs["task"]) == {"gender", "age"}
    groups = pd.read_csv(folder / "by_group.csv")
    genders = groups[(groups["column"] == "gender") & (groups["metric"] == "accuracy")]
    assert genders.groupby("model")["n_rows"].sum().to_dict() == {"majority": 70, "svm": 70}
    assert {"gender", "age_group"} == set(groups["column"])
    calibration = pd.read_csv(folder / "calibration.csv")
    assert calibration["model"].tolist() == ["majority", "majority", "svm", "svm"]
    assert len(pd.read_csv(folder / "recall.csv")) == 4


def test_a_task_without_classes_has_no_calibration(colour_faces, tmp_path):
    design = Design([AGE], ["majority"], n_folds=2, options=ModelOptions("tiny", n_jobs=1))
    files = write_result(run(colour_faces, design), design, tmp_path)
    assert {file.name for file in files} == {
        *("table.csv", "table.md", "table.tex", "predictions.csv", "run.json"),
        *("pairs.csv", "by_group.csv"),
    }
    assert pd.read_csv(tmp_path / "pairs.csv").empty


def test_the_record_is_json_of_the_standard(written):
    def refuse(name):
        raise AssertionError(f"{name} is no JSON")

    folder, _ = written
    text = (folder / "run.json").read_text(encoding="utf-8")
    record = json.loads(text, parse_constant=refuse)
    assert (record["dataset"], record["n_folds"], record["options"]["seed"]) == ("colours", 2, 0)
    nothing_chosen = [p for p in record["parameters"] if p["model"] == "majority"]
    assert {p["inner_score"] for p in nothing_chosen} == {None}


def test_the_pictures_are_pictures(written):
    folder, _ = written
    with Image.open(folder / "confusion-gender-svm.png") as picture:
        assert min(picture.size) > 200


def test_a_second_run_replaces_the_first(written, result):
    folder, files = written
    assert write_result(result, DESIGN, folder) == files
    assert len(list(folder.iterdir())) == len(files)


def test_a_folder_that_is_a_file_is_an_os_error(result, tmp_path):
    path = tmp_path / "file"
    path.touch()
    with pytest.raises(OSError, match="file"):
        write_result(result, DESIGN, path)


def test_networks_leave_their_curves(colour_faces, tiny, tmp_path):
    options = ModelOptions("tiny", epochs=2, batch_size=16, device="cpu", n_jobs=1)
    models = ["majority", "finetuned"]
    design = Design([GENDER, AGE], models, n_folds=2, options=options)
    files = write_result(run(colour_faces, design), design, tmp_path)
    names = {file.name for file in files}
    assert {"curves.csv", "curves-gender.png", "curves-age.png"} <= names
    assert sorted(files) == sorted(tmp_path.iterdir())
    table = pd.read_csv(tmp_path / "curves.csv")
    assert list(table) == list(curves.COLUMNS)
    keys = table[["task", "model", "fold", "epoch"]].to_numpy().tolist()
    assert keys == [
        [task, "finetuned", fold, epoch]
        for task in ("gender", "age")
        for fold in (0, 1)
        for epoch in (1, 2)
    ]
    assert table.notna().all(axis=None)
    assert table.loc[table["task"] == "gender", "valid_score"].between(0, 1).all()
