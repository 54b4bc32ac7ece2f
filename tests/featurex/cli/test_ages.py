"""``--ages``: the same few years in every command, and told wherever a number is read."""

import json
import shutil

import pandas as pd
import pytest


def test_a_comparison_tells_its_ages_everywhere(call, people_csv, cache, tmp_path):
    words = ("compare", "csv", people_csv, "--cache", cache, "--out", tmp_path, "--ages", "40-60")
    result = call(*words, "--task", "gender", "--model", "majority", "--folds", 2)
    assert result.exit_code == 0, result.stderr
    told = " ".join(result.stdout.split())
    assert "dropped: age outside 40-60" in told
    assert "Ages 40-60 only: 12 photos; 12 others are left out" in told
    assert "Ages 40-60 only" in (tmp_path / "table.md").read_text(encoding="utf-8")
    assert "Ages 40-60 only" in (tmp_path / "table.tex").read_text(encoding="utf-8")
    record = json.loads((tmp_path / "run.json").read_text(encoding="utf-8"))
    assert record["ages"] == "40-60"
    assert record["photos"]["dropped"] == {"age outside 40-60": 12}
    assert pd.read_csv(tmp_path / "table.csv")["n_rows"].tolist() == [12]


def test_it_comes_before_the_sample(call, people_csv, cache):
    words = ("extract", "csv", people_csv, "--cache", cache, "--ages", "0-20", "--limit", 5)
    dropped = json.loads(call(*words, "--json").stdout)["dropped"]
    assert dropped == {"age outside 0-20": 12, "not in the sample": 7}


def test_a_model_remembers_its_ages(call, people_csv, cache, tmp_path):
    words = ("fit", "csv", people_csv, "--cache", cache, "--out", tmp_path / "m", "--json")
    result = call(*words, "--task", "gender", "--model", "majority", "--ages", "0-20")
    metadata = json.loads(result.stdout)
    assert metadata["training"]["gender"]["n_faces"] == 12
    assert any(note.startswith("Ages 0-20 only: 12 photos") for note in metadata["notes"])


def test_an_audit_looks_at_these_ages_only(call, people_csv, cache, tmp_path):
    copy = shutil.copytree(cache, tmp_path / "cache")  # an audit adds a space that others count
    words = ("audit", "csv", people_csv, "--cache", copy, "--out", tmp_path / "out", "--folds", 2)
    result = call(*words, "--ages", "40-60", "--device", "cpu", "--json")
    assert result.exit_code == 0, result.stderr
    told = json.loads(result.stdout)
    assert told["findings"][0]["count"] == 12
    assert any("Ages 40-60 only" in note for note in told["notes"])


@pytest.mark.parametrize("command", ["extract", "compare", "fit", "audit"])
@pytest.mark.parametrize(
    ("ages", "message"),
    [
        ("60-21", "from the lower age to the higher one"),
        ("-5-10", "LOW-HIGH in years, such as 21-60. Got '-5-10'"),
        ("real", "LOW-HIGH in years, such as 21-60. Got 'real'"),
        ("99-110", "No photo of 'csv' is left with ages 99-110"),
    ],
)
def test_a_wrong_range_is_one_line_and_no_work(fails, people_csv, tmp_path, command, ages, message):
    words = (command, "csv", people_csv, "--cache", tmp_path / "cache", "--ages", ages)
    out = () if command == "extract" else ("--out", tmp_path / "out")
    assert message in fails(*words, *out)
    assert not list(tmp_path.iterdir())


def test_the_kind_of_age_is_an_option_of_its_own(fails, people_csv, tmp_path):
    words = ("extract", "csv", people_csv, "--cache", tmp_path / "cache")
    assert "has no option 'age_kind'" in fails(*words, "--age-kind", "apparent")
