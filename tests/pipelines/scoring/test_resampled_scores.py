"""Who is counted in a score's interval: only people with rows that the score is over."""

import numpy as np
import pandas as pd
import pytest

from pipelines import Task, compare, predictions, score_groups
from pipelines.out_of_fold.panel import make_panel
from pipelines.scoring.intervals import exact_share
from pipelines.scoring.pairwise import compare_pairs
from pipelines.scoring.resampled_scores import Resamples
from pipelines.scoring.resampling import leave_one_out
from pipelines.scoring.scores import METRICS

ERA = Task("era", ("young", "old"), ordered=True, years=(20.0, 60.0))
N_AGES = 8


def some_ages(errors, n=200, model="m"):
    """`n` people, the first of whom have an age, predicted wrongly by `errors` years."""
    old = np.random.default_rng(0).random(n)
    years = ERA.expected_years(np.column_stack([1 - old, old]))
    errors = np.concatenate([errors, np.full(n - len(errors), np.nan)])
    table = pd.DataFrame(
        {"image_id": [f"{row:064x}" for row in range(n)], "task": "era", "model": model}
        | {"fold": np.arange(n) % 5, "y_true": np.where(np.arange(n) % 2, "old", "young")}
        | {"years_true": years + errors, "years_pred": years, "p_young": 1 - old, "p_old": old}
    )
    return predictions.concat([table])


def test_people_without_an_age_make_no_score_of_years_surer():
    row = compare(some_ages(np.ones(N_AGES)), [ERA]).table.iloc[0]
    assert (row["cs5_low"], row["cs5_high"]) == pytest.approx(exact_share(N_AGES, N_AGES))
    assert row["accuracy_high"] - row["accuracy_low"] < 0.2


def test_nor_do_they_in_a_group():
    table = some_ages(np.ones(N_AGES))
    groups = pd.DataFrame({"all": "x"}, index=table["image_id"])
    row = score_groups(table, [ERA], groups).set_index("metric").loc["cs5"]
    assert (row["low"], row["high"]) == pytest.approx(exact_share(N_AGES, N_AGES))


def widths(rows):
    """The widths of the intervals of two groups' gap and two models' difference in MAE."""
    images = rows["image_id"].drop_duplicates()
    groups = pd.DataFrame({"half": np.arange(len(images)) % 2}, index=images)
    gaps = score_groups(rows, [ERA], groups).set_index("metric").loc["mae"]
    pair = compare_pairs(make_panel(rows, ERA)).set_index("metric").loc["mae"]
    gap = gaps[gaps["gap"] > 0].iloc[0]
    return np.array([gap["gap_high"] - gap["gap_low"], pair["high"] - pair["low"]])


def test_the_gap_of_groups_and_the_difference_of_models_ignore_them(monkeypatch):
    """With them and without them eight people tell as much; with 200 it would be a fifth less."""
    monkeypatch.setattr("pipelines.scoring.by_group.FEW_SUBJECTS", 2)
    errors = np.random.default_rng(1).normal(0, 5, N_AGES)
    table = predictions.concat([some_ages(errors), some_ages(2 * errors, model="n")])
    ratios = widths(table) / widths(table[table["years_true"].notna()])
    assert ((ratios > 0.95) & (ratios < 1.2)).all()


def test_counted_is_who_has_rows_of_the_score():
    sums = make_panel(some_ages(np.ones(N_AGES)), ERA).by_subject
    resamples = Resamples(sums.sum(axis=0), sums[None].sum(axis=1), leave_one_out(sums))
    counted = {metric.name: resamples.scores(metric).counted.sum() for metric in METRICS}
    assert counted == {metric.name: 200 for metric in METRICS} | {"mae": N_AGES, "cs5": N_AGES}
