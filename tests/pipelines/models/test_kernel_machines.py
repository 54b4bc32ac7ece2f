import numpy as np
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, SVR

from pipelines import TunedClassifier, TunedRegressor
from pipelines.models.kernel_machines import BLOCK_ROWS, in_blocks


@pytest.fixture
def rows():
    """Overlapping classes, so that there are many support vectors; and rows to ask about."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 5, 300)
    X = rng.normal(size=(300, 12)) + 0.8 * np.eye(12)[y]
    return X, y, rng.normal(size=(BLOCK_ROWS + 7, 12))


@pytest.mark.parametrize("n_classes", [2, 3, 5])
def test_probabilities_are_scikit_learns(rows, n_classes):
    X, y, new = rows
    known = y < n_classes
    fitted = TunedClassifier("svm", inner_folds=2).fit(X[known], y[known]).estimator_
    fast = in_blocks(fitted)
    assert fast is not fitted
    np.testing.assert_allclose(fast.predict_proba(new), fitted.predict_proba(new), atol=1e-12)
    np.testing.assert_array_equal(fast.predict(new), fitted.predict(new))
    np.testing.assert_allclose(fast.predict_proba(new[:1])[0], fast.predict_proba(new)[0])


@pytest.mark.parametrize("n_classes", [2, 4])
def test_decision_values_and_classes_of_a_bare_machine_are_scikit_learns(rows, n_classes):
    X, y, new = rows
    known = y < n_classes
    fitted = make_pipeline(StandardScaler(), SVC(decision_function_shape="ovo"))
    fitted.fit(X[known], y[known])
    fast = in_blocks(fitted)
    found, expected = fast.decision_function(new), fitted.decision_function(new)
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, atol=1e-11)
    np.testing.assert_array_equal(fast.predict(new), fitted.predict(new))


def test_years_are_scikit_learns(rows):
    X, y, new = rows
    fitted = TunedRegressor("svm", inner_folds=2).fit(X, 10.0 * y).estimator_
    fast = in_blocks(fitted)
    assert fast is not fitted
    np.testing.assert_allclose(fast.predict(new), fitted.predict(new), atol=1e-10)


@pytest.mark.parametrize(
    "machine", [SVC(kernel="linear"), SVC(decision_function_shape="ovr"), SVR(kernel="poly")]
)
def test_other_machines_stay_as_they_are(rows, machine):
    X, y, _ = rows
    fitted = make_pipeline(StandardScaler(), machine).fit(X, y)
    assert in_blocks(fitted) is fitted


def test_the_fitted_estimator_is_left_alone(rows):
    X, y, _ = rows
    fitted = TunedClassifier("svm", inner_folds=2).fit(X, y).estimator_
    in_blocks(fitted)
    assert isinstance(fitted.estimators_[0][-1], SVC)
    forest = TunedClassifier("random-forest", inner_folds=2).fit(X, y).estimator_
    assert in_blocks(forest) is forest
