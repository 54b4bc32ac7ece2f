import json
import re

import pandas as pd
import pytest

from featurex.exceptions import RunError
from featurex.report.page import write_report
from featurex.report.run_folder import read_run
from pipelines.report import FORMS


def test_what_was_written_is_read(folder, tables):
    run = read_run(folder, folder / "audit")
    assert set(run.tables) == set(FORMS)
    for name, table in tables.items():
        pd.testing.assert_frame_equal(
            run.tables[name][table.columns], table, check_dtype=False, check_like=True
        )


def test_without_an_audit_its_tables_are_not_read(folder):
    assert not {"findings", "folds"} & set(read_run(folder).tables)


@pytest.mark.parametrize("name", ["run.json", "table.csv"])
def test_what_must_be_there_is_named(folder, name):
    (folder / name).unlink()
    with pytest.raises(RunError, match=f"{name}: no such file.*Run 'featurex compare' again"):
        read_run(folder)


def test_what_may_be_missing_is_left_out(folder):
    (folder / "map.csv").unlink()
    assert "map" not in read_run(folder).tables


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("run.json", "{", "no JSON"),
        ("run.json", "[]", "not the record of a run"),
        ("run.json", "[" * 100_000, "nested too deeply"),
        ("map.csv", "", "no table"),
        ("map.csv", "method,x\nPCA,1\n", "column 'gender' is missing"),
        ("map.csv", "method,gender,age_group,race,x,y\nP,,,,1,1e300\n", "row 1 holds '1e300'"),
        ("map.csv", "method,gender,age_group,race,x,y\nP,,,,inf,1\n", "holds 'inf'"),
        ("map.csv", "method,gender,age_group,race,x,y\nP,,,,<b>,1\n", "holds '<b>'"),
        ("map.csv", "method,gender,age_group,race,x,y\n" + "P,,,,1,1\n" * 12_001, "12,000 rows"),
    ],
)
def test_a_damaged_file_is_one_line_that_names_it(folder, name, text, reason):
    (folder / name).write_text(text)
    with pytest.raises(RunError, match=rf"{name}: .*{re.escape(reason)}") as caught:
        read_run(folder)
    assert "\n" not in str(caught.value)
    assert "again" in str(caught.value)


@pytest.mark.parametrize(
    ("name", "column", "value"),
    [
        ("table", "accuracy_pooled", 7.0),
        ("table", "one_off_low", -0.1),
        ("table", "kappa_mean", -1.5),
        ("table", "mae_high", -3.0),
        ("by_group", "score", 1.2),
        ("recall", "recall", 50.0),
        ("calibration", "ece", -0.2),
        ("selective", "coverage", 1.5),
        ("reliability", "confidence", 2.0),
    ],
)
def test_a_score_that_no_metric_gives_is_named(folder, tables, name, column, value):
    table = tables[name].copy()
    table.loc[2, column] = value
    table.to_csv(folder / f"{name}.csv", index=False)
    with pytest.raises(RunError) as caught:
        read_run(folder)
    assert f"{name}.csv: column '{column}', row 3 holds '{value}'" in str(caught.value)


def test_scores_at_their_limits_are_read(folder, tables):
    ends = {"accuracy_pooled": 1 + 1e-15, "one_off_low": 0.0, "kappa_mean": -1.0, "mae_high": 70.0}
    tables["table"].assign(**ends).to_csv(folder / "table.csv", index=False)
    years = tables["by_group"].assign(metric="mae", score=12.0, low=0.0, high=20.0)
    other = years.assign(metric="of another version", low=-7.0)
    pd.concat([years, other]).to_csv(folder / "by_group.csv", index=False)
    assert read_run(folder).tables["by_group"]["low"].min() == -7


def test_a_curve_beyond_its_axis_is_drawn_all_the_same(folder, tables):
    """Only the page knows whether a network's scores are shares or years."""
    tables["curves"].assign(train_score=7.0, valid_score=7.0).to_csv(
        folder / "curves.csv", index=False
    )
    write_report(folder, folder / "page.html")
    assert "finetuned" in (folder / "page.html").read_text(encoding="utf-8")


def test_a_file_too_large_is_not_read(folder, monkeypatch):
    monkeypatch.setattr("featurex.report.run_folder.MAX_BYTES", 100)
    with pytest.raises(RunError, match="larger than 100 bytes"):
        read_run(folder)


def test_text_is_printable_and_numbers_are_plausible(folder, record):
    record |= {"dataset": "a\u202eb\n", "n_folds": float("inf"), "space": 10**400}
    (folder / "run.json").write_text(json.dumps(record))
    read = read_run(folder).record
    assert read["dataset"] == "a\\u202eb\\n"
    assert read["n_folds"] is None
    assert read["space"] is None


def test_older_runs_lack_columns(folder, tables):
    old = tables["table"].drop(columns=["n_subjects", "accuracy_low", "fit_seconds"])
    old.to_csv(folder / "table.csv", index=False)
    table = read_run(folder).tables["table"]
    assert table[["n_subjects", "accuracy_low", "fit_seconds"]].isna().all(axis=None)
    write_report(folder, folder / "page.html")


@pytest.mark.parametrize(
    "text",
    [
        "task,model,n_rows,n_folds\nage,svm,120,3\n",
        "task,model,n_rows,n_folds,mae_pooled\nage,svm,120,3,\n",
        "task,model,n_rows,n_folds,mae_pooled\ngender,svm,120,3,\nage,svm,120,3,4.5\n",
    ],
)
def test_a_comparison_without_a_score_of_a_task_is_one_line(folder, text):
    (folder / "table.csv").write_text(text)
    with pytest.raises(RunError, match=r"table\.csv: no score of '(age|gender)', such as.* again"):
        read_run(folder)


def test_a_page_is_written_whole(folder):
    page = folder / "page.html"
    write_report(folder, page, audit=folder / "audit")
    html = page.read_text(encoding="utf-8")
    assert html.startswith("<!doctype html>")
    assert "near-duplicate pairs" in html
    assert [p.name for p in folder.iterdir() if p.suffix in (".html", ".tmp")] == ["page.html"]
