"""The numbers that age and gender papers report."""

from collections.abc import Sequence

import numpy as np

from pipelines.out_of_fold.tallies import Tally, tally_classes
from pipelines.scoring import formulas


def accuracy(y_true: np.ndarray, y_pred: np.ndarray) -> float:
    """Compute the share of exact answers.

    Parameters
    ----------
    y_true, y_pred : array-like of shape (n,)
        Class names.

    Returns
    -------
    float
        In [0, 1]. The first number of the Adience benchmark: Eidinger, Enbar and Hassner,
        "Age and gender estimation of unfiltered faces" (IEEE TIFS 9, 2014).

    Raises
    ------
    ValueError
        If the lengths differ or are zero; so do all metrics here.

    Examples
    --------
    >>> accuracy(["0-2", "4-6"], ["0-2", "8-13"])
    0.5
    """
    return float(formulas.accuracy(_tally(y_true, y_pred)))


def one_off(y_true: np.ndarray, y_pred: np.ndarray, classes: Sequence[str]) -> float:
    """Compute the share of answers in the true class or one next to it.

    Parameters
    ----------
    y_true, y_pred : array-like of shape (n,)
        Class names.
    classes : sequence of str
        All classes in their order.

    Returns
    -------
    float
        In [0, 1]. The second number of the Adience benchmark (Eidinger et al., 2014).

    Examples
    --------
    >>> one_off(["0-2", "0-2"], ["4-6", "8-13"], ["0-2", "4-6", "8-13"])
    0.5
    """
    return float(formulas.one_off(_tally(y_true, y_pred, classes)))


def class_recall(y_true: np.ndarray, y_pred: np.ndarray, classes: Sequence[str]) -> np.ndarray:
    """Compute the share of each class's rows that were recognised.

    Parameters
    ----------
    y_true, y_pred : array-like of shape (n,)
        Class names.
    classes : sequence of str
        All classes in their order.

    Returns
    -------
    ndarray of shape (n_classes,), float64
        In [0, 1]; NaN for a class without rows.

    Examples
    --------
    >>> class_recall(["a", "a", "b"], ["a", "b", "b"], ["a", "b", "c"]).tolist()
    [0.5, 1.0, nan]
    """
    return formulas.recall(_tally(y_true, y_pred, classes))


def balanced_accuracy(y_true: np.ndarray, y_pred: np.ndarray) -> float:
    """Compute the mean recall of the classes that occur in `y_true`.

    Parameters
    ----------
    y_true, y_pred : array-like of shape (n,)
        Class names.

    Returns
    -------
    float
        In [0, 1]. Brodersen et al., "The balanced accuracy and its posterior distribution"
        (ICPR 2010).

    Examples
    --------
    >>> balanced_accuracy(["a", "a", "a", "b"], ["a", "a", "a", "a"])
    0.5
    """
    return float(formulas.balanced_accuracy(_tally(y_true, y_pred)))


def macro_f1(y_true: np.ndarray, y_pred: np.ndarray) -> float:
    """Compute the mean F1 score of the classes that occur in `y_true` or `y_pred`.

    Parameters
    ----------
    y_true, y_pred : array-like of shape (n,)
        Class names.

    Returns
    -------
    float
        In [0, 1]. The mean of F1 scores, the better of the two definitions compared by Opitz
        and Burst, "Macro F1 and macro F1" (arXiv:1911.03347, 2019).

    Examples
    --------
    >>> round(macro_f1(["a", "a", "b"], ["a", "b", "b"]), 3)
    0.667
    """
    return float(formulas.macro_f1(_tally(y_true, y_pred)))


def quadratic_kappa(y_true: np.ndarray, y_pred: np.ndarray, classes: Sequence[str]) -> float:
    """Compute Cohen's kappa with quadratic weights: agreement beyond chance, far errors dearer.

    Parameters
    ----------
    y_true, y_pred : array-like of shape (n,)
        Class names.
    classes : sequence of str
        All classes in their order; the distance of two is the difference of their positions.

    Returns
    -------
    float
        At most 1; 0 is chance; NaN where only one class occurs. Cohen, "Weighted kappa: nominal
        scale agreement with provision for scaled disagreement or partial credit" (Psychological
        Bulletin 70, 1968).

    Examples
    --------
    >>> quadratic_kappa(["a", "b", "c", "c"], ["a", "b", "b", "c"], ["a", "b", "c"])
    0.8
    """
    return float(formulas.quadratic_kappa(_tally(y_true, y_pred, classes)))


def mae(years_true: np.ndarray, years_pred: np.ndarray) -> float:
    """Compute the mean absolute error in years.

    Parameters
    ----------
    years_true, years_pred : array-like of shape (n,), float
        Years.

    Returns
    -------
    float
        Years. The first number of the FG-NET protocol: Lanitis, Draganova and Christodoulou,
        "Comparing different classifiers for automatic age estimation" (IEEE SMC-B 34, 2004).

    Examples
    --------
    >>> mae([30.0, 40.0], [32.0, 39.0])
    1.5
    """
    true, predicted = _pair(years_true, years_pred)
    return float(np.mean(np.abs(true - predicted)))


def cumulative_score(years_true: np.ndarray, years_pred: np.ndarray, limit: float = 5.0) -> float:
    """Compute the share of answers at most `limit` years off, CS@limit.

    Parameters
    ----------
    years_true, years_pred : array-like of shape (n,), float
        Years.
    limit : float, default=5.0
        Years.

    Returns
    -------
    float
        In [0, 1]. Geng, Zhou and Smith-Miles, "Automatic age estimation based on facial aging
        patterns" (IEEE PAMI 29, 2007).

    Examples
    --------
    >>> cumulative_score([30.0, 40.0], [35.0, 46.0])
    0.5
    """
    true, predicted = _pair(years_true, years_pred)
    return float(np.mean(np.abs(true - predicted) <= limit))


def _tally(y_true: np.ndarray, y_pred: np.ndarray, classes: Sequence[str] | None = None) -> Tally:
    true, predicted = _pair(y_true, y_pred)
    if classes is None:
        classes = np.unique(np.concatenate([true, predicted])).tolist()
    rows = tally_classes(_positions(true, classes), _positions(predicted, classes), len(classes))
    return Tally(rows.sum(axis=0))


def _pair(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    true, predicted = np.asarray(first), np.asarray(second)
    if true.shape != predicted.shape or true.ndim != 1 or not len(true):
        raise ValueError(
            "A metric needs two 1-d arrays of one length, at least 1. "
            f"Got shapes {true.shape} and {predicted.shape}."
        )
    return true, predicted


def _positions(names: np.ndarray, classes: Sequence[str]) -> np.ndarray:
    order = {name: position for position, name in enumerate(classes)}
    unknown = sorted({str(name) for name in names} - {str(name) for name in order})
    if unknown:
        raise ValueError(f"Unknown classes {unknown}. Known classes: {list(classes)}.")
    return np.array([order[name] for name in names])
