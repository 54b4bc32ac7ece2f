"""All pairs of rows that lie close together: exact, and in memory that n² does not enter.

Distances are computed in blocks by one matrix product each (`pipelines.audit.distance_blocks`).
What a block shows within the radius, give or take its rounding, is computed again in float64 and
only then counted, so block size and precision decide the time and nothing else.

Distances may be relative: that of two rows divided by the geometric mean of their scales, such as
their distances to some near neighbour (Zelnik-Manor and Perona, "Self-tuning spectral clustering",
NIPS 2004). Where rows lie dense, near then means nearer.
"""

from dataclasses import dataclass

import numpy as np

from pipelines.audit.distance_blocks import (
    BLOCK_SHAPE,
    augmented,
    check_rows,
    half_squares,
    pair_distances,
    rounding,
)

MOST_PER_ROW = 64
# Pairs that may wait before they are ranked; more where the rows may keep more.
_WAITING_PAIRS = 1 << 20


@dataclass(frozen=True, eq=False)
class ClosePairs:
    """Pairs of rows, nearest first.

    Attributes
    ----------
    first, second : ndarray of shape (m,), int64
        Row numbers, ``first < second``.
    distance : ndarray of shape (m,), float64
        Euclidean, or relative; ties are in the order of the row numbers.
    """

    first: np.ndarray
    second: np.ndarray
    distance: np.ndarray

    def __len__(self) -> int:
        return len(self.first)

    def within(self, radius: float) -> "ClosePairs":
        """Return the pairs within a smaller radius."""
        n = int(np.searchsorted(self.distance, radius, side="right"))
        return ClosePairs(self.first[:n], self.second[:n], self.distance[:n])


def close_pairs(
    X: np.ndarray,
    radius: float,
    *,
    scale: np.ndarray | None = None,
    most_per_row: int = MOST_PER_ROW,
    block_shape: tuple[int, int] = BLOCK_SHAPE,
) -> ClosePairs:
    """Find all pairs of rows within a Euclidean distance.

    Parameters
    ----------
    X : ndarray of shape (n, n_features)
        Finite numbers.
    radius : float
        The largest distance, in the units of `X`; with scales, the largest relative distance.
    scale : ndarray of shape (n,), optional
        Positive; makes distances relative.
    most_per_row : int, default=64
        A pair stays if it is among so many nearest of either of its rows: at most
        ``n * most_per_row`` pairs are kept.
    block_shape : tuple of int
        Rows and columns of a block of distances; the result does not depend on it.

    Returns
    -------
    ClosePairs

    Raises
    ------
    ValueError
        If `X` is no matrix of finite numbers, or another argument is not positive.

    Examples
    --------
    >>> pairs = close_pairs(np.array([[0.0], [9.0], [0.5]]), radius=1.0)
    >>> pairs.first.tolist(), pairs.second.tolist(), pairs.distance.tolist()
    ([0], [2], [0.5])
    """
    X, scale = check_rows(X, scale)
    if not (radius > 0 and most_per_row > 0 and min(block_shape) > 0):
        raise ValueError(
            "The 'radius', 'most_per_row' and 'block_shape' of close_pairs must be positive. "
            f"Got {radius}, {most_per_row} and {block_shape}."
        )
    kept = _Kept(X, scale, radius, most_per_row)
    if not len(X):
        return kept.result()
    rows, columns = augmented(X, scale)
    limit = np.float32(-(radius**2) / 2 - rounding(rows))
    for start in range(0, len(X), block_shape[0]):
        block = rows[start : start + block_shape[0]]
        for at, halves in half_squares(block, columns[start:], block_shape[1]):
            first, second = np.divmod(np.flatnonzero(halves >= limit), halves.shape[1])
            second += at
            upper = first < second  # each pair once, no row with itself
            kept.add(first[upper] + start, second[upper] + start)
    return kept.result()


class _Kept:
    """The pairs kept so far; ranked and thinned whenever too many wait."""

    def __init__(
        self, X: np.ndarray, scale: np.ndarray | None, radius: float, most_per_row: int
    ) -> None:
        self.X, self.scale, self.radius = X, scale, radius
        self.most_per_row = most_per_row
        self.most_waiting = max(_WAITING_PAIRS, 2 * len(X) * most_per_row)
        self.parts: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
        self.n_waiting = 0

    def add(self, first: np.ndarray, second: np.ndarray) -> None:
        """Keep those of these pairs that are within the radius."""
        distance = pair_distances(self.X, first, second, self.scale)
        near = distance <= self.radius
        self.parts.append((first[near], second[near], distance[near]))
        self.n_waiting += int(near.sum())
        if self.n_waiting > self.most_waiting:
            self._thin()

    def result(self) -> ClosePairs:
        """Return what is kept in the end, nearest first."""
        first, second, distance = self._thin()
        order = np.lexsort((second, first, distance))
        return ClosePairs(first[order], second[order], distance[order])

    def _thin(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Drop the pairs that are among the nearest of neither row.

        More pairs only make a rank worse, so what is dropped early would be dropped in the end.
        """
        if not self.parts:
            nothing = np.zeros(0, np.int64)
            return nothing, nothing, np.zeros(0)
        first, second, distance = map(np.concatenate, zip(*self.parts, strict=True))
        ranks = _ranks(
            np.concatenate([first, second]),
            np.concatenate([second, first]),
            np.concatenate([distance, distance]),
        )
        keep = (ranks.reshape(2, -1) < self.most_per_row).any(axis=0)
        self.parts = [(first[keep], second[keep], distance[keep])]
        self.n_waiting = int(keep.sum())
        return self.parts[0]


def _ranks(row: np.ndarray, other: np.ndarray, distance: np.ndarray) -> np.ndarray:
    """Rank each pair among those of its row, nearest first, from 0."""
    order = np.lexsort((other, distance, row))
    ordered = row[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]][: len(ordered)])
    lengths = np.diff(np.r_[starts, len(ordered)])
    ranks = np.empty(len(row), dtype=np.int64)
    ranks[order] = np.arange(len(row)) - np.repeat(starts, lengths)
    return ranks
