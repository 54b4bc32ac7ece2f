"""Selective prediction: worked examples, and thresholds that don't look at their own rows."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines import Task, predictions, selective_table
from pipelines.scoring.selective import (
    accuracy_at_coverage,
    area,
    threshold_for_accuracy,
)

GENDER = Task("gender", ("female", "male"))
SURE = np.array([0.9, 0.8, 0.7, 0.6])
RIGHT = np.array([True, True, False, True])
ANSWERS = st.lists(
    st.tuples(st.sampled_from([0.5, 0.6, 0.7, 0.8, 0.9, 1.0]), st.booleans()),
    min_size=1,
    max_size=40,
)


def test_the_curve_by_hand():
    coverage, accuracy = accuracy_at_coverage(SURE, RIGHT)
    assert coverage.tolist() == [0.25, 0.5, 0.75, 1]
    assert accuracy == pytest.approx([1, 1, 2 / 3, 3 / 4])
    assert area(SURE, RIGHT) == pytest.approx((1 + 1 + 2 / 3 + 3 / 4) / 4)


@given(ANSWERS, st.randoms(use_true_random=False))
def test_order_changes_nothing_and_the_end_is_the_accuracy(pairs, random):
    confidence, right = (np.array(column) for column in zip(*pairs, strict=True))
    order = list(range(len(right)))
    random.shuffle(order)
    _, accuracy = accuracy_at_coverage(confidence, right)
    _, again = accuracy_at_coverage(confidence[order], right[order])
    np.testing.assert_allclose(again, accuracy)
    assert accuracy[-1] == pytest.approx(right.mean())


def test_a_confidence_that_knows_nothing_has_a_flat_curve():
    _, accuracy = accuracy_at_coverage(np.full(10, 0.5), np.arange(10) < 7)
    assert accuracy == pytest.approx(np.full(10, 0.7))


@given(ANSWERS, st.floats(0.05, 1))
def test_the_threshold_is_the_least_that_is_accurate_enough(pairs, asked):
    confidence, right = (np.array(column) for column in zip(*pairs, strict=True))
    threshold = threshold_for_accuracy(confidence, right, asked)
    enough = [t for t in set(confidence) if right[confidence >= t].mean() >= asked - 1e-9]
    assert threshold == (min(enough) if enough else np.inf)


def test_the_threshold_by_hand():
    assert threshold_for_accuracy(SURE, RIGHT, 0.75) == 0.6
    assert threshold_for_accuracy(SURE, RIGHT, 0.9) == 0.8
    assert threshold_for_accuracy(SURE, ~RIGHT, 0.9) == np.inf


@pytest.mark.parametrize("asked", [0, 1.5, 95, np.nan])
def test_an_accuracy_that_is_no_share_is_refused(asked):
    with pytest.raises(ValueError, match="asked 'accuracy'"):
        threshold_for_accuracy(SURE, RIGHT, asked)


@pytest.mark.parametrize("confidence", [[], [np.nan]])
def test_what_is_no_confidence_is_refused(confidence):
    with pytest.raises(ValueError, match="Confidences must be numbers"):
        accuracy_at_coverage(np.array(confidence), np.ones(len(confidence), dtype=bool))


def rows_of_model(n=3000, seed=0, n_folds=5):
    """A calibrated model, three photos a person."""
    rng = np.random.default_rng(seed)
    male = rng.uniform(0, 1, n)
    truth = (rng.random(n) < male).astype(int)
    table = pd.DataFrame(
        {
            "image_id": [f"{row:064x}" for row in range(n)],
            "task": "gender",
            "model": "m",
            "fold": np.arange(n) // 3 % n_folds,
            "y_true": np.array(GENDER.classes)[truth],
            "years_true": np.nan,
            "years_pred": np.nan,
            "subject_id": [f"s{row // 3}" for row in range(n)],
            "p_female": 1 - male,
            "p_male": male,
        }
    )
    return predictions.concat([table])


def test_a_folds_threshold_comes_from_the_others():
    """The first fold needs 0.8 and gets infinity; the second needs infinity and gets 0.8."""
    confidence, right = np.r_[SURE, SURE], np.r_[RIGHT, ~RIGHT]
    rows = rows_of_model(8).assign(
        fold=np.repeat([3, 7], 4),
        y_true=np.where(right, "male", "female"),
        p_male=confidence,
        p_female=1 - confidence,
    )
    row = selective_table(rows, [GENDER], coverages=(), accuracies=(0.9,)).iloc[0]
    assert (row["threshold"], row["n_answered"], row["accuracy"]) == (np.inf, 2, 0)


def test_the_table_answers_what_was_asked():
    table = selective_table(rows_of_model(), [GENDER], coverages=(0.5, 1.0), accuracies=(0.9, 1.0))
    assert table["question"].tolist() == ["coverage"] * 2 + ["accuracy"] * 2
    half, everything, sure, perfect = table.itertuples()
    # Calibrated and uniform: the surest half has confidences from 0.75, 0.875 on average.
    assert half.coverage == 0.5
    assert half.accuracy == pytest.approx(0.875, abs=0.03)
    assert half.threshold == pytest.approx(0.75, abs=0.02)
    assert (everything.coverage, everything.n_answered) == (1, 3000)
    # Confidences above 0.8 are right 0.9 of the time.
    assert sure.accuracy == pytest.approx(0.9, abs=0.03)
    assert sure.threshold == pytest.approx(0.8, abs=0.03)
    assert perfect.coverage < 0.1
    assert (table["low"] < table["accuracy"])[:3].all()
    assert (table["accuracy"] < table["high"])[:3].all()
    assert table["area"].nunique() == 1


def test_thresholds_of_other_folds_do_not_promise_too_much():
    """With few photos a threshold chosen on the rows that it is scored on always keeps its word."""
    promised, kept = [], []
    for seed in range(40):
        rows = rows_of_model(60, seed)
        row = selective_table(rows, [GENDER], coverages=(), accuracies=(0.95,)).iloc[0]
        male = rows["p_male"].to_numpy()
        right = (male > 0.5) == (rows["y_true"] == "male").to_numpy()
        sure = np.maximum(male, 1 - male)
        chosen = sure >= threshold_for_accuracy(sure, right, 0.95)
        promised.append(right[chosen].mean() if chosen.any() else np.nan)
        kept.append(row["accuracy"])
    assert np.nanmin(promised) >= 0.95
    assert np.nanmean(kept) < 0.95


def test_an_accuracy_out_of_reach_is_answered_by_nobody():
    rows = rows_of_model(300)
    rows["p_female"], rows["p_male"] = rows["p_male"].copy(), rows["p_female"].copy()
    table = selective_table(rows, [GENDER], coverages=(), accuracies=(0.99,))
    assert table["n_answered"].tolist() == [0]
    assert table[["accuracy", "low", "high"]].isna().all(axis=None)
    assert table["threshold"].tolist() == [np.inf]


def test_one_fold_has_no_thresholds():
    table = selective_table(rows_of_model(60, n_folds=1), [GENDER])
    assert set(table["question"]) == {"coverage"}


def test_a_coverage_that_is_no_share_is_refused():
    with pytest.raises(ValueError, match="'coverage' must be in"):
        selective_table(rows_of_model(60), [GENDER], coverages=(0.0,))


def test_order_of_rows_changes_nothing():
    rows = rows_of_model(300)
    first, again = (
        selective_table(table, [GENDER]) for table in (rows, rows.sample(frac=1, random_state=0))
    )
    pd.testing.assert_frame_equal(first, again)
