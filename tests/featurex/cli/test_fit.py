import json

import pytest

from featurex.model_files import load_model


def test_the_model_is_saved_and_described(call, people_csv, cache, tmp_path):
    path = tmp_path / "new folder" / "modell.featurex"
    words = ("fit", "csv", people_csv, "--cache", cache, "--out", path, "--model", "majority")
    result = call(*words)
    assert result.exit_code == 0, result.stderr
    assert "\x1b" not in result.stdout + result.stderr
    estimators, metadata = load_model(path)
    assert list(estimators) == ["age-group", "gender", "age"]
    assert metadata["dataset"] == "csv"
    assert "inner score" in result.stdout
    assert f"Wrote {path}" in result.stderr


def test_json_is_the_metadata(call, people_csv, cache, tmp_path):
    path = tmp_path / "m.featurex"
    words = ("fit", "csv", people_csv, "--cache", cache, "--out", path, "--model", "majority")
    metadata = json.loads(call(*words, "--task", "age", "--json").stdout)
    assert metadata == load_model(path)[1]
    assert metadata["training"] == {"age": {"n_faces": 24, "inner_mean_absolute_error_years": None}}


def test_a_network_is_fitted_and_predicts(call, people_csv, cache, photos, tmp_path):
    path = tmp_path / "net.featurex"
    words = ("--model", "finetuned", "--epochs", 1, "--batch-size", 6, "--limit", 12)
    result = call(
        *(
            "fit",
            "csv",
            people_csv,
            "--task",
            "gender",
            "--cache",
            cache,
            "--out",
            path,
            *words,
            "--device",
            "cpu",
        )
    )
    assert result.exit_code == 0, result.stderr
    assert list(tmp_path.iterdir()) == [path]  # no checkpoint is left
    answer = call("predict", photos[0], "--model", path, "--json", "--device", "cpu")
    (photo,) = json.loads(answer.stdout)
    (face,) = photo["faces"]
    assert face["gender"] in ("female", "male")


def test_an_average_is_fitted_told_and_predicts(call, people_csv, cache, photos, tmp_path):
    path = tmp_path / "average.featurex"
    words = ("fit", "csv", people_csv, "--cache", cache, "--out", path, "--device", "cpu")
    network = ("--model", "finetuned+majority", "--epochs", 1, "--batch-size", 6, "--limit", 12)
    result = call(*words, *network, "--task", "gender")
    assert result.exit_code == 0, result.stderr
    rows = [
        [cell.strip() for cell in line.split("│")[1:5]]
        for line in result.stdout.splitlines()
        if "accuracy" in line
    ]
    assert [row[0] for row in rows] == ["majority", "finetuned", "majority+finetuned"]
    assert rows[1][3] != "–"
    assert rows[2] == ["majority+finetuned", "gender", "12", "–"]
    assert [file.name for file in tmp_path.iterdir()] == [path.name]
    answer = call("predict", photos[0], "--model", path, "--json", "--device", "cpu")
    assert answer.exit_code == 0, answer.stderr
    (face,) = json.loads(answer.stdout)[0]["faces"]
    assert sum(face["probabilities"]["gender"].values()) == pytest.approx(1)


def test_an_average_of_what_is_not_there_is_one_line(fails, people_csv, tmp_path):
    cache = tmp_path / "cache"
    line = fails("fit", "csv", people_csv, "--cache", cache, "--model", "svm+cnn")
    assert "Unknown model 'cnn' in 'svm+cnn'" in line
    assert not cache.exists()
