"""Scoring the candidates of a search: one fit a candidate and split, in parallel."""

import warnings
from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from sklearn.base import BaseEstimator, clone, is_classifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import accuracy_score, mean_absolute_error
from threadpoolctl import threadpool_limits

from pipelines.folds.splits import Split


def fit_alone(model: BaseEstimator, X: np.ndarray, y: np.ndarray) -> BaseEstimator:
    """Fit with one thread of linear algebra, and no warning about a fixed budget.

    Parameters
    ----------
    model : estimator
    X : ndarray of shape (n, n_features)
    y : ndarray of shape (n,)

    Returns
    -------
    estimator
        The fitted `model`.
    """
    # One thread: as many processes run as there are cores, and sums come out the same.
    with threadpool_limits(limits=1), warnings.catch_warnings():
        # A fixed budget of epochs is what the families ask for.
        warnings.filterwarnings("ignore", category=ConvergenceWarning)
        return model.fit(X, y)


def score_candidates(
    model: BaseEstimator,
    candidates: Iterable[dict[str, Any]],
    X: np.ndarray,
    y: np.ndarray,
    splits: list[Split],
    n_jobs: int | None,
) -> np.ndarray:
    """Score parameter settings on splits, in parallel.

    Parameters
    ----------
    model : estimator
        Not fitted; cloned for every fit.
    candidates : iterable of dict
        Parameters to set.
    X : ndarray of shape (n, n_features)
    y : ndarray of shape (n,)
    splits : list of (train, test)
        Row numbers.
    n_jobs : int or None
        As in joblib.

    Returns
    -------
    ndarray of shape (n_candidates, n_splits)
        Accuracy, or the negative mean absolute error: larger is better.
    """
    jobs = (
        delayed(_score)(clone(model).set_params(**candidate), X, y, train, test)
        for candidate in candidates
        for train, test in splits
    )
    return np.array(Parallel(n_jobs=n_jobs)(jobs)).reshape(-1, len(splits))


def _score(
    model: BaseEstimator, X: np.ndarray, y: np.ndarray, train: np.ndarray, test: np.ndarray
) -> float:
    predicted = fit_alone(model, X[train], y[train]).predict(X[test])
    if is_classifier(model):
        return float(accuracy_score(y[test], predicted))
    return -float(mean_absolute_error(y[test], predicted))


def tuning_table(candidates: list[dict[str, Any]], scores: np.ndarray) -> pd.DataFrame:
    """Put candidates and their scores into one table.

    Parameters
    ----------
    candidates : list of dict
    scores : ndarray of shape (n_candidates, n_splits)

    Returns
    -------
    DataFrame
        Parameters, ``mean_score``, ``std_score`` and ``rank`` (1 is best).
    """
    table = pd.DataFrame(candidates)
    table["mean_score"] = scores.mean(axis=1)
    table["std_score"] = scores.std(axis=1)
    table["rank"] = table["mean_score"].rank(ascending=False, method="min")
    return table
