import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, SVR

from pipelines.models.trusted import (
    TRUSTED_FUNCTIONS,
    TRUSTED_TYPES,
    check_indices,
    untrusted_names,
)

X = np.random.default_rng(0).normal(size=(60, 4))
Y = np.arange(60) % 3


def node(kind, loader="ObjectNode"):
    module, _, name = kind.rpartition(".")
    return {"__class__": name, "__module__": module, "__loader__": loader}


@pytest.mark.parametrize("kind", sorted(TRUSTED_TYPES))
def test_listed_types_pass(kind):
    assert untrusted_names({"content": [node(kind)]}) == []


@pytest.mark.parametrize(
    "kind", ["builtins.eval", "os.system", "sklearn.preprocessing.FunctionTransformer"]
)
def test_other_types_are_found_at_any_depth(kind):
    assert untrusted_names({"a": [[{"b": [node("builtins.dict"), node(kind)]}]]}) == [kind]


@pytest.mark.parametrize("kind", sorted(TRUSTED_FUNCTIONS))
def test_listed_functions_pass_as_functions_only(kind):
    assert untrusted_names(node(kind, "FunctionNode")) == []
    assert untrusted_names(node(kind)) == [kind]


@pytest.mark.parametrize("kind", ["numpy.save", "sklearn.svm._classes.SVC", "os.system"])
def test_other_functions_are_found(kind):
    assert untrusted_names(node(kind, "FunctionNode")) == [kind]


def test_a_node_that_names_no_type_is_found():
    assert untrusted_names([{"__loader__": "ObjectNode"}]) == ["None.None"]


def tampered_tree(field, value):
    forest = RandomForestClassifier(2, random_state=0).fit(X, Y)
    tree = forest.estimators_[1].tree_
    state = tree.__getstate__()
    nodes = state["nodes"].copy()
    nodes[field][0] = value
    tree.__setstate__({**state, "nodes": nodes})
    return forest


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("left_child", 10**6),
        ("right_child", 10**6),
        ("left_child", 0),
        ("right_child", -5),
        ("feature", 4),
        ("feature", -7),
    ],
)
def test_a_tree_that_points_outside_is_refused(field, value):
    with pytest.raises(ValueError, match="decision tree points outside"):
        check_indices({"m": make_pipeline(StandardScaler(), tampered_tree(field, value))})


def cut(model, name, rows):
    setattr(model, name, getattr(model, name)[..., :rows])
    return model


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("support_vectors_", "columns"),
        ("_dual_coef_", "coefficients"),
        ("_intercept_", "intercepts"),
        ("support_", "support"),
        ("_n_support", "counts"),
    ],
)
def test_a_machine_whose_arrays_do_not_fit_is_refused(name, word):
    with pytest.raises(ValueError, match=word):
        check_indices([cut(SVC().fit(X, Y), name, 1)])


@pytest.mark.parametrize(
    "counts", [[60] + [0] * 19_999, [60, 0], [59, 59], [60], [], [[60, 60]], [-60, 60]]
)
def test_a_regression_machine_of_other_classes_than_two_is_refused(counts):
    """libsvm reads as many intercepts as there are pairs of counts."""
    machine = SVR(epsilon=0).fit(X, X[:, 0])
    np.testing.assert_array_equal(machine._n_support, [60, 60])
    machine._n_support = np.array(counts, np.int32)
    with pytest.raises(ValueError, match="counts"):
        check_indices([machine])


@pytest.mark.parametrize("row", [-1, 60, 2 * 10**9])
def test_a_support_outside_the_training_is_refused(row):
    """A file may call the kernel precomputed: then libsvm reads a row at the support."""
    machine = SVR().fit(X, X[:, 0])
    machine.support_[-1] = row
    with pytest.raises(ValueError, match="support"):
        check_indices([machine])


@pytest.mark.parametrize("name", ["_probA", "_probB"])
def test_probabilities_of_other_pairs_are_refused(name):
    machine = SVC().fit(X, Y)
    setattr(machine, name, np.zeros(2))
    with pytest.raises(ValueError, match="probabilities"):
        check_indices([machine])


def test_sound_models_pass():
    models = [SVC().fit(X, Y), SVC().fit(X, Y > 0), SVR().fit(X, X[:, 0]), SVC()]
    check_indices([*models, RandomForestClassifier(3).fit(X, Y), RandomForestClassifier()])
