import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import ParameterGrid
from sklearn.svm import SVR

from pipelines import MODELS, ModelFamily, get_family
from pipelines.models.families import sets_nobody_aside


@pytest.mark.parametrize("name", list(MODELS))
@pytest.mark.parametrize("kind", ["classifier", "regressor"])
def test_every_candidate_of_a_family_can_be_set_and_cloned(name, kind):
    family = MODELS[name]
    model = getattr(family, kind)(0)
    for candidate in ParameterGrid(getattr(family, f"{kind}_space")):
        changed = clone(model).set_params(**candidate)
        assert candidate.items() <= changed.get_params().items()


def test_only_the_majority_sets_nobody_aside():
    assert [name for name in (*MODELS, "finetuned") if sets_nobody_aside(name)] == ["majority"]


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
@pytest.mark.parametrize("name", ["svm", "random-forest", "mlp"])
def test_a_family_learns_what_can_be_learnt(name, small_families, people):
    train, test = np.arange(90), np.arange(90, 180)
    classifier = small_families[name].classifier(0)
    classifier.fit(people.X[train], people.age_group[train])
    assert np.mean(classifier.predict(people.X[test]) == people.age_group[test]) > 0.8
    regressor = small_families[name].regressor(0).fit(people.X[train], people.age[train])
    baseline = np.abs(people.age[test] - np.median(people.age[train])).mean()
    assert np.abs(regressor.predict(people.X[test]) - people.age[test]).mean() < baseline * 0.75


def test_the_machine_errs_less_on_the_young_than_one_that_learns_plain_years():
    rng = np.random.default_rng(3)
    years = rng.uniform(0, 90, 600)
    X = np.column_stack([np.sqrt(years), rng.normal(size=(600, 5))]) + 0.3 * rng.normal(
        size=(600, 6)
    )
    learnt, asked = np.arange(400), np.arange(400, 600)
    machine = MODELS["svm"].regressor(0).fit(X[learnt], years[learnt])
    plain = clone(machine).set_params(svr=SVR(C=15.0, epsilon=1.0))
    plain.fit(X[learnt], years[learnt])
    young = asked[years[asked] < 10]
    errors = [np.abs(one.predict(X[young]) - years[young]).mean() for one in (machine, plain)]
    assert errors[0] < errors[1]
    assert machine.predict(10 * rng.normal(size=(200, 6))).min() >= 0


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
@pytest.mark.parametrize("name", ["random-forest", "mlp"])
def test_the_seed_decides(name, small_families, people):
    first, again, other = (
        small_families[name].regressor(seed).fit(people.X, people.age).predict(people.X)
        for seed in (1, 1, 2)
    )
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_the_majority_answers_with_what_is_most_common(people):
    y = np.array(["a"] * 100 + ["b"] * 80)
    model = MODELS["majority"].classifier(0).fit(people.X, y)
    assert set(model.predict(people.X)) == {"a"}
    assert model.predict_proba(people.X[:1])[0] == pytest.approx([100 / 180, 80 / 180])
    years = MODELS["majority"].regressor(0).fit(people.X[:3], [1.0, 2.0, 60.0])
    assert years.predict(people.X[:1]).tolist() == [2.0]


def test_an_unknown_model_is_named_with_the_known_ones():
    with pytest.raises(ValueError, match=r"'knn'.*svm, random-forest, mlp, majority"):
        get_family("knn")


def test_a_family_of_ones_own_passes_through():
    own = ModelFamily("own", MODELS["svm"].classifier, MODELS["svm"].regressor)
    assert get_family(own) is own
