import warnings

import numpy as np
import pytest
import sklearn.metrics
from hypothesis import given
from hypothesis import strategies as st

from pipelines import metrics

CLASSES = ["0-2", "4-6", "8-13", "15-20"]
ANSWERS = st.lists(
    st.tuples(st.sampled_from(CLASSES), st.sampled_from(CLASSES)), min_size=1, max_size=40
)
YEARS = st.lists(st.tuples(st.floats(0, 116), st.floats(-10, 130)), min_size=1, max_size=40)


@given(ANSWERS)
def test_classification_metrics_agree_with_scikit_learn(answers):
    true, predicted = (list(column) for column in zip(*answers, strict=True))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = [
            sklearn.metrics.accuracy_score(true, predicted),
            sklearn.metrics.balanced_accuracy_score(true, predicted),
            sklearn.metrics.f1_score(true, predicted, average="macro"),
        ]
    got = [f(true, predicted) for f in (metrics.accuracy, metrics.balanced_accuracy)]
    assert [*got, metrics.macro_f1(true, predicted)] == pytest.approx(expected)


@given(ANSWERS)
def test_one_off_is_accuracy_with_neighbours_allowed(answers):
    true, predicted = zip(*answers, strict=True)
    near = [abs(CLASSES.index(t) - CLASSES.index(p)) < 2 for t, p in answers]
    assert metrics.one_off(true, predicted, CLASSES) == pytest.approx(sum(near) / len(near))
    assert metrics.one_off(true, predicted, CLASSES) >= metrics.accuracy(true, predicted)


@given(ANSWERS)
def test_kappa_and_recall_agree_with_scikit_learn(answers):
    true, predicted = (list(column) for column in zip(*answers, strict=True))
    got = metrics.class_recall(true, predicted, CLASSES)
    matrix = sklearn.metrics.confusion_matrix(true, predicted, labels=CLASSES)
    expected = [row[at] / row.sum() if row.sum() else np.nan for at, row in enumerate(matrix)]
    assert got.tolist() == pytest.approx(expected, nan_ok=True)
    kappa = metrics.quadratic_kappa(true, predicted, CLASSES)
    if len(set(true) | set(predicted)) == 1:
        assert np.isnan(kappa)
    else:
        expected = sklearn.metrics.cohen_kappa_score(
            true, predicted, labels=CLASSES, weights="quadratic"
        )
        assert kappa == pytest.approx(expected)


def test_kappa_of_chance_and_of_agreement():
    assert metrics.quadratic_kappa(["a", "a", "b", "b"], ["a", "b", "a", "b"], ["a", "b"]) == 0
    assert metrics.quadratic_kappa(["a", "b"], ["a", "b"], ["a", "b"]) == 1
    # A constant answer knows nothing.
    assert metrics.quadratic_kappa(["a", "b", "c"], ["b", "b", "b"], ["a", "b", "c"]) == 0


@given(YEARS)
def test_mae_agrees_with_scikit_learn(answers):
    true, predicted = (list(column) for column in zip(*answers, strict=True))
    expected = sklearn.metrics.mean_absolute_error(true, predicted)
    assert metrics.mae(true, predicted) == pytest.approx(expected)


@given(YEARS, st.floats(0, 20), st.floats(0, 20))
def test_cumulative_score_grows_with_its_limit(answers, first, second):
    true, predicted = zip(*answers, strict=True)
    low, high = sorted([first, second])
    scores = [metrics.cumulative_score(true, predicted, limit) for limit in (low, high, 1000)]
    assert scores == sorted(scores)
    assert scores[-1] == 1


def test_the_limit_of_the_cumulative_score_counts():
    assert metrics.cumulative_score([20, 20, 20], [25, 25.01, 15]) == pytest.approx(2 / 3)


def test_order_of_the_classes_decides_who_are_neighbours():
    assert metrics.one_off(["a"], ["c"], ["a", "b", "c"]) == 0
    assert metrics.one_off(["a"], ["c"], ["a", "c", "b"]) == 1


def test_classes_out_of_the_order_are_refused():
    with pytest.raises(ValueError, match=r"Unknown classes \['z'\]"):
        metrics.one_off(["a"], ["z"], ["a", "b"])


@pytest.mark.parametrize("pair", [([], []), (["a"], ["a", "b"]), ([["a"]], [["a"]])])
def test_arrays_that_do_not_fit_are_refused(pair):
    with pytest.raises(ValueError, match="two 1-d arrays of one length"):
        metrics.accuracy(*map(np.array, pair))
