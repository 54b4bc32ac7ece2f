"""Tallies: added up in any way they give the scores of the rows, and nothing depends on order."""

import warnings

import numpy as np
import pandas as pd
import pytest
import sklearn.metrics
from hypothesis import given
from hypothesis import strategies as st

from pipelines import Task
from pipelines.out_of_fold.panel import make_panel, other_folds, rows_of
from pipelines.out_of_fold.tallies import Tally, add_up, tally_classes, tally_rows
from pipelines.scoring import formulas
from pipelines.scoring.scores import METRICS, metrics_of

CLASSES = ("child", "adult", "old")
TASK = Task("age-group", CLASSES, ordered=True, years=(6.0, 35.0, 70.0))
PAIRS = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=1, max_size=30)
YEARS = st.lists(st.tuples(st.floats(0, 116), st.floats(-10, 130)), min_size=1, max_size=30)


def people_rows(n=40, model="m", seed=0):
    rng = np.random.default_rng(seed)
    probabilities = rng.dirichlet(np.ones(3), n)
    return pd.DataFrame(
        {
            "image_id": [f"{row:064x}" for row in range(n)],
            "task": "age-group",
            "model": model,
            "fold": np.arange(n) // 4 % 4,
            "y_true": np.array(CLASSES)[np.random.default_rng(1).integers(0, 3, n)],
            "years_true": np.random.default_rng(2).uniform(0, 80, n),
            "years_pred": probabilities @ TASK.years,
            "subject_id": [f"s{row // 4}" for row in range(n)],
        }
        | dict(zip(TASK.probability_columns, probabilities.T, strict=True))
    )


@given(PAIRS, st.integers(0, 3))
def test_a_sum_of_tallies_is_the_tally_of_all_rows(pairs, n_parts):
    true, predicted = np.array(pairs).T
    rows = tally_classes(true, predicted, 3)
    parts = add_up(rows, np.arange(len(rows)) % (n_parts + 1), n_parts + 1)
    np.testing.assert_array_equal(parts.sum(axis=0), rows.sum(axis=0))
    whole = Tally(rows.sum(axis=0))
    assert float(formulas.accuracy(whole)) == pytest.approx(np.mean(true == predicted))


def tally_pairs(pairs):
    return Tally(tally_classes(*np.array(pairs).T, 3).sum(axis=0))


@given(PAIRS)
def test_scores_of_classes_are_scikit_learns(pairs):
    true, predicted = np.array(pairs).T
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = {
            formulas.accuracy: sklearn.metrics.accuracy_score(true, predicted),
            formulas.balanced_accuracy: sklearn.metrics.balanced_accuracy_score(true, predicted),
            formulas.macro_f1: sklearn.metrics.f1_score(true, predicted, average="macro"),
            formulas.quadratic_kappa: sklearn.metrics.cohen_kappa_score(
                true, predicted, weights="quadratic", labels=[0, 1, 2]
            ),
        }
    for formula, score in expected.items():
        assert float(formula(tally_pairs(pairs))) == pytest.approx(score, nan_ok=True)


def test_scores_of_classes_by_hand():
    tally = tally_pairs([(0, 0), (0, 2), (0, 1), (2, 1), (2, 0)])
    assert formulas.one_off(tally) == 3 / 5
    np.testing.assert_array_equal(formulas.recall(tally), [1 / 3, np.nan, 0])
    # A constant answer knows nothing.
    assert formulas.quadratic_kappa(tally_pairs([(0, 1), (1, 1), (2, 1)])) == 0


def tally_years(pairs):
    rows = pd.DataFrame(pairs, columns=["years_true", "years_pred"])
    return Tally(tally_rows(rows, Task("age", None)).sum(axis=0))


@given(YEARS)
def test_the_mean_error_in_years_is_scikit_learns(pairs):
    expected = sklearn.metrics.mean_absolute_error(*np.array(pairs).T)
    assert float(formulas.mae(tally_years(pairs))) == pytest.approx(expected)


def test_five_years_off_are_still_near():
    assert formulas.cs5(tally_years([(20, 25), (20, 25.01), (20, 15)])) == pytest.approx(2 / 3)


def test_scores_of_many_resamples_at_once_are_those_of_each():
    rng = np.random.default_rng(0)
    true, predicted = rng.integers(0, 3, (2, 200))
    rows = tally_classes(true, predicted, 3)
    drawn = rng.integers(0, 200, (20, 200))
    sums = np.array([rows[choice].sum(axis=0) for choice in drawn])
    theirs = [
        sklearn.metrics.f1_score(true[choice], predicted[choice], average="macro")
        for choice in drawn
    ]
    np.testing.assert_allclose(formulas.macro_f1(Tally(sums)), theirs)
    kappas = [
        sklearn.metrics.cohen_kappa_score(true[choice], predicted[choice], weights="quadratic")
        for choice in drawn
    ]
    np.testing.assert_allclose(formulas.quadratic_kappa(Tally(sums)), kappas)


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_of_no_row_no_score_is_defined(metric):
    assert np.isnan(metric.formula(Tally(np.zeros(14))))


def test_ages_that_are_not_known_are_left_out():
    rows = people_rows(4).assign(
        years_true=[10.0, np.nan, 30.0, 40.0], years_pred=[15.0, 20.0, np.nan, 46.0]
    )
    tally = Tally(tally_rows(rows, TASK).sum(axis=0))
    assert (tally.n_years, tally.years_off, tally.within_limit) == (2, 11, 1)


def test_a_vector_of_another_length_is_no_tally():
    with pytest.raises(ValueError, match=r"3 \* classes \+ 5 numbers"):
        Tally(np.zeros(10))


def test_a_code_without_rows_has_zeros():
    total = add_up(np.ones((3, 2)), np.array([0, 2, 2]), 4)
    assert total.tolist() == [[1, 1], [0, 0], [2, 2], [0, 0]]


def test_the_metrics_of_a_task():
    assert [m.name for m in metrics_of(Task("age", None))] == ["mae", "cs5"]
    assert "kappa" not in [m.name for m in metrics_of(Task("gender", ("f", "m")))]


def test_a_panel_lays_models_beside_one_another_whatever_the_order_of_rows():
    both = pd.concat([people_rows(model="a"), people_rows(model="b", seed=5)])
    panel = make_panel(both, TASK)
    assert (panel.models, panel.n_subjects, panel.sums.shape) == (("a", "b"), 10, (40, 2, 14))
    shuffled = pd.concat([part.sample(frac=1, random_state=3) for _, part in both.groupby("model")])
    again = make_panel(shuffled, TASK)
    for name in ("image_ids", "folds", "subjects", "sums", "by_subject", "by_fold"):
        np.testing.assert_array_equal(getattr(again, name), getattr(panel, name))
    np.testing.assert_allclose(panel.by_subject.sum(axis=0), panel.by_fold.sum(axis=0))


def test_a_fold_learns_from_the_others_of_its_repeat():
    rows = people_rows(6).assign(fold=[4, 0, 4, 1, 2, 2], repeat=[0, 0, 0, 1, 1, 1])
    found = [(np.flatnonzero(a).tolist(), np.flatnonzero(b).tolist()) for a, b in other_folds(rows)]
    assert found == [([1], [0, 2]), ([0, 2], [1]), ([3], [4, 5]), ([4, 5], [3])]


def test_who_is_in_a_photo_is_known_from_any_model():
    ours, theirs = people_rows(model="a"), people_rows(model="b").drop(columns="subject_id")
    panel = make_panel(pd.concat([theirs, ours]), TASK)
    assert (panel.models, panel.n_subjects) == (("b", "a"), 10)
    assert make_panel(theirs, TASK).n_subjects == 40
    nobody = ours.assign(subject_id="")
    assert make_panel(nobody, TASK).n_subjects == 40


def test_rows_that_are_not_there_are_refused():
    with pytest.raises(ValueError, match="no row of task 'age-group' and model 'x'"):
        rows_of(people_rows(), TASK, "x")
    with pytest.raises(ValueError, match="is a regression"):
        rows_of(people_rows(), Task("age", None), "m")
