import sys
from types import ModuleType

import numpy as np
import pytest
from sklearn.svm import SVC, SVR

from pipelines import PipelineError, TunedClassifier, TunedRegressor
from pipelines.models import acceleration
from pipelines.models.acceleration import accelerated, check_accelerator


class Threads:
    """What the machines of scikit-learn-intelex have more: a number of threads."""

    def __init__(self, n_jobs=None, **parameters):
        super().__init__(**parameters)
        self.n_jobs = n_jobs

    @classmethod
    def _get_param_names(cls):
        return sorted([*cls.__mro__[2]._get_param_names(), "n_jobs"])


class FastSVR(Threads, SVR):
    """Stands for the one of scikit-learn-intelex."""


class FastSVC(Threads, SVC):
    """Stands for the one of scikit-learn-intelex."""

    made = 0

    def fit(self, X, y):
        type(self).made += 1
        return super().fit(X, y)


@pytest.fixture
def intelex(monkeypatch):
    package, svm = ModuleType("sklearnex"), ModuleType("sklearnex.svm")
    svm.SVC, svm.SVR = FastSVC, FastSVR
    monkeypatch.setitem(sys.modules, "sklearnex", package)
    monkeypatch.setitem(sys.modules, "sklearnex.svm", svm)
    monkeypatch.setattr(acceleration, "find_spec", lambda name: name == "sklearnex")


def test_what_is_missing_is_said_with_the_command_that_helps(monkeypatch):
    monkeypatch.setattr(acceleration, "find_spec", lambda name: None)
    with pytest.raises(PipelineError, match="run 'pip install scikit-learn-intelex'"):
        check_accelerator("intelex")
    with pytest.raises(ValueError, match="Unknown accelerator 'gpu'"):
        check_accelerator("gpu")
    check_accelerator(None)


def test_only_machines_are_replaced_with_their_parameters_and_one_thread(intelex):
    fast = TunedClassifier("svm", accelerate="intelex")._untuned()[0]
    plain = TunedClassifier("svm")._untuned()[0]
    assert [type(step) for _, step in fast.steps[:-1]] == [type(s) for _, s in plain.steps[:-1]]
    assert type(fast[-1]) is FastSVC
    assert fast[-1].get_params() == plain[-1].get_params() | {"n_jobs": 1}
    fast, plain = (
        TunedRegressor("svm", accelerate=how)._untuned()[0][-1] for how in ("intelex", None)
    )
    assert type(fast.regressor) is FastSVR
    assert fast.regressor.get_params() == plain.regressor.get_params() | {"n_jobs": 1}
    for name in ("random-forest", "mlp", "majority"):
        kinds = [
            type(TunedClassifier(name, accelerate=how)._untuned()[0]) for how in ("intelex", None)
        ]
        assert kinds[0] is kinds[1]
    assert type(accelerated(SVC(C=2.0), "intelex")) is FastSVC


def test_the_fast_machines_are_fitted_where_asked_for_and_nowhere_else(intelex, people):
    FastSVC.made = 0
    plain = TunedClassifier("svm").fit(people.X, people.gender, people.subjects)
    assert FastSVC.made == 0
    fast = TunedClassifier("svm", accelerate="intelex")
    fast.fit(people.X, people.gender, people.subjects)
    assert FastSVC.made == 2 * 3 + 3 + 1  # tuning, calibration, the model
    np.testing.assert_array_equal(fast.predict_proba(people.X), plain.predict_proba(people.X))
    assert type(plain.estimator_.estimators_[0][-1]) is SVC


def test_a_recipe_tells_all_but_the_number_of_processes():
    recipe = TunedClassifier("svm").recipe()
    assert recipe == TunedClassifier("svm", n_jobs=4).recipe()
    others = (
        TunedClassifier("mlp"),
        TunedClassifier("svm", random_state=1),
        TunedClassifier("svm", tune_rows=None),
        TunedClassifier("svm", inner_folds=4),
        TunedRegressor("svm"),
    )
    for other in others:
        assert other.recipe() != recipe


def test_the_real_one_agrees_with_scikit_learn(people):
    pytest.importorskip("sklearnex")
    models = [
        TunedClassifier("svm", accelerate=how).fit(people.X, people.age_group, people.subjects)
        for how in (None, "intelex")
    ]
    plain, fast = (model.predict_proba(people.X) for model in models)
    assert models[0].best_params_ == models[1].best_params_
    np.testing.assert_allclose(fast, plain, atol=0.02)
