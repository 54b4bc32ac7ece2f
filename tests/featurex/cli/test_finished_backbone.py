"""A finished network as a backbone, from the command line."""

import csv
import json

import pytest


@pytest.fixture(scope="module")
def halves(people_csv, write_rows, tmp_path_factory):
    """Two CSV files beside their photos: those of every other person."""
    folder = tmp_path_factory.mktemp("halves")
    with people_csv.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    people = list(dict.fromkeys(row["subject_id"] for row in rows))
    parts = [[row for row in rows if row["subject_id"] in people[n::2]] for n in (0, 1)]
    return [write_rows(folder / f"half{n}.csv", part) for n, part in enumerate(parts)]


@pytest.fixture(scope="module")
def net(call, halves, cache, tmp_path_factory):
    """A network that was trained on the first half."""
    path = tmp_path_factory.mktemp("net") / "net.featurex"
    words = ("fit", "csv", halves[0], "--cache", cache, "--out", path, "--task", "gender")
    words = (*words, "--model", "finetuned", "--epochs", 1, "--batch-size", 6, "--no-evaluate")
    result = call(*words, "--device", "cpu")
    assert result.exit_code == 0, result.stderr
    return path


def test_any_face_is_embedded_but_those_it_knows_are_not_scored(
    call, fails, people_csv, halves, cache, net, tmp_path
):
    on = ("--cache", cache, "--backbone", net, "--device", "cpu")
    result = call("extract", "csv", people_csv, *on, "--json")
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout)["embedded now"] == 24
    known = "net.featurex:gender was trained on 12 of the 24 photos of 'csv'"
    for command in ("compare", "fit"):
        line = fails(command, "csv", people_csv, *on, "--model", "majority")
        assert known in line
    words = ("--test-dataset", f"csv={halves[0]}", "--model", "majority", "--out", tmp_path / "t")
    assert "12 of the 24 photos" in fails("compare", "csv", halves[1], *on, *words)


def test_other_faces_are_scored_fitted_and_predicted(
    call, fails, halves, cache, photos, net, tmp_path
):
    data = ("csv", halves[1], "--cache", cache, "--backbone", net, "--device", "cpu")
    words = ("--task", "gender", "--model", "majority")
    path = tmp_path / "m.featurex"
    result = call("fit", *data, *words, "--out", path, "--folds", 2)
    assert result.exit_code == 0, result.stderr
    card = path.with_name("m.card.md").read_text(encoding="utf-8")
    assert ", 2 folds" in card
    assert "network for gender in net.featurex, trained on 12 photos of csv, none of which" in card
    assert "`net.featurex`" in card
    line = fails("predict", photos[0], "--model", path, "--device", "cpu")
    assert "features of a network, net.featurex (SHA-256" in line
    answer = call("predict", photos[0], "--model", path, "--weights", net, "--json")
    assert answer.exit_code == 0, answer.stderr
    assert json.loads(answer.stdout)[0]["faces"][0]["gender"] in ("female", "male")
