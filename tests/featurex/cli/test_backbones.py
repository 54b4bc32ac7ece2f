"""What is no network goes the whole way, from photos to predictions."""

import json

import pytest

from featurex.backbones.catalogue import OWN
from featurex.workflows import comparison_job

BACKBONES = ("pixels", "landmarks")


@pytest.fixture(scope="module", params=BACKBONES)
def fitted(request, call, people_csv, cache, tmp_path_factory):
    """A backbone, the result of fitting a model on it, and the model's file."""
    path = tmp_path_factory.mktemp("models") / "model.featurex"
    words = ("--cache", cache, "--backbone", request.param, "--task", "gender")
    result = call("fit", "csv", people_csv, *words, "--model", "svm", "--out", path, "--jobs", 1)
    assert result.exit_code == 0, result.stderr
    return request.param, result, path


def test_chips_in_the_cache_are_used_again(fitted, call, people_csv, cache):
    backbone, result, _ = fitted
    rows = [[cell.strip() for cell in line.split("│")] for line in result.stdout.splitlines()]
    assert ["gender", "24"] in [row[1:3] for row in rows]
    again = call("extract", "csv", people_csv, "--cache", cache, "--backbone", backbone, "--json")
    assert json.loads(again.stdout)["embedded before"] == 24
    spaces = json.loads(call("cache", "info", cache, "--json").stdout)
    assert sum(space["folder"].startswith("chips-") for space in spaces) == 1


def test_its_model_predicts(fitted, call, photos):
    backbone, _, path = fitted
    result = call("predict", photos[0], "--model", path, "--json")
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout)[0]["faces"][0]["gender"] in ("female", "male")
    assert ("excludes commercial use" in result.stderr) == (backbone == "landmarks")


def test_a_licence_is_told_once(fitted):
    backbone, result, _ = fitted
    assert result.stderr.count("excludes commercial use") == (backbone == "landmarks")


def test_it_is_not_fine_tuned(fails, people_csv, cache, tmp_path):
    words = ("csv", people_csv, "--cache", cache, "--backbone", "pixels", "--model", "finetuned")
    for command in ("fit", "compare"):
        line = fails(command, *words, "--out", tmp_path / "out")
        assert "pixels:grey32 is no network, so it can't be fine-tuned" in line


def test_by_default_it_is_compared_without_fine_tuning(
    call, people_csv, cache, tmp_path, monkeypatch
):
    monkeypatch.setattr(comparison_job, "DEFAULT_MODELS", ["majority", "finetuned"])
    words = ("--cache", cache, "--backbone", "pixels", "--task", "gender", "--folds", 2)
    result = call("compare", "csv", people_csv, *words, "--out", tmp_path, "--json")
    assert result.exit_code == 0, result.stderr
    assert [row["model"] for row in json.loads(result.stdout)] == ["majority"]


def test_every_backbone_of_our_own_is_in_the_list(call):
    rows = {row["name"]: row for row in json.loads(call("backbones", "--json").stdout)}
    assert set(OWN) <= set(rows)
    assert rows["pixels"]["n_features"] == 1024
    assert rows["pixels"]["parameters"] is None
    assert "excludes commercial use" in rows["landmarks"]["licence"]
