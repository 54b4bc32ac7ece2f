"""``--seed``: what it draws, and where it is told."""

import csv
import json

import pytest

from featurex import read_dataset


def test_a_limit_draws_by_the_seed(call, cache, people_csv, tmp_path):
    """The same photos as in Python, and other ones by another seed."""

    def drawn(seed):
        listed = tmp_path / "list.csv"
        words = ("extract", "csv", people_csv, "--cache", cache, "--limit", 5, "--seed", seed)
        result = call(*words, "--list", listed, "--json", "--device", "cpu")
        assert json.loads(result.stdout)["dropped"] == {"not in the sample": 19}
        with listed.open(encoding="utf-8", newline="") as file:
            return {row["image_id"] for row in csv.DictReader(file)}

    def expected(seed):
        return set(read_dataset("csv", people_csv, limit=5, seed=seed).table["image_id"])

    assert drawn(3) == expected(3)
    assert drawn(4) == expected(4) != expected(3)


@pytest.mark.parametrize("command", ["extract", "compare", "fit", "audit"])
def test_every_command_draws_by_its_seed(fails, people_csv, tmp_path, monkeypatch, command):
    def read(*place, seed, **words):
        raise ValueError(f"drawn by {seed}")

    monkeypatch.setattr("featurex.datasets.reading.read_dataset", read)
    words = (command, "csv", people_csv, "--cache", tmp_path / "cache", "--limit", 5)
    assert fails(*words, "--seed", 3) == "featurex: drawn by 3"


def test_a_comparison_has_its_seed_and_its_embedding(call, people_csv, cache, tmp_path):
    words = ("compare", "csv", people_csv, "--cache", cache, "--out", tmp_path, "--folds", 2)
    on = ("--backbone", "pixels", "--mirror", "--precision", "bfloat16", "--seed", 3, "--jobs", 1)
    result = call(*words, *on, "--task", "gender", "--model", "majority")
    assert result.exit_code == 0, result.stderr
    record = json.loads((tmp_path / "run.json").read_text(encoding="utf-8"))
    assert record["options"]["seed"] == 3
    assert record["embedding"] == {"precision": "bfloat16", "mirror": True}


def test_a_model_has_its_seed_and_its_embedding(call, people_csv, cache, tmp_path):
    words = ("fit", "csv", people_csv, "--cache", cache, "--out", tmp_path / "m", "--no-evaluate")
    on = ("--backbone", "pixels", "--mirror", "--precision", "bfloat16", "--seed", 3, "--jobs", 1)
    result = call(*words, *on, "--task", "gender", "--model", "majority", "--json")
    assert result.exit_code == 0, result.stderr
    metadata = json.loads(result.stdout)
    assert metadata["seed"] == 3
    assert metadata["embedding"] == {"precision": "bfloat16", "mirror": True}


def test_an_audit_has_its_seed(fails, people_csv, cache, tmp_path, monkeypatch):
    def audit(faces, options, on_step):
        raise ValueError(f"audited by {options.seed}")

    monkeypatch.setattr("featurex.audit.auditing.audit", audit)
    words = ("audit", "csv", people_csv, "--cache", cache, "--out", tmp_path, "--limit", 3)
    assert fails(*words, "--seed", 3, "--device", "cpu") == "featurex: audited by 3"
