"""The swap test: whether it matters which of two models gave which answers.

If two models are equally good, any person's answers may as well be swapped between them. So all
answers of random people are swapped, thousands of times, and the p-value is how often that makes a
difference of scores as large as the one observed. People are swapped whole, so their photos need
not be independent; the trained models are held fixed.

For sums it is Fisher's sign-flip test of the people's differences ("The Design of Experiments",
1935, section 21); for any score, approximate randomization: Noreen, "Computer-intensive Methods for
Testing Hypotheses" (1989); Yeh, "More accurate tests for the statistical significance of result
differences" (COLING 2000).
"""

from collections.abc import Callable, Iterator

import numpy as np

N_SWAPS = 5_000

# With at most so many subjects all swaps are tried: 2 ** 13 = 8,192.
_FEW_SUBJECTS = 13

# Numbers multiplied at once, about 50 MB.
_BLOCK = 12_000_000


def _swaps(n_subjects: int, n_swaps: int, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """Yield which subjects are swapped, in blocks of shape (b, n_subjects), float32 of 0 and 1."""
    if n_subjects <= _FEW_SUBJECTS:
        numbers = np.arange(2**n_subjects)[:, None]
        yield (numbers >> np.arange(n_subjects) & 1).astype(np.float32)
        return
    size = max(1, _BLOCK // n_subjects)
    for start in range(0, n_swaps, size):
        shape = (min(size, n_swaps - start), -(-n_subjects // 8))
        bits = np.unpackbits(rng.integers(0, 256, shape, dtype=np.uint8), axis=1)
        yield bits[:, :n_subjects].astype(np.float32)


def swapped_sums(
    sums: np.ndarray, *, n_swaps: int = N_SWAPS, random_state: int = 0
) -> tuple[np.ndarray, bool]:
    """Add up the sums of the subjects that a swap chooses, for every swap.

    Parameters
    ----------
    sums : ndarray of shape (n_subjects, ...)
        All models of a task at once: they see the same swaps.
    n_swaps : int, default=5000
        Each subject is chosen by the toss of a coin; with at most 13 subjects, all choices.
    random_state : int, default=0

    Returns
    -------
    chosen : ndarray of shape (n_swaps, ...), float64
    complete : bool
        Whether these are all choices there are.
    """
    flat = sums.reshape(len(sums), -1).astype(np.float32)
    rng = np.random.default_rng(random_state)
    chosen = np.concatenate([block @ flat for block in _swaps(len(sums), n_swaps, rng)])
    complete = len(sums) <= _FEW_SUBJECTS
    return chosen.astype(np.float64).reshape(-1, *sums.shape[1:]), complete


def swap_p_value(observed: float, swapped: np.ndarray, complete: bool) -> float:
    """Compute how often a swap makes a difference as large as the one observed.

    Parameters
    ----------
    observed : float
        The difference of two scores.
    swapped : ndarray of shape (n_swaps,), float
        The differences after swaps; NaN where one is not defined.
    complete : bool
        Whether these are all swaps; otherwise the observed one is counted as one more, as in
        Phipson and Smyth, "Permutation p-values should never be zero" (2010).

    Returns
    -------
    float
        p-value; NaN where the difference is not defined.
    """
    known = swapped[np.isfinite(swapped)]
    if not np.isfinite(observed) or not len(known):
        return np.nan
    # Sums in another order differ in their last digits (float32), and a tie must count as one.
    slack = 1e-6 + 1e-4 * abs(observed)
    n_as_large = int(np.sum(np.abs(known) >= abs(observed) - slack))
    return n_as_large / len(known) if complete else (n_as_large + 1) / (len(known) + 1)


def swap_test(
    first: np.ndarray,
    second: np.ndarray,
    score: Callable[[np.ndarray], np.ndarray] | None = None,
    *,
    n_swaps: int = N_SWAPS,
    random_state: int = 0,
) -> float:
    """Test whether two models score differently, by swapping their answers for random subjects.

    Parameters
    ----------
    first, second : ndarray of shape (n_subjects, ...)
        Sums of each subject.
    score : callable or None, default=None
        Takes sums of shape (..., K), returns scores of shape (...). None compares the sums of
        one-dimensional `first` and `second`.
    n_swaps : int, default=5000
    random_state : int, default=0

    Returns
    -------
    float
        p-value.

    Raises
    ------
    ValueError
        If the shapes differ or there is no subject.
    """
    if first.shape != second.shape or not len(first):
        raise ValueError(
            f"Subjects must be the same, at least 1. Got {first.shape}, {second.shape}."
        )
    both = np.stack([first, second], axis=1)
    chosen, complete = swapped_sums(both, n_swaps=n_swaps, random_state=random_state)
    return swap_p_of_pair(both.sum(axis=0), chosen, complete, score or np.asarray)


def swap_p_of_pair(
    total: np.ndarray,
    chosen: np.ndarray,
    complete: bool,
    score: Callable[[np.ndarray], np.ndarray],
) -> float:
    """Compute the p-value of a swap test from sums.

    Parameters
    ----------
    total : ndarray of shape (2, ...)
        Sums of all subjects, of two models.
    chosen : ndarray of shape (n_swaps, 2, ...)
        As of `swapped_sums`.
    complete : bool
    score : callable
        As `swap_test` takes it.

    Returns
    -------
    float
    """
    moved = chosen[:, 1] - chosen[:, 0]
    swapped = score(total[0] + moved) - score(total[1] - moved)
    return swap_p_value(float(score(total[0]) - score(total[1])), swapped, complete)
