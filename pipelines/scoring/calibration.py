"""Calibration: whether a model that says 80 % is right in 80 of 100 such answers.

A row's confidence is the probability of its most probable class. Guo, Pleiss, Sun and Weinberger,
"On calibration of modern neural networks" (ICML 2017).
"""

from collections.abc import Callable

import numpy as np

from pipelines.out_of_fold.tallies import add_up

N_BINS = 15

# Simulated answers of a calibrated model, whose error by chance is averaged.
_N_SIMULATIONS = 50


def equal_width(confidence: np.ndarray, n_bins: int = N_BINS) -> np.ndarray:
    """Put confidences into bins of one width over [0, 1].

    Parameters
    ----------
    confidence : ndarray of shape (n,), float
        In [0, 1].
    n_bins : int, default=15

    Returns
    -------
    ndarray of shape (n,), int
        Bins are open below and closed above, as in Guo et al. (2017).
    """
    return np.clip(np.ceil(confidence * n_bins).astype(np.int64) - 1, 0, n_bins - 1)


def equal_mass(confidence: np.ndarray, n_bins: int = N_BINS) -> np.ndarray:
    """Put confidences into bins of as many rows each as can be; equal confidences share one.

    Parameters
    ----------
    confidence : ndarray of shape (n,), float
    n_bins : int, default=15

    Returns
    -------
    ndarray of shape (n,), int
        Nguyen and O'Connor, "Posterior calibration and exploratory analysis for natural language
        processing models" (EMNLP 2015).
    """
    edges = np.quantile(confidence, np.arange(1, n_bins) / n_bins, method="inverted_cdf")
    return np.searchsorted(np.unique(edges), confidence, side="left").astype(np.int64)


def ece(
    confidence: np.ndarray,
    correct: np.ndarray,
    binning: Callable[[np.ndarray, int], np.ndarray] = equal_width,
    n_bins: int = N_BINS,
) -> float:
    """Compute the expected calibration error.

    Parameters
    ----------
    confidence : ndarray of shape (n,), float
        In [0, 1].
    correct : ndarray of shape (n,), bool
    binning : callable, default=equal_width
        `equal_width` or `equal_mass`.
    n_bins : int, default=15

    Returns
    -------
    float
        In [0, 1]: the mean over rows of the gap between confidence and accuracy of their bin.
        Naeini, Cooper and Hauskrecht, "Obtaining well calibrated probabilities using Bayesian
        binning" (AAAI 2015). It is above 0 by chance also for a calibrated model: see
        `ece_by_chance`.

    Raises
    ------
    ValueError
        If there is no row or a confidence is not in [0, 1].

    Examples
    --------
    >>> round(ece(np.array([0.9, 0.9, 0.6, 0.6]), np.array([1, 0, 1, 1], dtype=bool)), 3)
    0.4
    """
    _check(confidence, correct)
    bins = binning(confidence, n_bins)
    gaps = add_up(confidence - correct, bins, n_bins)
    return float(np.abs(gaps).sum() / len(confidence))


def ece_by_chance(
    confidence: np.ndarray,
    binning: Callable[[np.ndarray, int], np.ndarray] = equal_width,
    n_bins: int = N_BINS,
    random_state: int = 0,
) -> float:
    """Compute the expected calibration error that a calibrated model would show.

    Parameters
    ----------
    confidence : ndarray of shape (n,), float
    binning : callable, default=equal_width
    n_bins : int, default=15
    random_state : int, default=0

    Returns
    -------
    float
        Mean over 50 simulations in which each answer is right with its own confidence: consistency
        resampling, Bröcker and Smith, "Increasing the reliability of reliability diagrams" (Weather
        and Forecasting 22, 2007).
    """
    bins = binning(confidence, n_bins)
    rng = np.random.default_rng(random_state)
    right = rng.random((_N_SIMULATIONS, len(confidence))) < confidence
    gaps = add_up((confidence - right).T, bins, n_bins)
    return float(np.abs(gaps).sum(axis=0).mean() / len(confidence))


def debiased_error(confidence: np.ndarray, correct: np.ndarray, n_bins: int = N_BINS) -> float:
    """Compute the root of the mean squared calibration error, less what chance adds to it.

    Parameters
    ----------
    confidence : ndarray of shape (n,), float
    correct : ndarray of shape (n,), bool
    n_bins : int, default=15
        Of equal mass; a bin of one row is left out.

    Returns
    -------
    float
        In [0, 1]; 0 where chance explains all of it. Kumar, Liang and Ma, "Verified uncertainty
        calibration" (NeurIPS 2019), definition 5.1; NaN where no bin has two rows.
    """
    _check(confidence, correct)
    bins = equal_mass(confidence, n_bins)
    sums = add_up(np.column_stack([np.ones(len(bins)), confidence, correct]), bins, n_bins)
    sums = sums[sums[:, 0] > 1]
    if not len(sums):
        return np.nan
    n = sums[:, 0]
    mean_confidence, accuracy = (sums[:, 1:] / sums[:, :1]).T
    squares = (mean_confidence - accuracy) ** 2 - accuracy * (1 - accuracy) / (n - 1)
    return float(np.sqrt(max(0.0, np.average(squares, weights=n))))


def brier(probabilities: np.ndarray, true: np.ndarray) -> np.ndarray:
    """Compute the Brier score of every row.

    Parameters
    ----------
    probabilities : ndarray of shape (n, n_classes), float
    true : ndarray of shape (n,), int
        Number of the true class.

    Returns
    -------
    ndarray of shape (n,), float64
        In [0, 2]: the sum over classes of squared differences from the truth; 0 is best. Brier,
        "Verification of forecasts expressed in terms of probability" (Monthly Weather Review 78,
        1950), whose score is their mean.
    """
    truth = np.eye(probabilities.shape[1])[true]
    return np.sum((probabilities - truth) ** 2, axis=1)


def _check(confidence: np.ndarray, correct: np.ndarray) -> None:
    if len(confidence) == 0 or len(confidence) != len(correct):
        raise ValueError(
            "Confidences and answers must be as many, at least one. "
            f"Got {len(confidence)} and {len(correct)}."
        )
    outside = ~((confidence >= 0) & (confidence <= 1))
    if outside.any():
        row = int(np.flatnonzero(outside)[0])
        raise ValueError(f"A confidence must be in [0, 1]. Got {confidence[row]} at row {row}.")
