import json

import pandas as pd
import pytest


@pytest.fixture(scope="module")
def words(people_csv, cache):
    models = ("--model", "majority", "--model", "svm", "--task", "gender", "--task", "age-group")
    return ("compare", "csv", people_csv, "--cache", cache, *models, "--folds", 2, "--jobs", 1)


@pytest.fixture(scope="module")
def compared(call, words, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "my run"
    return call(*words, "--out", out), out


def test_the_table_is_on_the_screen_with_its_notes(compared):
    result, out = compared
    assert result.exit_code == 0, result.stderr
    assert "\x1b" not in result.stdout + result.stderr
    for words in (
        *("Comparison", "majority", "svm", "no person is in two of them", "Seed 0"),
        *("95 % intervals", "bootstrap of people", "best of a task with *"),
    ):
        assert words in result.stdout
    assert str(out) in result.stderr


def test_the_files_are_written(compared):
    _, out = compared
    assert {path.name for path in out.iterdir()} == {
        *("table.csv", "table.md", "table.tex", "predictions.csv", "run.json"),
        *("pairs.csv", "by_group.csv", "recall.csv", "calibration.csv", "selective.csv"),
        *("reliability.csv", "confusion.csv", "map.csv", "fits"),
        *(
            f"{kind}-{task}-{model}.png"
            for kind in ("confusion", "reliability")
            for task in ("gender", "age-group")
            for model in ("majority", "svm")
        ),
    }
    record = json.loads((out / "run.json").read_text(encoding="utf-8"))
    assert record["options"]["backbone"] == "dlib-resnet"
    assert record["photos"]["faces"] == 24


def test_the_same_seed_gives_the_same_files_and_json(compared, call, words, tmp_path):
    _, out = compared
    result = call(*words, "--out", tmp_path, "--json")
    rows = pd.DataFrame(json.loads(result.stdout))
    assert result.exit_code == 0
    assert rows[["task", "model"]].to_numpy().tolist() == [
        [task, model] for task in ("age-group", "gender") for model in ("majority", "svm")
    ]
    first, second = (folder / "predictions.csv" for folder in (out, tmp_path))
    assert first.read_bytes() == second.read_bytes()
    assert rows["one_off_mean"].isna().tolist() == [False, False, True, True]


def test_a_network_with_named_settings_leaves_curves_and_no_checkpoints(
    call, people_csv, cache, tmp_path
):
    result = call(
        *("compare", "csv", people_csv, "--cache", cache, "--out", tmp_path, "--folds", 2),
        *("--task", "gender", "--model", "finetuned@student-20x256", "--device", "cpu"),
        *("--train", "epochs=1", "--train", "mirror=0"),
    )
    assert result.exit_code == 0, result.stderr
    assert "finetuned@student-20x256" in result.stdout
    names = {path.name for path in tmp_path.iterdir()}
    assert {"curves.csv", "curves-gender.png"} <= names
    assert "checkpoints" not in names
    assert pd.read_csv(tmp_path / "curves.csv")["epoch"].tolist() == [1, 1]
    record = json.loads((tmp_path / "run.json").read_text(encoding="utf-8"))
    assert record["options"]["training"] == ["epochs=1", "mirror=0"]


def test_a_second_run_says_that_nothing_was_left_to_do(compared, call, words):
    first, out = compared
    files = [path for path in out.iterdir() if path.is_file()]
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in files}
    again = call(*words, "--out", out)
    assert "8 of 8 fits were finished before: taken from" in again.stderr
    assert "finished before" not in first.stderr
    assert (
        again.stdout[again.stdout.index("Comparison") :]
        == first.stdout[first.stdout.index("Comparison") :]
    )
    assert {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in files} == before


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--model", "finetuned@x"), "Unknown training settings 'x'"),
        (("--model", "svm", "--train", "speed=3"), "changed by NAME=VALUE. Got 'speed=3'"),
        (("--model", "svm", "--task", "race"), "has no label for 'race'"),
    ],
)
def test_what_can_not_be_trained_is_said_before_anything_is_done(
    fails, people_csv, cache, tmp_path, options, message
):
    words = ("compare", "csv", people_csv, "--cache", cache, "--out", tmp_path / "out")
    assert message in fails(*words, *options)
    assert not (tmp_path / "out").exists()


def test_an_average_is_a_row_and_a_note(call, people_csv, cache, tmp_path):
    words = ("compare", "csv", people_csv, "--cache", cache, "--task", "gender", "--folds", 2)
    models = ("--model", "svm", "--model", "majority+svm", "--jobs", 1, "--out", tmp_path)
    result = call(*words, *models)
    assert result.exit_code == 0, result.stderr
    table = pd.read_csv(tmp_path / "table.csv")
    assert table["model"].tolist() == ["svm", "svm+majority"]
    assert table["ms_per_face"].notna().all()
    assert "A+B: the average of" in " ".join(result.stdout.split())
    assert (tmp_path / "confusion-gender-svm+majority.png").exists()


def test_an_accelerator_that_is_not_there_is_one_line_before_anything_is_done(
    fails, people_csv, cache, tmp_path, monkeypatch
):
    monkeypatch.setattr("pipelines.models.acceleration.find_spec", lambda name: None)
    words = ("compare", "csv", people_csv, "--cache", cache, "--out", tmp_path / "out")
    assert "run 'pip install scikit-learn-intelex'" in fails(*words, "--accelerate", "intelex")
    assert not (tmp_path / "out").exists()


def test_a_data_set_is_called_as_is_asked(call, words, tmp_path):
    """Two tables of data from CSV files have other labels in one paper."""
    result = call(*words, "--called", "Our archive", "--out", tmp_path / "out")
    assert result.exit_code == 0, result.stderr
    latex = (tmp_path / "out" / "table.tex").read_text(encoding="utf-8")
    assert r"\label{tab:gender-our-archive-subject-scores}" in latex
    assert "Data set Our archive: 24 faces" in result.stdout
