"""How near is near: distances of embeddings relative to the crowd around a photo."""

from __future__ import annotations

import numpy as np
from sklearn.neighbors import NearestNeighbors

# dlib's documentation: pairs within 0.6 are one person, which is right for 99.38 % of LFW's pairs.
LFW_RADIUS, LFW_ACCURACY = 0.6, 0.9938
# To dlib all small children look alike: among UTKFace's pairs of children under ten within 0.4,
# 44 % are a girl and a boy, as if drawn at random, where among adults' it is 3 %. So a photo's own
# measure is how far away its 50th nearest photo is (never more than makes 0.6 the limit), and a
# distance is divided by that of both photos. On FG-NET, whose 82 people are known, of the pairs
# within 0.75 of that 98.4 % are one person's, and 29 % of all pairs of one person are found;
# within 0.4 as it is, 81.6 % and 18 %.
CROWD, SAME_PERSON = 50, 0.75
SMALLEST_SCALE = 0.05  # where more than 50 copies of one photo are at distance 0


def crowd_rank(n_rows: int) -> int:
    """Return which neighbour of a photo is its crowd: the 50th, in small data sets a nearer one.

    There it is the 20th part of the photos, but not below the 10th, for a person's own photos must
    not be the crowd.
    """
    return min(CROWD, max(10, n_rows // 20), n_rows - 1)


def crowd_distance(X: np.ndarray) -> np.ndarray:
    """Return each row's measure of near: how far away its crowd is.

    Parameters
    ----------
    X : ndarray of shape (n, 128)
        At least two rows.

    Returns
    -------
    ndarray of shape (n,), float64
    """
    neighbours = NearestNeighbors(n_neighbors=crowd_rank(len(X)), algorithm="brute").fit(X)
    distances, _ = neighbours.kneighbors()
    return np.clip(distances[:, -1], SMALLEST_SCALE, LFW_RADIUS / SAME_PERSON)
