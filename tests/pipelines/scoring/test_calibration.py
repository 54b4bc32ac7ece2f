"""Calibration: worked examples, and models whose true error is known."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import brier_score_loss

from pipelines import Task, calibration_table, predictions, reliability_table
from pipelines.models.temperature import cool, fit_temperature
from pipelines.scoring.calibration import (
    brier,
    debiased_error,
    ece,
    ece_by_chance,
    equal_mass,
    equal_width,
)
from pipelines.scoring.reliability import AS_GIVEN, COOLED

GENDER = Task("gender", ("female", "male"))

# Nine answers in five bins: 2/9 * |0.5 - 0.545| + 4/9 * |0.75 - 0.6875| + 3/9 * |2/3 - 0.8667|. The
# example of M. Pavlovic, "Expected calibration error: a step-by-step visual explanation" (2023).
CONFIDENCE = np.array([0.78, 0.64, 0.92, 0.58, 0.51, 0.85, 0.70, 0.63, 0.83])
CORRECT = np.array([1, 1, 0, 1, 0, 1, 1, 0, 1], dtype=bool)


def test_the_worked_example():
    assert ece(CONFIDENCE, CORRECT, n_bins=5) == pytest.approx(0.10444, abs=1e-5)


def test_bins_of_one_width_are_closed_above():
    edges = np.array([0.0, 0.2, 0.2001, 0.4, 0.9999, 1.0])
    assert equal_width(edges, 5).tolist() == [0, 0, 1, 1, 4, 4]


@given(st.lists(st.floats(0, 1), min_size=1, max_size=50), st.integers(1, 12))
def test_equal_confidences_share_a_bin_and_bins_rise(values, n_bins):
    confidence = np.array(values)
    for binning in (equal_width, equal_mass):
        bins = binning(confidence, n_bins)
        assert ((bins >= 0) & (bins < n_bins)).all()
        assert (np.diff(bins[np.argsort(confidence)]) >= 0).all()
        for value in confidence:
            assert len(set(bins[confidence == value])) == 1


def test_bins_of_equal_mass_have_equal_mass():
    confidence = np.random.default_rng(0).random(1000) ** 4
    assert np.bincount(equal_mass(confidence, 10)).tolist() == [100] * 10


def calibrated(n=20_000, seed=0, extra=0.0):
    rng = np.random.default_rng(seed)
    confidence = rng.uniform(0.6, 0.9, n)
    return confidence + extra, rng.random(n) < confidence


def test_a_calibrated_model_shows_the_error_of_chance_and_no_more():
    confidence, correct = calibrated()
    for binning in (equal_width, equal_mass):
        by_chance = ece_by_chance(confidence, binning)
        assert 0 < by_chance < 0.02
        assert ece(confidence, correct, binning) == pytest.approx(by_chance, rel=0.5)
    assert debiased_error(confidence, correct) < 0.006


def test_few_answers_look_uncalibrated_by_chance():
    confidence, correct = calibrated(60)
    assert ece(confidence, correct) > 0.05
    assert ece_by_chance(confidence) == pytest.approx(ece(confidence, correct), rel=0.6)


def test_an_error_of_ten_points_is_found_by_all():
    confidence, correct = calibrated(extra=0.1)
    for error in (
        ece(confidence, correct),
        ece(confidence, correct, equal_mass),
        debiased_error(confidence, correct),
    ):
        assert error == pytest.approx(0.1, abs=0.01)


def test_brier_agrees_with_scikit_learn():
    rng = np.random.default_rng(0)
    male, true = rng.random(100), rng.integers(0, 2, 100)
    scores = brier(np.column_stack([1 - male, male]), true)
    # Over both classes it is twice the score of one.
    assert scores.mean() == pytest.approx(2 * brier_score_loss(true, male))
    assert brier(np.array([[1.0, 0.0], [1.0, 0.0]]), np.array([0, 1])).tolist() == [0, 2]


@pytest.mark.parametrize("bad", [[np.nan], [1.2], [-0.1]])
def test_what_is_no_confidence_is_refused(bad):
    with pytest.raises(ValueError, match=r"must be in \[0, 1\]. Got .* at row 0"):
        ece(np.array(bad), np.array([True]))
    with pytest.raises(ValueError, match=r"at least one\. Got 0 and 0"):
        ece(np.array([]), np.array([], dtype=bool))


def skewed(temperature, n=6000, seed=0):
    """Probabilities of a calibrated model of four classes, made too sure by a temperature."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 1.5, (n, 4))
    probabilities = cool(np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True), 1.0)
    true = (probabilities.cumsum(axis=1) < rng.random((n, 1))).sum(axis=1)
    return cool(probabilities, 1 / temperature), true


@pytest.mark.parametrize("temperature", [0.6, 1.0, 1.8])
def test_the_temperature_is_found(temperature):
    probabilities, true = skewed(temperature)
    assert fit_temperature(probabilities, true) == pytest.approx(temperature, rel=0.07)


@given(st.floats(0.1, 10))
def test_cooling_changes_no_answer(temperature):
    probabilities = np.random.default_rng(0).dirichlet(np.ones(5), 50)
    cooled = cool(probabilities, temperature)
    np.testing.assert_allclose(cooled.sum(axis=1), 1)
    assert (cooled.argmax(axis=1) == probabilities.argmax(axis=1)).all()


def test_a_probability_of_zero_is_not_the_end():
    probabilities = np.array([[1.0, 0.0]] * 9 + [[0.0, 1.0]])
    assert 1 < fit_temperature(np.vstack([probabilities] * 2), np.zeros(20, dtype=int)) < 20


def test_no_temperature_is_refused():
    with pytest.raises(ValueError, match=r"must be positive\. Got 0"):
        cool(np.full((4, 2), 0.5), 0)


def overconfident_rows(n=1200, model="sure"):
    rng = np.random.default_rng(0)
    male = rng.uniform(0.05, 0.95, n)
    truth = (rng.random(n) < male).astype(int)
    odds = (male / (1 - male)) ** 3
    table = pd.DataFrame(
        {
            "image_id": [f"{row:064x}" for row in range(n)],
            "task": "gender",
            "model": model,
            "fold": np.arange(n) // 3 % 4,
            "y_true": np.array(GENDER.classes)[truth],
            "years_true": np.nan,
            "years_pred": np.nan,
            "subject_id": [f"s{row // 3}" for row in range(n)],
            "p_female": 1 / (1 + odds),
            "p_male": odds / (1 + odds),
        }
    )
    return predictions.concat([table])


def test_the_table_shows_before_and_after():
    table = calibration_table(overconfident_rows(), [GENDER]).set_index("form")
    assert table.index.tolist() == [AS_GIVEN, COOLED]
    before, after = table.loc[AS_GIVEN], table.loc[COOLED]
    assert after["temperature"] == pytest.approx(3, rel=0.2)
    assert before["ece"] > 0.1 > 0.05 > after["ece"]
    assert before["ece"] > 4 * before["ece_by_chance"]
    assert after["brier"] < before["brier"]
    assert before["accuracy"] == after["accuracy"]
    assert before["n_subjects"] == 400
    assert (table["brier_low"] < table["brier"]).all()
    assert (table["brier"] < table["brier_high"]).all()


def test_no_row_sets_its_own_temperature():
    """One fold is too sure, the other not: each is cooled by what the other needs, to its harm."""
    rows = overconfident_rows()
    given = rows[GENDER.probability_columns].to_numpy()
    rows[GENDER.probability_columns] = np.where(rows[["fold"]] < 2, given, cool(given, 3.0))
    rows["fold"] //= 2
    before, after = calibration_table(rows, [GENDER]).itertuples()
    assert after.temperature == pytest.approx((1 + 3) / 2, rel=0.1)
    assert after.brier > before.brier + 0.01


def test_one_fold_has_no_after():
    table = calibration_table(overconfident_rows().assign(fold=0), [GENDER])
    assert table["form"].tolist() == [AS_GIVEN]


def test_a_regression_has_no_calibration():
    assert calibration_table(overconfident_rows(), [Task("age", None)]).empty


def test_reliability_is_below_the_diagonal_of_a_model_too_sure():
    table = reliability_table(overconfident_rows(), GENDER, "sure")
    assert table["n_rows"].sum() == 1200
    assert (table["n_rows"] == 120).all()
    assert table["confidence"].is_monotonic_increasing
    assert (table["confidence"][2:] > table["high"][2:]).all()
    assert (table["low"] <= table["accuracy"]).all()
    assert (table["accuracy"] <= table["high"]).all()


def test_a_constant_confidence_is_one_bin():
    rows = overconfident_rows().assign(p_female=0.5, p_male=0.5)
    table = reliability_table(rows, GENDER, "sure")
    assert len(table) == 1
    assert table["confidence"][0] == 0.5


def test_order_of_rows_changes_nothing():
    rows = overconfident_rows()
    shuffled = rows.sample(frac=1, random_state=0)
    for make in (
        lambda table: calibration_table(table, [GENDER]),
        lambda table: reliability_table(table, GENDER, "sure"),
    ):
        pd.testing.assert_frame_equal(make(shuffled), make(rows))


def test_a_model_that_is_not_there_is_refused():
    with pytest.raises(ValueError, match="no row of task 'gender' and model 'x'"):
        reliability_table(overconfident_rows(), GENDER, "x")
