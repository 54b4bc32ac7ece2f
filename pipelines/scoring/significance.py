"""Tests of whether two models differ, on the same faces; each takes arrays and returns a p-value.

Two-sided throughout. Which one answers what:

- `pipelines.scoring.swaps`: would these people have shown such a difference if it were chance which
  model gave which answers? Right for several photos a person and for every score; the trained
  models are held fixed.
- `mcnemar`: the same for the accuracy of independent photos, in closed form.
- `corrected_t`: would models trained and tested on other people differ? With few folds it finds
  large differences only.
"""

from collections.abc import Sequence

import numpy as np
from scipy.stats import binomtest, chi2, t

# Below so many discordant photos McNemar's test is exact.
FEW_DISCORDANT = 25


def mcnemar(only_first: int, only_second: int) -> float:
    """Test whether two models are equally often right, on independent photos.

    Parameters
    ----------
    only_first, only_second : int
        Photos that only the first, or only the second, model has right.

    Returns
    -------
    float
        p-value: the exact binomial one below 25 such photos, else that of chi-squared without a
        continuity correction. McNemar, "Note on the sampling error of the difference between
        correlated proportions or percentages" (Psychometrika 12, 1947); the choice as in Fagerland,
        Lydersen and Laake, "The McNemar test for binary matched-pairs data" (BMC Medical Research
        Methodology 13, 2013).

    Raises
    ------
    ValueError
        If a count is negative.

    Examples
    --------
    >>> round(mcnemar(1, 7), 4)
    0.0703
    """
    if only_first < 0 or only_second < 0:
        raise ValueError(f"Counts must not be negative. Got {only_first} and {only_second}.")
    n = only_first + only_second
    if n == 0:
        return 1.0
    if n < FEW_DISCORDANT:
        return float(binomtest(only_first, n).pvalue)
    return float(chi2.sf((only_first - only_second) ** 2 / n, 1))


def corrected_t(differences: Sequence[float] | np.ndarray, n_train: float, n_test: float) -> float:
    """Test whether the mean difference over folds is zero, with folds that share training rows.

    Parameters
    ----------
    differences : array-like of shape (n_folds,), float
        Difference of two models' scores in each fold.
    n_train, n_test : float
        Mean number of rows.

    Returns
    -------
    float
        p-value of Nadeau and Bengio's corrected resampled t-test, "Inference for the
        generalization error" (Machine Learning 52, 2003), for cross-validation as in Bouckaert and
        Frank, "Evaluating the replicability of significance tests for comparing learning
        algorithms" (PAKDD 2004); NaN with fewer than two folds that have a difference.

    Raises
    ------
    ValueError
        If a number of rows is not positive.
    """
    if n_train <= 0 or n_test <= 0:
        raise ValueError(f"Rows must be positive. Got {n_train} to train, {n_test} to test.")
    known = np.asarray(differences, dtype=np.float64)
    known = known[np.isfinite(known)]
    if len(known) < 2:
        return np.nan
    variance = (1 / len(known) + n_test / n_train) * known.var(ddof=1)
    if np.isclose(known, known[0], rtol=1e-12, atol=0).all():  # a variance of rounding errors
        return 1.0 if known[0] == 0 else 0.0
    return float(2 * t.sf(abs(known.mean()) / np.sqrt(variance), len(known) - 1))


def holm(p_values: Sequence[float] | np.ndarray) -> np.ndarray:
    """Adjust p-values for being several, so that one false claim in all has the asked probability.

    Parameters
    ----------
    p_values : array-like of shape (n,), float
        NaN is no test and stays NaN.

    Returns
    -------
    ndarray of shape (n,), float64
        Holm, "A simple sequentially rejective multiple test procedure" (Scandinavian Journal of
        Statistics 6, 1979), as p-values to compare with the level.

    Examples
    --------
    >>> holm([0.01, 0.04, 0.03, 0.005]).round(3).tolist()
    [0.03, 0.06, 0.06, 0.02]
    """
    values = np.asarray(p_values, dtype=np.float64)
    adjusted = np.full(len(values), np.nan)
    known = np.flatnonzero(np.isfinite(values))
    order = known[np.argsort(values[known], kind="stable")]
    factors = np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(values[order] * factors), 1)
    return adjusted


def detectable_difference(
    differences: np.ndarray, rows: np.ndarray, *, level: float = 0.05, power: float = 0.8
) -> float:
    """Compute the smallest true difference of two means that these data would likely show.

    Parameters
    ----------
    differences : ndarray of shape (n_subjects,), float
        Sum of the differences over each subject's rows.
    rows : ndarray of shape (n_subjects,), float
        Rows of each subject; who has none is not counted.
    level : float, default=0.05
        Of the two-sided test.
    power : float, default=0.8
        The probability of finding it.

    Returns
    -------
    float
        ``(t[1 - level/2] + t[power])``, Student's quantiles for the number of subjects, times the
        standard error of the mean over rows, from the subjects' own variance (a ratio of sums:
        Cochran, "Sampling Techniques", 1977, section 6.3). NaN with fewer than two subjects.
        Bloom, "Minimum detectable effects" (Evaluation Review 19, 1995).
    """
    n_subjects, n_rows = np.count_nonzero(rows), rows.sum()
    if n_subjects < 2:
        return np.nan
    residuals = differences - differences.sum() / n_rows * rows
    error = np.sqrt(n_subjects / (n_subjects - 1) * np.sum(residuals**2)) / n_rows
    return float(t.ppf([1 - level / 2, power], n_subjects - 1).sum() * error)
