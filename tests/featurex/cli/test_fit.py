import json

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
