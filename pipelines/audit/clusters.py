"""Groups of rows that are close to each other as a whole, and not only to a neighbour.

Single linkage joins two groups for one close pair. In a face embedding with thousands of people
there is always somebody in between, so it ends with one huge group. Here two groups are joined
only while the mean over all their pairs is small: average linkage (Sokal and Michener, "A
statistical method for evaluating systematic relationships", 1958) on squared distances, of which
the mean over all pairs of two groups follows from the groups' means of a few numbers, also where
distances are relative (as in `pipelines.audit.neighbours`). So no group is judged by less than all
of its rows, nothing depends on chance, and neither memory nor time grows with the square of the
rows.
"""

import heapq

import numpy as np

from pipelines.audit.neighbours import ClosePairs


def average_linkage(
    X: np.ndarray, pairs: ClosePairs, radius: float, scale: np.ndarray | None = None
) -> np.ndarray:
    """Group rows by average linkage, up to a root mean square distance.

    Parameters
    ----------
    X : ndarray of shape (n, n_features)
    pairs : ClosePairs
        Of `X`, within `radius` or more. Groups whose pairs are all farther apart than `radius`
        are never joined, so the others need not be known.
    radius : float
        The largest root mean square distance between the rows of two groups that are joined.
    scale : ndarray of shape (n,), optional
        The scales with which the pairs were found.

    Returns
    -------
    ndarray of shape (n,), int64
        A number for each row's group, from 0 by first appearance.

    Raises
    ------
    ValueError
        If a pair names a row that isn't there.

    Examples
    --------
    Three in a row, each a step from the next: the ends are too far apart for one group.

    >>> from pipelines.audit.neighbours import close_pairs
    >>> X = np.array([[0.0], [1.0], [2.1]])
    >>> average_linkage(X, close_pairs(X, 1.2), 1.2).tolist()
    [0, 0, 1]
    """
    if len(pairs) and int(pairs.second.max()) >= len(X):
        raise ValueError(
            f"A pair names row {int(pairs.second.max())}, but there are {len(X)} rows. "
            "Give the pairs of these rows."
        )
    groups = _Groups(X, pairs, radius, scale)
    while groups.waiting:
        groups.join_nearest()
    return _by_appearance(groups.roots())


class _Groups:
    """Groups in work. A group lives at the number of one of its rows.

    A row's weight is one divided by its scale. A group keeps the means of its rows' weights, of the
    weighted rows, and of the weighted squared lengths.
    """

    def __init__(
        self, X: np.ndarray, pairs: ClosePairs, radius: float, scale: np.ndarray | None
    ) -> None:
        self.limit = radius**2
        self.weights = np.ones(len(X)) if scale is None else 1 / np.asarray(scale, np.float64)
        self.means = np.array(X, dtype=np.float64)
        self.squares = np.einsum("ij,ij->i", self.means, self.means) * self.weights
        self.means *= self.weights[:, None]
        self.sizes = np.ones(len(X), dtype=np.int64)
        self.parent = np.arange(len(X))
        self.version = [0] * len(X)  # one more whenever a group has changed
        near = pairs.within(radius)
        self.neighbours: dict[int, set[int]] = {}
        ends = list(zip(near.first.tolist(), near.second.tolist(), strict=True))
        for a, b in ends:
            self.neighbours.setdefault(a, set()).add(b)
            self.neighbours.setdefault(b, set()).add(a)
        squared = np.square(near.distance).tolist()
        self.waiting = [(d, a, b, 0, 0) for d, (a, b) in zip(squared, ends, strict=True)]
        heapq.heapify(self.waiting)

    def join_nearest(self) -> None:
        """Take the nearest two groups that wait, and join them unless one has changed since."""
        _, a, b, version_a, version_b = heapq.heappop(self.waiting)
        if self.version[a] != version_a or self.version[b] != version_b:
            return
        self._merge(a, b)
        others = np.array(sorted(self.neighbours[a]), dtype=np.int64)
        if not len(others):
            return
        squared = (
            self.squares[a] * self.weights[others]
            + self.weights[a] * self.squares[others]
            - 2 * self.means[others] @ self.means[a]
        )
        for distance, other in zip(squared.tolist(), others.tolist(), strict=True):
            if distance <= self.limit:
                entry = (distance, a, other, self.version[a], self.version[other])
                heapq.heappush(self.waiting, entry)

    def roots(self) -> np.ndarray:
        """Return for each row the number at which its group lives."""
        root = self.parent
        while (root != root[root]).any():
            root = root[root]
        return root

    def _merge(self, a: int, b: int) -> None:
        """Put the group at `b` into the one at `a`."""
        share = self.sizes[b] / (self.sizes[a] + self.sizes[b])
        for values in (self.weights, self.means, self.squares):
            values[a] += share * (values[b] - values[a])
        self.sizes[a] += self.sizes[b]
        self.parent[b] = a
        self.version[a] += 1
        self.version[b] += 1
        theirs = self.neighbours.pop(b)
        for other in theirs - {a}:
            self.neighbours[other].discard(b)
            self.neighbours[other].add(a)
        self.neighbours[a] = (self.neighbours[a] | theirs) - {a, b}


def _by_appearance(labels: np.ndarray) -> np.ndarray:
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[inverse]
