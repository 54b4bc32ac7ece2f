"""Fitted support vector machines that answer many rows at once.

libsvm computes the kernel of every row with every support vector on its own. For the radial basis
kernel all distances of a block of rows come from one matrix product, and all of a classifier's
pairs of classes from a second one: the same sums in another order.
"""

from __future__ import annotations

from copy import copy
from typing import Any

import numpy as np
from sklearn.ensemble import StackingClassifier
from sklearn.pipeline import Pipeline
from sklearn.svm import SVC, SVR

# Rows whose kernel is in memory at a time.
BLOCK_ROWS = 256


class KernelMachine:
    """A fitted pipeline that ends in an SVC or an SVR, answering by matrix products.

    Parameters
    ----------
    pipeline : Pipeline
        Its last step, or the regressor of a last step that transforms its targets, has the radial
        basis kernel on dense rows; as a classifier of more than two classes also
        ``decision_function_shape="ovo"``.
    """

    def __init__(self, pipeline: Pipeline) -> None:
        self.pipeline = pipeline
        self.n_features_in_ = pipeline.n_features_in_
        self.machine: SVC | SVR = _machine(pipeline[-1])
        self._vectors = np.ascontiguousarray(self.machine.support_vectors_.T)
        self._lengths = np.square(self.machine.support_vectors_).sum(1)
        self._weights = _weights(self.machine).T

    def decision_function(self, X: np.ndarray) -> np.ndarray:
        """Return the machine's values: of a classifier the pipeline's `decision_function`."""
        return self._values(self.pipeline[:-1].transform(X))

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Return what the pipeline's `predict` returns; libsvm's vote decides on a class."""
        if isinstance(self.machine, SVC):
            return self.pipeline.predict(X)
        values, last = self.decision_function(X), self.pipeline[-1]
        if last is self.machine:
            return values
        return last.transformer_.inverse_transform(values[:, None])[:, 0]

    def _values(self, X: np.ndarray) -> np.ndarray:
        X = np.asarray(X, np.float64)
        starts = range(0, len(X), BLOCK_ROWS)
        blocks = [self._kernel(X[start : start + BLOCK_ROWS]) @ self._weights for start in starts]
        values = np.concatenate([np.empty((0, self._weights.shape[1])), *blocks])
        values += self.machine.intercept_
        return values.ravel() if values.shape[1] == 1 else values

    def _kernel(self, X: np.ndarray) -> np.ndarray:
        distances = X @ self._vectors
        distances *= -2
        distances += np.square(X).sum(1)[:, None]
        distances += self._lengths
        np.maximum(distances, 0, out=distances)
        distances *= -self.machine._gamma
        return np.exp(distances, out=distances)


def in_blocks(estimator: Any) -> Any:
    """Let the support vector machine in a fitted estimator answer by matrix products.

    Parameters
    ----------
    estimator : estimator
        Fitted; it stays as it is.

    Returns
    -------
    estimator
        With the same answers within rounding. What has no such machine is returned itself.
    """
    if isinstance(estimator, StackingClassifier):
        changed = copy(estimator)
        changed.estimators_ = [in_blocks(part) for part in estimator.estimators_]
        return changed
    if not isinstance(estimator, Pipeline) or not _is_suited(_machine(estimator[-1])):
        return estimator
    return KernelMachine(estimator)


def _machine(last: Any) -> Any:
    return getattr(last, "regressor_", last)


def _is_suited(machine: Any) -> bool:
    if not isinstance(machine, SVC | SVR) or machine.kernel != "rbf" or machine._sparse:
        return False
    two = len(machine.intercept_) == 1  # classes, or an SVR
    return two or machine.decision_function_shape == "ovo"


def _weights(machine: SVC | SVR) -> np.ndarray:
    """Return the weight of every support vector in every pair of classes, ``(pairs, vectors)``.

    libsvm keeps ``(classes - 1, vectors)``: for a vector of class i, row j - 1 is its weight
    against a class j that comes later, and row j that against a class j that came before.
    """
    weights = machine.dual_coef_
    if isinstance(machine, SVR) or len(machine.classes_) == 2:
        return weights
    ends = np.cumsum(machine.n_support_)
    spans = [slice(end - n, end) for end, n in zip(ends, machine.n_support_, strict=True)]
    by_pair = []
    for i, earlier in enumerate(spans):
        for j in range(i + 1, len(spans)):
            row = np.zeros(weights.shape[1])
            row[earlier] = weights[j - 1, earlier]
            row[spans[j]] = weights[i, spans[j]]
            by_pair.append(row)
    return np.array(by_pair)
