"""The formulas of the scores, on tallies with any leading axes: one fold or 2,000 resamples.

Each takes a `Tally` of shape (..., K) and returns an array of shape (...); NaN where a score is not
defined, such as one of no rows.
"""

import numpy as np

from pipelines.out_of_fold.tallies import Tally


def _share(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """Divide; NaN where there is nothing to divide by."""
    return np.where(whole > 0, part / np.where(whole > 0, whole, 1), np.nan)


def _mean_over_classes(values: np.ndarray) -> np.ndarray:
    """Average over the last axis without its NaN; NaN where all are."""
    known = np.isfinite(values)
    return _share(np.where(known, values, 0).sum(axis=-1), known.sum(axis=-1))


def rows_of_classes(tally: Tally) -> np.ndarray:
    """Count the rows that have a true class."""
    return tally.true.sum(axis=-1)


def rows_with_years(tally: Tally) -> np.ndarray:
    """Count the rows whose true and predicted age are known."""
    return tally.n_years


def accuracy(tally: Tally) -> np.ndarray:
    """Compute the share of exact answers.

    The first number of the Adience benchmark: Eidinger, Enbar and Hassner, "Age and gender
    estimation of unfiltered faces" (IEEE TIFS 9, 2014).
    """
    return _share(tally.hits.sum(axis=-1), rows_of_classes(tally))


def one_off(tally: Tally) -> np.ndarray:
    """Compute the share of answers in the true class or one next to it.

    The second number of the Adience benchmark (Eidinger et al., 2014).
    """
    return _share(tally.near, rows_of_classes(tally))


def recall(tally: Tally) -> np.ndarray:
    """Compute the recall of each class, shape (..., n_classes); NaN for a class without rows."""
    return _share(tally.hits, tally.true)


def balanced_accuracy(tally: Tally) -> np.ndarray:
    """Compute the mean recall of the classes that have rows.

    Brodersen et al., "The balanced accuracy and its posterior distribution" (ICPR 2010).
    """
    return _mean_over_classes(recall(tally))


def macro_f1(tally: Tally) -> np.ndarray:
    """Compute the mean F1 of the classes that are true or predicted anywhere.

    The better of the two definitions compared by Opitz and Burst, "Macro F1 and macro F1"
    (arXiv:1911.03347, 2019).
    """
    # F1 = 2 TP / (2 TP + FP + FN), whose denominator is the true and the predicted rows.
    return _mean_over_classes(_share(2 * tally.hits, tally.true + tally.predicted))


def quadratic_kappa(tally: Tally) -> np.ndarray:
    """Compute Cohen's kappa with quadratic weights; NaN where only one class occurs.

    At most 1; 0 is chance. Cohen, "Weighted kappa: nominal scale agreement with provision for
    scaled disagreement or partial credit" (Psychological Bulletin 70, 1968).
    """
    steps = np.arange(tally.true.shape[-1])
    weights = (steps[:, None] - steps) ** 2
    # What independent answers with the same totals would get, also in rows without an answer.
    expected = _share(
        ((tally.true @ weights) * tally.predicted).sum(axis=-1), tally.predicted.sum(axis=-1)
    )
    return 1 - _share(tally.squares, expected)


def mae(tally: Tally) -> np.ndarray:
    """Compute the mean absolute error in years, of the rows whose ages are known.

    The first number of the FG-NET protocol: Lanitis, Draganova and Christodoulou, "Comparing
    different classifiers for automatic age estimation" (IEEE SMC-B 34, 2004).
    """
    return _share(tally.years_off, tally.n_years)


def cs5(tally: Tally) -> np.ndarray:
    """Compute the share of answers at most five years off.

    Geng, Zhou and Smith-Miles, "Automatic age estimation based on facial aging patterns" (IEEE PAMI
    29, 2007).
    """
    return _share(tally.within_limit, tally.n_years)
