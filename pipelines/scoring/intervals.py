"""Confidence intervals of scores, by resampling subjects.

The interval is the bias-corrected and accelerated one (BCa) of Efron, "Better bootstrap confidence
intervals" (JASA 82, 1987), chapter 14 of Efron and Tibshirani, "An Introduction to the Bootstrap"
(1993), with the acceleration from the jackknife over subjects. With few subjects every bootstrap
interval is too short; its normal quantile is therefore widened to Student's, times
``sqrt(n / (n - 1))``, as Hesterberg proposes for percentile intervals, "What teachers should know
about the bootstrap" (The American Statistician 69, 2015), section 4.

What they cover is the chance of which people were photographed. The trained models are held fixed:
the spread of training shows in the deviation over folds.
"""

import numpy as np
from scipy.stats import beta, norm, t

from pipelines.out_of_fold.tallies import add_up
from pipelines.scoring.resampling import N_RESAMPLES, Part, leave_one_out, resample
from pipelines.scoring.scores import Metric

LEVEL = 0.95

# The least share of resamples in which a score must be defined.
_MOST_UNDEFINED = 0.1

# The share of a score by which equal ones may differ: sums of the same numbers in float32 or in
# another order have other last digits.
_ALIKE = 1e-5


def acceleration(jackknife: np.ndarray) -> float:
    """Compute the acceleration: how fast the standard error changes with the score.

    Parameters
    ----------
    jackknife : ndarray of shape (n,), float
        The score without each subject; those where it is not defined are left out.

    Returns
    -------
    float
        Efron and Tibshirani (1993), equation 14.15; 0 where all are equal.
    """
    known = jackknife[np.isfinite(jackknife)]
    deviations = known.mean() - known if len(known) else known
    spread = np.sum(deviations**2) ** 1.5
    return float(np.sum(deviations**3) / (6 * spread)) if spread > 0 else 0.0


def bca(
    estimate: float,
    resamples: np.ndarray,
    jackknife: np.ndarray,
    *,
    level: float = LEVEL,
    widen: bool = True,
    n_subjects: int | None = None,
) -> tuple[float, float]:
    """Compute a bias-corrected and accelerated interval.

    Parameters
    ----------
    estimate : float
        The score of all subjects.
    resamples : ndarray of shape (n_resamples,), float
        The scores of resamples; NaN where one is not defined.
    jackknife : ndarray of shape (n_subjects,), float
        The scores without each subject.
    level : float, default=0.95
        The share of intervals that hold the true score.
    widen : bool, default=True
        Whether to make up for few subjects, as this module says.
    n_subjects : int or None, default=None
        How few; by default those of `jackknife`. Of a difference of two groups it is the smaller
        one's number: its chance is most of the difference's.

    Returns
    -------
    low, high : float
        NaN where nothing can be said: one subject, in either of two groups, a score that is not
        defined or that a tenth of the resamples lack, or resamples that are all alike.

    Raises
    ------
    ValueError
        If `level` is not in (0, 1).

    Notes
    -----
    A resample as good as the estimate, up to the last digits of float32, counts half as below it.
    With four people that is one in ten.
    """
    if not 0 < level < 1:
        raise ValueError(f"The 'level' of an interval must be in (0, 1). Got {level}.")
    known = resamples[np.isfinite(resamples)]
    too_few = len(known) < (1 - _MOST_UNDEFINED) * len(resamples)
    alike = _ALIKE * max(abs(estimate), 1e-12) if np.isfinite(estimate) else np.nan
    n_subjects = len(jackknife) if n_subjects is None else n_subjects
    if n_subjects < 2 or too_few or not np.ptp(known) > alike:
        return np.nan, np.nan
    # Kept off 0 and 1, whose quantiles are infinite.
    z0 = norm.ppf(np.clip(_below(known, estimate), 0.5 / len(known), 1 - 0.5 / len(known)))
    z = z0 + _quantiles(n_subjects, level, widen)
    # Beyond the pole of this curve there is nothing but the end of the resamples.
    shares = norm.cdf(z0 + z / np.maximum(1 - acceleration(jackknife) * z, 1e-6))
    low, high = np.quantile(known, shares)
    return float(low), float(high)


def _below(resamples: np.ndarray, estimate: float) -> float:
    """Return the share of resamples below the estimate, with half of those that are equal to it."""
    # The estimate of a difference may be near 0, so its resamples tell the scale too.
    ties = np.abs(resamples - estimate) <= _ALIKE * max(abs(estimate), np.ptp(resamples))
    return float(np.mean((resamples < estimate) & ~ties) + np.mean(ties) / 2)


def _quantiles(n_subjects: int, level: float, widen: bool) -> np.ndarray:
    tails = np.array([(1 - level) / 2, (1 + level) / 2])
    if not widen:
        return norm.ppf(tails)
    return t.ppf(tails, n_subjects - 1) * np.sqrt(n_subjects / (n_subjects - 1))


def exact_share(hits: float, n: int, level: float = LEVEL) -> tuple[float, float]:
    """Compute the exact interval of a share.

    Parameters
    ----------
    hits : float
        How many of `n`.
    n : int
        Trials.
    level : float, default=0.95

    Returns
    -------
    low, high : float
        Clopper and Pearson, "The use of confidence or fiducial limits illustrated in the case of
        the binomial" (Biometrika 26, 1934).
    """
    tail = (1 - level) / 2
    low = beta.ppf(tail, hits, n - hits + 1) if hits > 0 else 0.0
    high = beta.ppf(1 - tail, hits + 1, n - hits) if hits < n else 1.0
    return float(low), float(high)


def score_interval(
    metric: Metric,
    score: float,
    drawn: np.ndarray,
    without: np.ndarray,
    level: float = LEVEL,
) -> tuple[float, float]:
    """Compute the interval of a metric's score.

    Parameters
    ----------
    metric : Metric
    score : float
        Of all subjects.
    drawn : ndarray of shape (n_resamples,), float
        Of resamples.
    without : ndarray of shape (n_subjects,), float
        Without each subject that has rows the metric counts, see `Metric.rows`.
    level : float, default=0.95

    Returns
    -------
    low, high : float
        As of `bca`. Where all rows are right, or all wrong, resampling knows nothing else; a share
        of rows then gets the exact interval with as many trials as these subjects, which is on the
        safe side.
    """
    if metric.counts_rows and score in (0.0, 1.0):
        return exact_share(score * len(without), len(without), level)
    return bca(score, drawn, without, level=level)


def mean_intervals(
    values: np.ndarray,
    subjects: np.ndarray,
    *,
    random_state: int = 0,
    level: float = LEVEL,
    n_resamples: int = N_RESAMPLES,
) -> np.ndarray:
    """Compute the intervals of means over rows, all from the same resamples of subjects.

    Parameters
    ----------
    values : ndarray of shape (n, n_means), float
        NaN where a row takes no part in a mean.
    subjects : ndarray of shape (n,), int
        Who is in each row.
    random_state : int, default=0
    level : float, default=0.95
    n_resamples : int, default=2000

    Returns
    -------
    ndarray of shape (n_means, 2), float64
        Low and high. Where all values are 0, or all 1, the exact interval of a share with as many
        trials as subjects; NaN where nothing can be said, see `bca`.
    """
    numbers, codes = np.unique(subjects, return_inverse=True)
    known = np.isfinite(values)
    both = np.stack([np.where(known, values, 0), known], axis=2)
    sums = add_up(both, codes, len(numbers))
    everyone = Part(np.arange(len(numbers)), sums)
    drawn = resample([everyone], len(numbers), n_resamples=n_resamples, random_state=random_state)[
        0
    ]
    return np.array(
        [_mean_interval(sums[:, mean], drawn[:, mean], level) for mean in range(values.shape[1])]
    ).reshape(-1, 2)


def _mean_interval(sums: np.ndarray, drawn: np.ndarray, level: float) -> tuple[float, float]:
    """Compute the interval of one mean from sums and numbers of rows, shapes (..., 2)."""
    sums = sums[sums[:, 1] > 0]
    total = sums.sum(axis=0)
    if not len(sums):
        return np.nan, np.nan
    if (sums[:, 0] == 0).all() or (sums[:, 0] == sums[:, 1]).all():
        return exact_share(total[0] / total[1] * len(sums), len(sums), level)
    means = (_means(drawn), _means(leave_one_out(sums)))
    return bca(float(total[0] / total[1]), *means, level=level)


def _means(sums: np.ndarray) -> np.ndarray:
    """Divide sums by numbers of rows; NaN where there is none."""
    return sums[:, 0] / np.where(sums[:, 1] > 0, sums[:, 1], np.nan)
