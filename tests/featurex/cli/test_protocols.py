"""``--protocol``, ``--test-share`` and ``--repeats``, as a user meets them."""

import json

import pandas as pd
import pytest


@pytest.fixture(scope="module")
def compare(call, people_csv, cache, tmp_path_factory):
    """Return a function that compares the majority's guess for gender, as the words say."""

    def compare(*words):
        out = tmp_path_factory.mktemp("out")
        task = ("--task", "gender", "--model", "majority", "--out", out)
        result = call("compare", "csv", people_csv, "--cache", cache, *task, *words)
        assert result.exit_code == 0, result.stderr
        return result, out

    return compare


def test_a_random_split_of_named_people_warns_everywhere(compare):
    result, out = compare("--protocol", "random", "--folds", 4)
    warning = "Warning: photos were put into folds at random, so people may be on both sides: "
    assert warning in " ".join(result.stderr.split())
    assert f"- {warning}" in result.stdout
    table = pd.read_csv(out / "predictions.csv")
    folds = table.groupby("subject_id")["fold"].transform("nunique")
    share = f"{(folds > 1).mean():.1%} of the 24 test photos whose person is known"
    assert share in result.stdout
    record = json.loads((out / "run.json").read_text(encoding="utf-8"))
    assert record["shared_people"]["share"] == pytest.approx((folds > 1).mean())


def test_json_has_protocol_and_warning_in_each_row(compare):
    result, _ = compare("--protocol", "random", "--folds", 2, "--json")
    (row,) = json.loads(result.stdout)
    assert row["protocol"] == "random"
    assert "people may be on both sides" in row["warning"]
    result, _ = compare("--folds", 2, "--json")
    (row,) = json.loads(result.stdout)
    assert (row["protocol"], row["warning"], row["n_repeats"]) == ("subject", None, 1)


def test_a_test_set_may_be_held_out_several_times(compare):
    words = ("--protocol", "holdout", "--test-share", 0.25, "--repeats", 3)
    result, out = compare(*words)
    assert "3 test sets" in " ".join(result.stdout.split())
    assert "Protocol holdout: one test set (6 of 24 photos, 25%)" in result.stdout
    table = pd.read_csv(out / "predictions.csv")
    assert table.groupby(["repeat", "subject_id"]).size().eq(2).all()  # whole people
    assert table.groupby("repeat").size().between(4, 8).all()
    assert table["fold"].equals(table["repeat"])
    record = json.loads((out / "run.json").read_text(encoding="utf-8"))
    assert (record["test_share"], record["n_repeats"], record["n_folds"]) == (0.25, 3, 3)
