from dataclasses import replace

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.dummy import DummyRegressor
from sklearn.ensemble import StackingClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, SVR
from sklearn.utils.estimator_checks import parametrize_with_checks

from pipelines import MODELS, ModelFamily, TunedClassifier, TunedRegressor, inner_splits
from pipelines.folds.splits import sample_rows
from pipelines.folds.subjects import subject_codes


def _small_classifier(random_state):
    return make_pipeline(StandardScaler(), SVC(random_state=random_state))


def _small_regressor(random_state):
    return make_pipeline(StandardScaler(), SVR(C=10.0))


SMALL = ModelFamily(
    "small",
    _small_classifier,
    _small_regressor,
    {"svc__C": (1.0, 1e-4)},
    {"svr__C": (10.0, 1e-4)},
    calibrate=True,
)


@parametrize_with_checks([TunedClassifier(SMALL), TunedRegressor(SMALL)])
def test_scikit_learn_s_own_checks(estimator, check):
    check(estimator)


@pytest.mark.parametrize("kind", [TunedClassifier, TunedRegressor])
def test_of_more_rows_than_a_family_takes_a_sample_is_learnt(kind, people):
    """The same model as of these rows alone, with every class in them."""
    few = replace(SMALL, max_rows=60)
    classification = kind is TunedClassifier
    y = people.age_group if classification else people.age
    model = kind(few).fit(people.X, y, people.subjects)
    rng = np.random.RandomState(0)
    codes = subject_codes(people.subjects, len(y))
    rows = sample_rows(y, codes, 60, rng, classification=classification)
    assert model.n_rows_ == rows.sum() == 60
    alone = kind(SMALL).fit(people.X[rows], y[rows], people.subjects[rows])
    assert alone.n_rows_ == 60
    np.testing.assert_array_equal(model.predict(people.X), alone.predict(people.X))
    assert kind(SMALL).fit(people.X, y).n_rows_ == len(y)
    assert kind(replace(SMALL, max_rows=len(y))).fit(people.X, y).n_rows_ == len(y)


def test_a_rare_class_can_be_learnt_from_a_sample():
    """Eight people of 1,000: their share of 200 rows would be two, or one after thinning."""
    rng = np.random.default_rng(0)
    y = np.array(["c"] * 8 + ["a", "b"] * 496)
    model = TunedClassifier(replace(SMALL, max_rows=200), tune_rows=100)
    model.fit(rng.normal(size=(1000, 3)), y, [f"s{row}" for row in range(1000)])
    assert model.classes_.tolist() == ["a", "b", "c"]
    assert model.n_rows_ == 100 + 100 + 8


class Lookup(ClassifierMixin, BaseEstimator):
    """Remembers the subject, which is the first feature: right only where people leak."""

    def __init__(self, depth=1):
        self.depth = depth

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        self.seen_ = dict(zip(X[:, 0], y, strict=True))
        return self

    def predict(self, X):
        return np.array([self.seen_.get(key, "nobody") for key in X[:, 0]])


LOOKUP = ModelFamily(
    "lookup", lambda seed: Lookup(), lambda seed: DummyRegressor(), {"depth": (1, 2)}
)


def test_tuning_never_sees_a_person_on_both_sides():
    subjects = np.repeat(np.arange(20), 3)
    y = np.array(["a", "b"])[subjects % 2]
    X = subjects[:, None].astype(float)
    assert TunedClassifier(LOOKUP).fit(X, y, subjects).best_score_ == 0
    assert TunedClassifier(LOOKUP).fit(X, y).best_score_ == 1


def test_the_better_candidate_wins(people):
    model = TunedClassifier(SMALL).fit(people.X, people.gender, people.subjects)
    assert model.best_params_ == {"svc__C": 1.0}
    assert model.tuning_["rank"].tolist() == [1, 2]
    assert model.best_score_ == model.tuning_["mean_score"].max()
    years = TunedRegressor(SMALL).fit(people.X, people.age, people.subjects)
    assert years.best_params_ == {"svr__C": 10.0}
    assert -20 < years.best_score_ < 0


def test_the_first_of_equal_candidates_wins(people):
    model = TunedClassifier(LOOKUP).fit(people.X, people.gender)
    assert model.best_params_ == {"depth": 1}


def test_one_candidate_needs_no_search(people):
    model = TunedRegressor("majority").fit(people.X, people.age)
    assert model.best_params_ == {}
    assert np.isnan(model.best_score_)
    assert len(model.tuning_) == 1


@pytest.mark.parametrize("name", list(MODELS))
def test_predict_is_the_most_probable_class(name, small_families, people):
    model = TunedClassifier(small_families[name])
    model.fit(people.X, people.age_group, people.subjects)
    probabilities = model.predict_proba(people.X)
    assert np.array_equal(model.predict(people.X), model.classes_[probabilities.argmax(axis=1)])
    assert probabilities.sum(axis=1) == pytest.approx(1)


def test_the_calibrated_model_is_plain_scikit_learn_without_row_numbers(people):
    model = TunedClassifier(SMALL).fit(people.X, people.gender, people.subjects)
    assert type(model.estimator_) is StackingClassifier
    assert model.estimator_.cv is None
    assert len(model.estimator_.estimators_) == 1  # one machine, fitted on all rows


def test_calibration_folds_keep_people_apart(people, monkeypatch):
    given_splits = []
    original = StackingClassifier.fit

    def spy(self, X, y, **arguments):
        given_splits.extend(self.cv)
        return original(self, X, y, **arguments)

    monkeypatch.setattr(StackingClassifier, "fit", spy)
    TunedClassifier(SMALL).fit(people.X, people.gender, people.subjects)
    assert len(given_splits) == 3
    for train, test in given_splits:
        assert not set(people.subjects[train]) & set(people.subjects[test])


def test_probabilities_are_calibrated():
    # Two overlapping normal distributions: the true probability is known.
    rng = np.random.default_rng(0)
    y = np.array(["a", "b"] * 600)
    X = rng.normal(size=(1200, 1)) + (y == "b")[:, None]
    model = TunedClassifier(SMALL).fit(X, y)
    truth = 1 / (1 + np.exp(0.5 - X[:, 0]))
    assert np.abs(model.predict_proba(X)[:, 1] - truth).mean() < 0.1


@pytest.mark.parametrize("kind", [TunedClassifier, TunedRegressor])
@pytest.mark.parametrize("name", ["svm", "random-forest", "mlp"])
def test_a_seed_gives_the_same_predictions_for_any_n_jobs(kind, name, small_families, people):
    y = people.age_group if kind is TunedClassifier else people.age
    one, two = (
        kind(small_families[name], n_jobs=n_jobs).fit(people.X, y, people.subjects)
        for n_jobs in (1, 2)
    )
    assert np.array_equal(one.predict(people.X), two.predict(people.X))


def test_tuning_in_two_processes_scores_the_same(people):
    one, two = (
        TunedClassifier(SMALL, n_jobs=n_jobs).fit(people.X, people.age_group, people.subjects)
        for n_jobs in (1, 2)
    )
    assert one.tuning_.equals(two.tuning_)


def test_tune_rows_bounds_the_rows_of_a_candidate(people):
    seen = []

    class Spy(Lookup):
        def fit(self, X, y):
            seen.append(len(X))
            return super().fit(X, y)

    family = ModelFamily("spy", lambda seed: Spy(), DummyRegressor, {"depth": (1, 2)})
    TunedClassifier(family, tune_rows=60).fit(people.X, people.gender)
    assert seen[-1] == len(people.X)
    assert max(seen[:-1]) < 60


def test_float32_features_and_missing_subjects_work(people):
    groups = np.where(np.arange(180) < 90, people.subjects.astype(object), None)
    model = clone(TunedClassifier("svm", tune_rows=100)).fit(people.X, people.age_group, groups)
    assert model.n_features_in_ == 8
    assert model.score(people.X, people.age_group) > 0.9


@pytest.mark.parametrize(
    ("estimator", "y", "message"),
    [
        (TunedClassifier("svm"), np.array(["a"] * 6), "Got 1 class"),
        (TunedClassifier("svm"), np.array(["a"] * 5 + ["b"]), "class 'b' has only one subject"),
        (TunedClassifier("knn"), np.array(["a", "b"] * 3), "Unknown model 'knn'"),
        (TunedRegressor("svm", inner_folds=1), np.arange(6.0), "2 or more. Got 1"),
        (TunedRegressor("svm"), np.array([5.0, 9, -1, 7, 2, 3]), "Got -1 at row 2 of y"),
    ],
)
def test_what_can_not_be_fitted_is_refused(estimator, y, message):
    with pytest.raises(ValueError, match=message):
        estimator.fit(np.arange(12.0).reshape(6, 2), y)


def test_inner_folds_bounds_the_splits():
    y = np.array(["a", "b"] * 9)
    assert len(inner_splits(y, n_folds=3)) == 3
