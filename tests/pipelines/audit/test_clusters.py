import numpy as np
import pytest
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import pdist, squareform

from pipelines.audit.clusters import average_linkage
from pipelines.audit.neighbours import ClosePairs, close_pairs


def clusters(X, radius):
    return average_linkage(X, close_pairs(X, radius), radius)


def partition(labels):
    """Return the groups as sets of rows: numbers don't matter."""
    return {frozenset(np.flatnonzero(labels == label).tolist()) for label in np.unique(labels)}


@pytest.fixture
def people(rng):
    """60 people with 1 to 6 photos, as far apart as dlib's embeddings: people 0.8, photos 0.35."""
    counts = rng.integers(1, 7, 60)
    who = np.repeat(np.arange(60), counts)
    centres = rng.normal(size=(60, 128)) * 0.8 / np.sqrt(256)
    return centres[who] + rng.normal(size=(len(who), 128)) * 0.35 / np.sqrt(256), who


def test_planted_people_are_found_exactly(people):
    X, who = people
    assert partition(clusters(X, 0.5)) == partition(who)


def test_the_order_of_the_rows_does_not_matter(people, rng):
    X, _ = people
    order = rng.permutation(len(X))
    shuffled = np.empty(len(X), dtype=int)
    shuffled[order] = clusters(X[order], 0.5)
    assert partition(shuffled) == partition(clusters(X, 0.5))


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("radius", [0.3, 0.6, 1.2])
def test_it_is_average_linkage_as_scipy_has_it(seed, radius):
    X = np.random.default_rng(seed).normal(size=(120, 2))
    tree = linkage(pdist(X) ** 2, "average")
    expected = fcluster(tree, radius**2, "distance")
    assert partition(clusters(X, radius)) == partition(expected)


@pytest.mark.parametrize("seed", range(3))
def test_relative_distances_are_averaged_as_scipy_does(seed):
    rng = np.random.default_rng(seed)
    X, scale = rng.normal(size=(100, 2)), rng.uniform(0.5, 2, 100)
    squared = squareform(pdist(X) ** 2) / (scale[:, None] * scale)
    tree = linkage(squareform(squared, checks=False), "average")
    pairs = close_pairs(X, 0.6, scale=scale)
    expected = fcluster(tree, 0.6**2, "distance")
    assert partition(average_linkage(X, pairs, 0.6, scale)) == partition(expected)


def test_a_chain_is_no_group():
    """Single linkage would join all 50: each is near the next."""
    X = np.arange(50)[:, None] * 0.9
    sizes = np.bincount(clusters(X, 1.0))
    assert sizes.max() == 2
    assert len(close_pairs(X, 1.0)) == 49


def test_somebody_in_between_does_not_join_two_people(rng):
    one, other = rng.normal(0, 0.05, (20, 8)), rng.normal(0, 0.05, (20, 8))
    other[:, 0] += 1.0
    between = np.zeros((1, 8))
    between[0, 0] = 0.5
    labels = clusters(np.vstack([one, other, between]), 0.65)
    assert len(set(labels[:20])) == len(set(labels[20:40])) == 1
    assert labels[0] != labels[20]


def test_groups_are_numbered_by_appearance():
    X = np.array([[5.0], [0.0], [5.1], [9.0], [0.1]])
    assert clusters(X, 0.5).tolist() == [0, 1, 0, 2, 1]


def test_without_a_pair_everybody_is_alone():
    assert clusters(np.array([[0.0], [9.0]]), 1.0).tolist() == [0, 1]
    assert clusters(np.zeros((0, 3)), 1.0).tolist() == []


def test_pairs_of_other_rows_are_refused():
    pairs = ClosePairs(np.array([0]), np.array([7]), np.array([0.1]))
    with pytest.raises(ValueError, match="A pair names row 7, but there are 2 rows"):
        average_linkage(np.zeros((2, 1)), pairs, 1.0)
