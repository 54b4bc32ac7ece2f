import csv
import hashlib
import json
import shlex

import pytest

from featurex.saved_models.files import load_model


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
    assert "cross-validated on the same rows" in result.stdout
    card = path.with_name("modell.card.md").read_text(encoding="utf-8")
    assert hashlib.sha256(path.read_bytes()).hexdigest() in card
    assert "protocol subject, 5 folds" in card
    assert f"featurex fit csv {shlex.quote(str(people_csv))} --out" in card


def test_json_is_the_metadata(call, people_csv, cache, tmp_path):
    path = tmp_path / "m.featurex"
    words = ("fit", "csv", people_csv, "--cache", cache, "--out", path, "--model", "majority")
    words = (*words, "--no-evaluate")
    metadata = json.loads(call(*words, "--task", "age", "--json").stdout)
    assert metadata == load_model(path)[1]
    assert metadata["training"] == {"age": {"n_faces": 24, "inner_mean_absolute_error_years": None}}


def test_a_network_is_fitted_and_predicts(call, people_csv, cache, photos, tmp_path):
    path = tmp_path / "net.featurex"
    words = (
        "--model",
        "finetuned",
        "--epochs",
        1,
        "--batch-size",
        6,
        "--limit",
        12,
        "--no-evaluate",
    )
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
    # No checkpoint is left.
    assert sorted(file.name for file in tmp_path.iterdir()) == ["net.card.md", "net.featurex"]
    answer = call("predict", photos[0], "--model", path, "--json", "--device", "cpu")
    (photo,) = json.loads(answer.stdout)
    (face,) = photo["faces"]
    assert face["gender"] in ("female", "male")


def test_an_average_is_fitted_told_and_predicts(call, people_csv, cache, photos, tmp_path):
    path = tmp_path / "average.featurex"
    words = ("fit", "csv", people_csv, "--cache", cache, "--out", path, "--device", "cpu")
    network = (
        "--model",
        "finetuned+majority",
        "--epochs",
        1,
        "--batch-size",
        6,
        "--limit",
        12,
        "--no-evaluate",
    )
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
    assert {file.name for file in tmp_path.iterdir()} == {path.name, "average.card.md"}
    answer = call("predict", photos[0], "--model", path, "--json", "--device", "cpu")
    assert answer.exit_code == 0, answer.stderr
    (face,) = json.loads(answer.stdout)[0]["faces"]
    assert sum(face["probabilities"]["gender"].values()) == pytest.approx(1)


def test_an_average_of_what_is_not_there_is_one_line(fails, people_csv, tmp_path):
    cache = tmp_path / "cache"
    line = fails("fit", "csv", people_csv, "--cache", cache, "--model", "svm+cnn")
    assert "Unknown model 'cnn' in 'svm+cnn'" in line
    assert not cache.exists()


def test_scores_are_taken_from_a_comparison_of_the_same(call, fails, people_csv, cache, tmp_path):
    data = ("csv", people_csv, "--cache", cache, "--model", "majority")
    run, path = tmp_path / "run", tmp_path / "m.featurex"
    assert call("compare", *data, "--task", "gender", "--folds", 3, "--out", run).exit_code == 0
    words = ("fit", *data, "--out", path, "--comparison", run)
    result = call(*words, "--task", "gender")
    assert result.exit_code == 0, result.stderr
    assert "taken from the comparison in run: protocol subject, 3 folds" in (
        tmp_path / "m.card.md"
    ).read_text(encoding="utf-8")
    assert "other faces or labels" in fails(*words, "--task", "gender", "--limit", 20)
    assert "lacks the task age" in fails(*words, "--task", "age")
    assert "it has no mlp, but majority" in fails(*words, "--task", "gender", "--model", "mlp")


def test_scores_are_taken_from_a_comparison_with_repeats(call, people_csv, cache, tmp_path):
    data = ("csv", people_csv, "--cache", cache, "--model", "majority", "--task", "gender")
    run, path = tmp_path / "run", tmp_path / "m.featurex"
    repeats = ("--folds", 3, "--repeats", 2)
    assert call("compare", *data, *repeats, "--out", run).exit_code == 0
    result = call("fit", *data, "--out", path, "--comparison", run, "--reject-below", "gender=0.5")
    assert result.exit_code == 0, result.stderr


@pytest.mark.parametrize(
    ("record", "words"),
    [
        (None, "no such file"),
        ("{", "no JSON"),
        ('{"command": []}', "not the record of a comparison"),
    ],
)
def test_a_folder_without_a_comparison_is_refused_before_the_long_work(
    fails, people_csv, tmp_path, record, words
):
    if record:
        (tmp_path / "run.json").write_text(record)
    cache = tmp_path / "cache"
    line = fails("fit", "csv", people_csv, "--cache", cache, "--comparison", tmp_path)
    assert words in line
    assert str(tmp_path / "run.json") in line
    assert not cache.exists()


def test_too_few_rows_to_measure_say_how_to_fit_all_the_same(
    call, fails, people_csv, cache, tmp_path
):
    out = tmp_path / "few.featurex"
    words = ("fit", "csv", people_csv, "--cache", cache, "--model", "majority", "--out", out)
    assert "--no-evaluate" in fails(*words, "--folds", 20)
    assert call(*words, "--folds", 20, "--no-evaluate").exit_code == 0
    card = out.with_name("few.card.md").read_text(encoding="utf-8")
    assert "**Nothing was measured.**" in card


def test_folds_that_the_data_set_does_not_have_are_told(
    call, people_csv, write_rows, cache, tmp_path
):
    with people_csv.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    people = sorted({row["subject_id"] for row in rows})
    for row in rows:
        row["fold"] = people.index(row["subject_id"]) % 3
    path = write_rows(tmp_path / "with folds.csv", rows)
    words = ("--cache", cache, "--out", tmp_path / "m.featurex", "--model", "majority")
    result = call("fit", "csv", path, *words, "--task", "gender", "--folds", 4)
    assert result.exit_code == 0, result.stderr
    told = "Measured in the data set's own 3 folds, not the 4 that were asked for."
    assert told in result.stderr


def test_a_reject_option_is_chosen_and_told(call, fails, people_csv, cache, tmp_path):
    path = tmp_path / "m.featurex"
    words = ("fit", "csv", people_csv, "--cache", cache, "--out", path, "--model", "majority")
    result = call(*words, "--task", "gender", "--folds", 2, "--reject-below", 0.99)
    assert result.exit_code == 0, result.stderr
    assert "an accuracy of 99 % was asked, and no threshold reaches it" in result.stderr
    told = load_model(path)[1]["reject"]["tasks"]["gender"]
    assert (told["asked"], told["threshold"]) == (0.99, None)
    assert "no threshold reaches it" in path.with_name("m.card.md").read_text(encoding="utf-8")
    assert "leave --no-evaluate out" in fails(*words, "--reject-below", 0.9, "--no-evaluate")
    assert "no task with classes" in fails(*words, "--reject-below", "age=0.9")
