"""Resampling of subjects: the bootstrap of clusters, on tallies.

All photos of a person stand or fall together, so people are drawn and not photos: Davison and
Hinkley, "Bootstrap Methods and their Application" (1997), section 3.8; for classifiers scored on
several rows of a person, Field and Welsh, "Bootstrapping clustered data" (JRSS B 69, 2007).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

N_RESAMPLES = 2000

# Numbers multiplied at once, about 50 MB.
_BLOCK = 12_000_000


@dataclass(frozen=True)
class Part:
    """Sums of some of the subjects.

    Parameters
    ----------
    subjects : ndarray of shape (m,), int
        Which: sorted, each once.
    sums : ndarray of shape (m, ...)
    """

    subjects: np.ndarray
    sums: np.ndarray


@lru_cache(maxsize=2)
def _draws(n_subjects: int, n_resamples: int, random_state: int) -> np.ndarray:
    """Return how often each subject is drawn, shape (n_resamples, n_subjects), uint8.

    Every table of a comparison asks for the same ones. The counts are about Poisson with mean 1:
    one of 256 has probability 1e-507.
    """
    rng = np.random.default_rng(random_state)
    times = np.empty((n_resamples, n_subjects), dtype=np.uint8)
    for row in times:
        chosen = rng.integers(0, n_subjects, n_subjects, dtype=np.int32)
        row[:] = np.bincount(chosen, minlength=n_subjects)
    return times


def resample(
    parts: Sequence[Part],
    n_subjects: int,
    *,
    n_resamples: int = N_RESAMPLES,
    random_state: int = 0,
) -> list[np.ndarray]:
    """Draw subjects with replacement, as many as there are, and add up their sums.

    Parameters
    ----------
    parts : sequence of Part
        Of models, groups, …: all see the same draws, so their resamples can be subtracted.
    n_subjects : int
        All subjects; those of a part may be fewer.
    n_resamples : int, default=2000
    random_state : int, default=0
        The same seed draws the same subjects.

    Returns
    -------
    list of ndarray of shape (n_resamples, ...), float64
        One a part.

    Raises
    ------
    ValueError
        If `n_subjects` or `n_resamples` is not positive.
    """
    if n_subjects < 1 or n_resamples < 1:
        raise ValueError(
            f"'n_subjects' and 'n_resamples' must be positive. Got {n_subjects} and {n_resamples}."
        )
    times = _draws(n_subjects, n_resamples, random_state)
    return [_add_up(times, part, n_subjects) for part in parts]


def _add_up(times: np.ndarray, part: Part, n_subjects: int) -> np.ndarray:
    flat = part.sums.reshape(len(part.sums), -1).astype(np.float32)
    everyone = len(part.subjects) == n_subjects
    size = max(1, _BLOCK // n_subjects)
    blocks = []
    for start in range(0, len(times), size):
        block = times[start : start + size]
        chosen = block if everyone else block[:, part.subjects]
        blocks.append(chosen.astype(np.float32) @ flat)
    return np.concatenate(blocks).astype(np.float64).reshape(len(times), *part.sums.shape[1:])


def leave_one_out(sums: np.ndarray) -> np.ndarray:
    """Add up the sums of all subjects but one, for each: the jackknife.

    Parameters
    ----------
    sums : ndarray of shape (n_subjects, ...)

    Returns
    -------
    ndarray of shape (n_subjects, ...)
    """
    return sums.sum(axis=0) - sums
