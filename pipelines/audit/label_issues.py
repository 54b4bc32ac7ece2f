"""Labels that look wrong: confident learning on out-of-fold probabilities.

Northcutt, Jiang and Chuang, "Confident learning: estimating uncertainty in dataset labels"
(Journal of Artificial Intelligence Research 70, 2021). A class's threshold is the mean probability
that the rows of that label have for it: what a confident row looks like. A row that is confident
in another class than its own, and more probable there, is an issue. Thresholds by class make the
rule robust to a model that is too sure, or unsure, of one class.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from pipelines.folds.splits import inner_splits

# Logistic regression minimises the log loss, so its probabilities need no calibration of their
# own; this much regularisation for numbers of unit variance.
REGULARISATION_C = 0.1
MAX_ITERATIONS = 200


def out_of_fold_probabilities(
    X: np.ndarray,
    y: np.ndarray,
    groups: Sequence[Any] | None = None,
    *,
    n_folds: int = 5,
    random_state: int | None = 0,
) -> tuple[np.ndarray, np.ndarray]:
    """Let a logistic regression judge every row that it was not fitted on.

    Parameters
    ----------
    X : ndarray of shape (n, n_features)
    y : ndarray of shape (n,)
        Classes.
    groups : sequence of length n, or None
        Subject of each row: a copy of a row with a wrong label must not vouch for it.
    n_folds : int, default=5
        The most folds; fewer where a class has fewer subjects.
    random_state : int or None, default=0
        Seed of the folds.

    Returns
    -------
    probabilities : ndarray of shape (n, n_classes), float64
    classes : ndarray of shape (n_classes,)
        Sorted; what the columns stand for.

    Raises
    ------
    ValueError
        If there is one class only, or a class has one subject only.
    """
    y = np.asarray(y)
    classes = np.unique(y)
    if len(classes) < 2:
        raise ValueError(f"Labels can be checked only among two classes or more. Got {classes}.")
    probabilities = np.empty((len(y), len(classes)))
    for train, test in inner_splits(y, groups, n_folds=n_folds, random_state=random_state):
        model = make_pipeline(
            StandardScaler(), LogisticRegression(C=REGULARISATION_C, max_iter=MAX_ITERATIONS)
        )
        probabilities[test] = model.fit(X[train], y[train]).predict_proba(X[test])
    return probabilities, classes


def label_issues(y: np.ndarray, probabilities: np.ndarray, classes: np.ndarray) -> pd.DataFrame:
    """Return the rows whose label the probabilities contradict, least believed first.

    Parameters
    ----------
    y : ndarray of shape (n,)
        The labels as given.
    probabilities : ndarray of shape (n, n_classes)
        Out of fold.
    classes : ndarray of shape (n_classes,)
        What the columns stand for; every one must be a label of some row.

    Returns
    -------
    DataFrame
        ``row`` (int), ``given``, ``suggested`` (classes), ``p_given``, ``p_suggested`` (float).

    Raises
    ------
    ValueError
        If a label is no class, or a class is no row's label.

    Examples
    --------
    >>> y = np.array(["cat", "cat", "dog", "dog"])
    >>> p = np.array([[0.9, 0.1], [0.05, 0.95], [0.2, 0.8], [0.1, 0.9]])
    >>> label_issues(y, p, np.array(["cat", "dog"]))[["row", "given", "suggested"]].values.tolist()
    [[1, 'cat', 'dog']]
    """
    given = _positions(y, classes)
    p_given = probabilities[np.arange(len(given)), given]
    thresholds = np.bincount(given, p_given) / np.bincount(given)
    confident = np.where(probabilities >= thresholds, probabilities, -1.0)
    suggested = confident.argmax(axis=1)
    issue = (confident.max(axis=1) >= 0) & (probabilities.argmax(axis=1) != given)
    issue &= suggested != given
    rows = np.flatnonzero(issue)
    rows = rows[np.argsort(p_given[rows], kind="stable")]
    return pd.DataFrame(
        {
            "row": rows,
            "given": classes[given[rows]],
            "suggested": classes[suggested[rows]],
            "p_given": p_given[rows],
            "p_suggested": probabilities[rows, suggested[rows]],
        }
    )


def _positions(y: np.ndarray, classes: np.ndarray) -> np.ndarray:
    positions = {value: i for i, value in enumerate(np.asarray(classes).tolist())}
    labels = np.asarray(y).tolist()
    unknown = set(labels) - set(positions)
    unused = set(positions) - set(labels)
    if unknown or unused:
        raise ValueError(
            f"Labels and classes must be the same. Without a class: {sorted(unknown, key=str)}; "
            f"without a row: {sorted(unused, key=str)}."
        )
    return np.array([positions[label] for label in labels], dtype=np.int64)
