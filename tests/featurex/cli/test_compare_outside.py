"""Models from outside and data sets of others, on the command line."""

import csv
import json

import pandas as pd
import pytest

from featurex.datasets import reading

MODELS = ("--model", "majority", "--task", "gender", "--jobs", 1)


@pytest.fixture
def rows(people_csv):
    with people_csv.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def words(people_csv, cache, tmp_path):
    return ("compare", "csv", people_csv, "--cache", cache, *MODELS, "--out", tmp_path / "out")


def write(path, rows):
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def test_predictions_by_path_are_a_row_of_the_table(call, words, rows, tmp_path):
    answers = [{"path": row["path"], "gender": row["gender"]} for row in rows[3:]]
    path = write(tmp_path / "theirs.csv", [*answers, {"path": "other.jpg", "gender": "male"}])
    result = call(*words, "--folds", 2, "--predictions", f"theirs={path}")
    assert result.exit_code == 0, result.stderr
    table = pd.read_csv(tmp_path / "out" / "table.csv").set_index("model")
    assert table.loc["theirs", ["n_rows", "n_missing"]].tolist() == [24, 3]
    assert table.loc["theirs", "accuracy_pooled"] == pytest.approx(21 / 24)
    text = " ".join(result.stdout.split())
    assert "no answer for 3 of 24 faces" in text
    assert "1 of its 22 lines are of other photos" in text
    record = json.loads((tmp_path / "out" / "run.json").read_text(encoding="utf-8"))
    assert record["outside"][0]["name"] == "theirs"


def test_a_damaged_line_is_one_line_before_anything_is_done(fails, words, rows, tmp_path):
    path = write(tmp_path / "theirs.csv", [{"path": rows[0]["path"], "gender": "cat"}])
    message = fails(*words, "--predictions", f"theirs={path}")
    assert f"{path}, line 2: unknown gender 'cat'" in message
    assert not (tmp_path / "out").exists()
    assert "can't be read" in fails(*words, "--predictions", f"m={tmp_path / 'none.csv'}")


@pytest.fixture
def two_sets(write_rows, rows, tmp_path):
    """The first half of the people, and the other one; who is in the middle is in both."""
    parts = {"half.csv": rows[:14], "other.csv": rows[12:]}
    return [write_rows(tmp_path / name, part) for name, part in parts.items()]


def test_one_data_set_is_tested_by_another(call, cache, two_sets, tmp_path):
    train, test = two_sets
    words = ("compare", "csv", train, "--test-dataset", f"csv={test}", "--cache", cache, *MODELS)
    result = call(*words, "--out", tmp_path / "out")
    assert result.exit_code == 0, result.stderr
    text = " ".join(result.stdout.split())
    assert "Protocol train on csv, test on csv" in text
    assert "Not trained on: 2 photos of the test data" in text
    assert "Scores of one test set" in text
    table = pd.read_csv(tmp_path / "out" / "table.csv")
    assert table["n_rows"].tolist() == [12]
    record = json.loads((tmp_path / "out" / "run.json").read_text(encoding="utf-8"))
    assert record["protocol"] == "train on csv, test on csv"


def test_folds_of_another_kind_are_refused(fails, words, people_csv):
    message = fails(*words, "--test-dataset", f"csv={people_csv}", "--protocol", "subject")
    assert "--test-dataset is a protocol of its own" in message
    message = fails(*words, "--test-dataset", f"csv={people_csv}", "--folds", 3)
    assert "--test-dataset is a protocol of its own" in message
    assert "nothing is left to train on" in fails(*words, "--test-dataset", f"csv={people_csv}")


def test_an_average_with_a_model_from_outside(call, fails, words, rows, tmp_path):
    answers = [{"path": row["path"], "p_female": 0.25, "p_male": 0.75} for row in rows]
    path = write(tmp_path / "theirs.csv", answers)
    named = "--model", "majority+theirs", "--folds", 2, "--predictions", f"theirs={path}"
    assert call(*words, *named).exit_code == 0
    table = pd.read_csv(tmp_path / "out" / "table.csv")
    assert set(table["model"]) == {"majority", "majority+theirs", "theirs"}
    two = "--predictions", f"theirs={path}", "--predictions", f"again={path}"
    only = [word for word in words if word not in ("--model", "majority")]
    assert call(*only, "--model", "theirs+again", "--folds", 2, *two).exit_code == 0
    table = pd.read_csv(tmp_path / "out" / "table.csv")
    assert set(table["model"]) == {"again+theirs", "again", "theirs"}
    assert "Unknown model 'other' in 'majority+other'" in fails(
        *words, "--model", "majority+other", "--predictions", f"theirs={path}"
    )


def test_both_data_sets_are_cut_down_alike(fails, words, people_csv, monkeypatch):
    asked, read = [], reading.read_dataset

    def noted(name, root, **options):
        asked.append((name, str(root), options))
        if len(asked) == 2:
            raise ValueError("enough was read")
        return read(name, root, **options)

    monkeypatch.setattr(reading, "read_dataset", noted)
    cut = ("--ages", "40-60", "--age-policy", "nearest", "--limit", 11, "--seed", 3)
    assert "enough was read" in fails(*words, "--test-dataset", f"csv={people_csv}", *cut)
    alike = {"ages": "40-60", "age_policy": "nearest", "limit": 11, "seed": 3}
    assert [place for *place, _ in asked] == [["csv", str(people_csv)]] * 2
    assert asked[1][2] == alike
    assert alike.items() <= asked[0][2].items()
