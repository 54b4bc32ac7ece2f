"""What a model file may hold: an explicit list, and the checks that compiled code leaves out.

A type on the list can still carry numbers that were made to harm: scikit-learn's trees and
libsvm follow the indices of their arrays without looking, so a crafted file could read
memory that is not its own. Those arrays are checked here before a model is used.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.svm import SVC, SVR
from sklearn.tree import BaseDecisionTree

TRUSTED_TYPES = frozenset(
    {
        "builtins.dict",
        "builtins.list",
        "builtins.str",
        "builtins.tuple",
        "numpy.bool",
        "numpy.float32",
        "numpy.float64",
        "numpy.int32",
        "numpy.int64",
        "numpy.ndarray",
        "numpy.random.mtrand.RandomState",
        "sklearn.compose._target.TransformedTargetRegressor",
        "sklearn.decomposition._pca.PCA",
        "sklearn.dummy.DummyClassifier",
        "sklearn.dummy.DummyRegressor",
        "sklearn.ensemble._forest.RandomForestClassifier",
        "sklearn.ensemble._forest.RandomForestRegressor",
        "sklearn.ensemble._stacking.StackingClassifier",
        "sklearn.linear_model._logistic.LogisticRegression",
        "sklearn.neural_network._multilayer_perceptron.MLPClassifier",
        "sklearn.neural_network._multilayer_perceptron.MLPRegressor",
        "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
        "sklearn.pipeline.Pipeline",
        "sklearn.preprocessing._data.Normalizer",
        "sklearn.preprocessing._data.StandardScaler",
        "sklearn.preprocessing._function_transformer.FunctionTransformer",
        "sklearn.preprocessing._label.LabelBinarizer",
        "sklearn.preprocessing._label.LabelEncoder",
        "sklearn.svm._classes.SVC",
        "sklearn.svm._classes.SVR",
        "sklearn.tree._classes.DecisionTreeClassifier",
        "sklearn.tree._classes.DecisionTreeRegressor",
        "sklearn.tree._tree.Tree",
        "sklearn.utils._bunch.Bunch",
    }
)

# What years are learnt as, and back; no other function is built.
TRUSTED_FUNCTIONS = frozenset({"numpy.sqrt", "numpy.square"})

# The ways skops may build an object; methods and operators are not among them.
TRUSTED_LOADERS = frozenset(
    {
        "DictNode",
        "FunctionNode",
        "JsonNode",
        "ListNode",
        "NdArrayNode",
        "ObjectNode",
        "RandomStateNode",
        "TreeNode",
        "TupleNode",
        "TypeNode",
    }
)


def untrusted_names(schema: Any) -> list[str]:
    """List what a skops schema names and the lists of this module do not.

    Parameters
    ----------
    schema : dict
        The parsed ``schema.json`` of a skops file.

    Returns
    -------
    list of str
        Sorted; empty if the file may be loaded.
    """
    names = set()
    for node in _dicts(schema):
        if not {"__class__", "__module__", "__loader__"} & node.keys():
            continue
        kind = f"{node.get('__module__')}.{node.get('__class__')}"
        loader = node.get("__loader__")
        # A JsonNode is a plain JSON value, whatever type it names.
        if loader == "JsonNode":
            continue
        if kind not in (TRUSTED_FUNCTIONS if loader == "FunctionNode" else TRUSTED_TYPES):
            names.add(kind)
        if loader not in TRUSTED_LOADERS:
            names.add(f"{kind} ({loader})")
    return sorted(names)


def check_indices(model: Any) -> None:
    """Check the arrays of a loaded model that compiled code follows blindly.

    Parameters
    ----------
    model : object
        A loaded estimator, or a container of such.

    Raises
    ------
    ValueError
        If a tree's or a support vector machine's arrays do not fit together.
    """
    for part in _parts(model):
        if isinstance(part, BaseDecisionTree):
            _check_tree(part)
        elif isinstance(part, SVC | SVR):
            _check_svm(part)


def _dicts(node: Any) -> Iterator[dict[str, Any]]:
    """Walk every dict of a JSON value; a stack, so depth costs no recursion."""
    stack = [node]
    while stack:
        item = stack.pop()
        if isinstance(item, dict):
            yield item
            stack.extend(item.values())
        elif isinstance(item, list):
            stack.extend(item)


def _parts(model: Any) -> Iterator[BaseEstimator]:
    """Walk every estimator inside a model, each once."""
    stack, seen = [model], set()
    while stack:
        item = stack.pop()
        if id(item) in seen:
            continue
        seen.add(id(item))
        if isinstance(item, dict):
            stack.extend(item.values())
        elif isinstance(item, list | tuple):
            stack.extend(item)
        elif hasattr(item, "__dict__"):
            stack.extend(vars(item).values())
        if isinstance(item, BaseEstimator):
            yield item


def _check_tree(tree: BaseDecisionTree) -> None:
    nodes = getattr(tree, "tree_", None)
    if nodes is None:
        return
    parents = np.arange(nodes.node_count)
    left, right = nodes.children_left, nodes.children_right
    leaf = left == -1
    # Children come after their parent, so that every walk ends.
    sound = np.where(
        leaf,
        right == -1,
        (left > parents)
        & (right > parents)
        & (left < nodes.node_count)
        & (right < nodes.node_count)
        & (nodes.feature >= 0)
        & (nodes.feature < tree.n_features_in_),
    )
    if not sound.all() or not nodes.node_count:
        raise ValueError("a decision tree points outside its own nodes or features")


def _check_svm(machine: SVC | SVR) -> None:
    if not hasattr(machine, "support_vectors_"):
        return
    vectors, width = machine.support_vectors_.shape
    classes = len(machine.classes_) if isinstance(machine, SVC) else 2
    pairs = classes * (classes - 1) // 2
    facts = {
        "columns": width == machine.n_features_in_ == machine.shape_fit_[1],
        "coefficients": machine._dual_coef_.shape == (classes - 1, vectors),
        "intercepts": machine._intercept_.shape == (pairs,),
        "support": machine.support_.shape == (vectors,) and _are_rows(machine),
        "counts": _counts_fit(machine, vectors),
        "probabilities": {machine._probA.shape, machine._probB.shape} <= {(0,), (pairs,)},
    }
    wrong = [name for name, fits in facts.items() if not fits]
    if wrong:
        raise ValueError(f"a support vector machine's {', '.join(wrong)} do not fit its vectors")


def _are_rows(machine: SVC | SVR) -> bool:
    """Tell whether the support is rows of the training: a precomputed kernel is read at them."""
    return bool(((machine.support_ >= 0) & (machine.support_ < machine.shape_fit_[0])).all())


def _counts_fit(machine: SVC | SVR, vectors: int) -> bool:
    counts = machine._n_support
    if isinstance(machine, SVR):  # to libsvm two classes, of which each has all vectors
        return np.array_equal(counts, [vectors, vectors])
    sound = counts.shape == (len(machine.classes_),) and bool((counts >= 0).all())
    return sound and counts.sum() == vectors
