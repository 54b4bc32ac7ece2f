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

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

Score = Callable[[np.ndarray], np.ndarray]

N_SWAPS = 5_000

# Swaps a pair at least: Holm's correction multiplies the smallest p-value by the number of pairs,
# and 0.02 is left of it.
_SWAPS_A_PAIR = 50

# With at most so many subjects all swaps are tried: 2 ** 13 = 8,192.
_FEW_SUBJECTS = 13

# Numbers multiplied at once, about 50 MB.
_BLOCK = 12_000_000


@dataclass(frozen=True)
class Swaps:
    """Which subjects' answers are swapped.

    Parameters
    ----------
    n_subjects : int
    n : int
        How many swaps.
    complete : bool
        Whether these are all there are.
    """

    n_subjects: int
    n: int
    complete: bool

    def smallest_p(self, n_counted: int) -> float:
        """Return the least p-value that so many subjects with answers can have.

        Swaps of nobody and of all of them are as extreme as what was observed.
        """
        least = 0.5 ** (n_counted - 1)
        return least if self.complete else max(least, 1 / (self.n + 1))

    def blocks(self, n_numbers: int, random_state: int) -> Iterator[np.ndarray]:
        """Yield whose answers are swapped, in blocks of shape (b, n_subjects), float32 of 0 and 1.

        Parameters
        ----------
        n_numbers : int
            What is computed of each swap, so that a block's results fit into memory.
        random_state : int
        """
        if self.complete:
            numbers = np.arange(self.n)[:, None]
            yield (numbers >> np.arange(self.n_subjects) & 1).astype(np.float32)
            return
        rng = np.random.default_rng(random_state)
        size = max(1, _BLOCK // max(self.n_subjects, n_numbers))
        for start in range(0, self.n, size):
            shape = (min(size, self.n - start), -(-self.n_subjects // 8))
            bits = np.unpackbits(rng.integers(0, 256, shape, dtype=np.uint8), axis=1)
            yield bits[:, : self.n_subjects].astype(np.float32)


def plan_swaps(n_subjects: int, n_pairs: int = 1, n_swaps: int = N_SWAPS) -> Swaps:
    """Decide how many swaps to try.

    Parameters
    ----------
    n_subjects : int
    n_pairs : int, default=1
        Pairs of models that Holm's correction is for.
    n_swaps : int, default=5000
        At least; more where the pairs are many. With at most 13 subjects all are tried.

    Returns
    -------
    Swaps
    """
    if n_subjects <= _FEW_SUBJECTS:
        return Swaps(n_subjects, 2**n_subjects, complete=True)
    return Swaps(n_subjects, max(n_swaps, _SWAPS_A_PAIR * n_pairs), complete=False)


def swap_p_values(
    sums: np.ndarray,
    scores: Sequence[Score],
    pairs: Sequence[tuple[int, int]],
    swaps: Swaps,
    *,
    random_state: int = 0,
) -> np.ndarray:
    """Test every pair of models by every score, all with the same swaps.

    Parameters
    ----------
    sums : ndarray of shape (n_subjects, n_models, ...)
    scores : sequence of callable
        Each takes sums of shape (..., K), returns scores of shape (...).
    pairs : sequence of (int, int)
        Numbers of models.
    swaps : Swaps
    random_state : int, default=0

    Returns
    -------
    ndarray of shape (n_scores, n_pairs), float64
        How often a swap makes a difference as large as the one observed. Unless these are all
        swaps the observed one counts as one more, as in Phipson and Smyth, "Permutation p-values
        should never be zero" (2010). NaN where a difference is not defined.
    """
    total = sums.sum(axis=0)
    flat = sums.reshape(len(sums), -1).astype(np.float32)
    n_as_large, n_known = np.zeros((2, len(scores), len(pairs)))
    observed = np.array(
        [[float(score(total[a]) - score(total[b])) for a, b in pairs] for score in scores]
    )
    # Sums in another order differ in their last digits (float32), and a tie must count as one.
    least = np.abs(observed) - (1e-6 + 1e-4 * np.abs(observed))
    for block in swaps.blocks(flat.shape[1], random_state):
        chosen = (block @ flat).astype(np.float64).reshape(-1, *sums.shape[1:])
        for pair, (a, b) in enumerate(pairs):
            moved = chosen[:, b] - chosen[:, a]
            for number, score in enumerate(scores):
                swapped = np.abs(score(total[a] + moved) - score(total[b] - moved))
                n_as_large[number, pair] += np.sum(swapped >= least[number, pair])
                n_known[number, pair] += np.isfinite(swapped).sum()
    more = 0 if swaps.complete else 1
    defined = np.isfinite(observed) & (n_known > 0)
    return np.where(defined, (n_as_large + more) / np.maximum(n_known + more, 1), np.nan)
