import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from pipelines import Task
from pipelines.scoring.age_intervals import LEAST_ROWS, MOST_AGES, age_intervals

AGE = Task("age", None)


def table(predicted, true, n_folds=5, **columns):
    """Return out-of-fold predictions of ages."""
    n = len(predicted)
    return pd.DataFrame(
        {
            "image_id": [f"i{row:05d}" for row in range(n)],
            "task": "age",
            "model": "m",
            "fold": np.arange(n) % n_folds,
            "y_true": None,
            "years_true": np.asarray(true, float),
            "years_pred": np.asarray(predicted, float),
            "subject_id": [f"s{row}" for row in range(n)],
        }
        | columns
    )


def noisy(n, seed=0):
    """Return predicted ages, and true ones that are further off the older somebody is."""
    rng = np.random.default_rng(seed)
    predicted = rng.uniform(0, 80, n)
    return predicted, np.maximum(predicted + rng.normal(0, 1 + predicted / 10), 0)


@pytest.mark.parametrize("coverage", [0.5, 0.8, 0.95])
def test_normal_errors_give_their_quantiles(coverage):
    rng = np.random.default_rng(1)
    predicted = rng.uniform(30, 60, 40_000)
    made = age_intervals(
        table(predicted, predicted + rng.normal(1, 4, 40_000)), AGE, "m", coverage=coverage
    )
    reach = 4 * norm.ppf((1 + coverage) / 2)
    assert len(made.at) == MOST_AGES
    np.testing.assert_allclose(made.below, reach - 1, atol=0.6)
    np.testing.assert_allclose(made.above, reach + 1, atol=0.6)
    assert made.measured == pytest.approx(coverage, abs=0.01)


def test_the_share_that_was_asked_lies_inside_at_every_age():
    made = age_intervals(table(*noisy(10_000)), AGE, "m")
    assert (made.coverage, made.n_rows) == (0.8, 10_000)
    assert made.measured == pytest.approx(0.8, abs=0.02)
    predicted, true = noisy(20_000, seed=5)
    low, high = made.of(predicted)
    inside = (low <= true) & (true <= high)
    for decade in range(8):
        assert inside[predicted // 10 == decade].mean() == pytest.approx(0.8, abs=0.05)


def test_the_old_are_told_less_surely_than_the_young():
    made = age_intervals(table(*noisy(5000)), AGE, "m")
    low, high = made.of(np.array([2.0, 30.0, 75.0]))
    assert np.all(np.diff(high - low) > 3)
    assert list(made.at) == sorted(set(made.at))


def test_an_interval_holds_its_prediction_and_begins_at_birth():
    rng = np.random.default_rng(2)
    predicted = rng.uniform(1, 60, 2000)
    made = age_intervals(table(predicted, predicted + 20), AGE, "m")  # always too young
    low, high = made.of(np.linspace(-3, 110, 200))
    assert np.all(low <= np.maximum(np.linspace(-3, 110, 200), 0))
    assert low.min() == 0
    assert np.all(high >= low)
    np.testing.assert_allclose(made.above, 20)
    np.testing.assert_allclose(made.below, 0)


def test_beyond_the_ages_that_were_seen_the_last_interval_holds():
    made = age_intervals(table(*noisy(2000)), AGE, "m")
    low, high = made.of(np.array([80.0, 100.0]))
    np.testing.assert_allclose(high[1] - high[0], 20, atol=1.5)
    np.testing.assert_allclose(low[1] - low[0], 20, atol=1.5)


@pytest.mark.parametrize("predicted", [np.full(300, 30.0), np.repeat([5.0, 30.0], [20, 280])])
def test_faces_that_are_predicted_equally_old_are_one_kind(predicted):
    true = np.random.default_rng(3).uniform(0, 60, 300)
    made = age_intervals(table(predicted, true), AGE, "m")
    assert made.at == (30.0,)
    low, high = made.of(np.array([5.0, 30.0]))
    assert low[1] == pytest.approx(6, abs=3)
    assert high[1] == pytest.approx(54, abs=3)


@pytest.mark.parametrize(("n", "n_ages"), [(LEAST_ROWS, 1), (120, 2), (990, 19), (5000, 20)])
def test_each_age_rests_on_enough_faces(n, n_ages):
    made = age_intervals(table(*noisy(n)), AGE, "m")
    assert len(made.at) == len(made.below) == len(made.above) == n_ages


def test_few_faces_give_no_interval():
    assert age_intervals(table(*noisy(LEAST_ROWS - 1)), AGE, "m") is None


def test_a_single_fold_is_not_measured():
    made = age_intervals(table(*noisy(500), n_folds=1), AGE, "m")
    assert made.measured is None
    assert made.at


def repeated(once, n_repeats=2):
    """Return the same answers, as if the folds had been made several times."""
    parts = [once.assign(repeat=n, fold=once["fold"] + 5 * n) for n in range(n_repeats)]
    return pd.concat(parts, ignore_index=True)


def test_a_repeat_is_measured_inside_itself():
    """The same faces are in the other repeat: an interval from there would know the answer."""
    once = table(*noisy(200))
    made, again = (age_intervals(rows, AGE, "m") for rows in (once, repeated(once)))
    assert again.measured == made.measured


@pytest.mark.parametrize("n", [LEAST_ROWS, 99, 60 * LEAST_ROWS])
def test_a_face_that_is_tested_three_times_counts_once(n):
    once = table(*noisy(n))
    made, again = (age_intervals(rows, AGE, "m") for rows in (once, repeated(once, 3)))
    assert (again.n_rows, len(again.at)) == (made.n_rows, len(made.at))
    np.testing.assert_allclose(again.below, made.below, rtol=0.05)
    np.testing.assert_allclose(again.above, made.above, rtol=0.05)
    assert age_intervals(repeated(table(*noisy(LEAST_ROWS - 1)), 3), AGE, "m") is None


def test_other_models_and_orders_change_nothing():
    one = table(*noisy(500))
    other = one.assign(model="o", years_pred=1.0)
    both = pd.concat([other, one], ignore_index=True).sample(frac=1, random_state=0)
    assert age_intervals(both, AGE, "m") == age_intervals(one, AGE, "m")


@pytest.mark.parametrize("coverage", [0, 1, -0.1, float("nan")])
def test_a_coverage_that_is_none_is_an_error(coverage):
    with pytest.raises(ValueError, match=r"'coverage' of age intervals must be in \(0, 1\)"):
        age_intervals(table(*noisy(100)), AGE, "m", coverage=coverage)


def test_no_rows_are_an_error():
    with pytest.raises(ValueError, match="no row of task 'age' and model 'x'"):
        age_intervals(table(*noisy(100)), AGE, "x")


def test_a_fold_is_not_measured_by_intervals_that_know_it():
    """Of two folds, the second is fifty years older than predicted: the first does not say so."""
    true = 30 + np.repeat([0.0, 50.0], 100)
    rows = table(np.full(200, 30.0), true, fold=np.repeat([0, 1], 100))
    made = age_intervals(rows, AGE, "m")
    assert made.measured == 0.5
    low, high = made.of(np.full(200, 30.0))
    assert np.all((low <= true) & (true <= high))
