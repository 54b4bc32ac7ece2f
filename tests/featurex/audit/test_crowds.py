import numpy as np
import pytest
from scipy.spatial.distance import cdist

from featurex.audit.crowds import SAME_PERSON, crowd_distance
from pipelines.audit.neighbours import close_pairs


def test_where_photos_lie_dense_near_means_nearer(rng):
    """As small children do: 300 who are 0.35 apart are nobody's photos, two at 0.1 are."""
    adults = rng.normal(size=(300, 128)) * 0.9 / 16
    children = 5 + rng.normal(size=(300, 128)) * 0.35 / 16
    X = np.vstack([adults, children])
    X[1] = X[0] + rng.normal(size=128) * 0.35 / 16
    X[301] = X[300] + rng.normal(size=128) * 0.1 / 16
    pairs = close_pairs(X, SAME_PERSON, scale=crowd_distance(X))
    assert list(zip(pairs.first, pairs.second, strict=True)) == [(300, 301), (0, 1)]
    assert pairs.distance[0] < pairs.distance[1]


@pytest.mark.parametrize(("n", "rank"), [(5, 4), (60, 10), (300, 15), (1200, 50)])
def test_the_crowd_is_the_fiftieth_photo_and_of_few_a_nearer_one(rng, n, rank):
    X = rng.normal(size=(n, 128)).astype(np.float32) / 40
    expected = np.sort(cdist(X, X), axis=1)[:, rank]  # the first is the photo itself
    np.testing.assert_allclose(crowd_distance(X), expected, rtol=1e-6)


def test_the_crowd_is_never_farther_than_dlibs_own_threshold(rng):
    X = rng.normal(size=(40, 128))
    assert crowd_distance(X).max() * SAME_PERSON == pytest.approx(0.6)
    assert crowd_distance(np.zeros((40, 128))).min() > 0
    assert crowd_distance(X[:2]).shape == (2,)
