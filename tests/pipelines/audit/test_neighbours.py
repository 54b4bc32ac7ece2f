import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.audit import neighbours
from pipelines.audit.distance_blocks import count_close
from pipelines.audit.neighbours import close_pairs


def brute_force(X, radius, scale=None):
    """Return (distance, first, second) of every pair within the radius, nearest first."""
    X = np.asarray(X, dtype=np.float64)
    scale = np.ones(len(X)) if scale is None else scale
    pairs = [
        (float(np.sqrt(((X[i] - X[j]) ** 2).sum() / (scale[i] * scale[j]))), i, j)
        for i in range(len(X))
        for j in range(i + 1, len(X))
    ]
    return sorted(pair for pair in pairs if pair[0] <= radius)


def listed(pairs):
    return list(zip(pairs.first.tolist(), pairs.second.tolist(), strict=True))


@given(
    seed=st.integers(0, 100),
    n=st.integers(1, 40),
    rows=st.integers(1, 50),
    columns=st.integers(1, 50),
)
def test_all_pairs_are_found_whatever_the_blocks(seed, n, rows, columns):
    X = np.random.default_rng(seed).normal(size=(n, 3))
    pairs = close_pairs(X, 1.0, block_shape=(rows, columns))
    expected = brute_force(X, 1.0)
    assert listed(pairs) == [(i, j) for _, i, j in expected]
    np.testing.assert_allclose(pairs.distance, [d for d, _, _ in expected], rtol=1e-12)


def test_distances_are_exact_far_from_the_origin():
    """Where float32 alone would see nothing but rounding."""
    X = np.array([[0.0, 0.0], [3e-4, 4e-4], [9.0, 0.0]]) + 1e4
    pairs = close_pairs(X, 1e-3)
    assert listed(pairs) == [(0, 1)]
    assert pairs.distance[0] == pytest.approx(5e-4, rel=1e-6)


def test_the_radius_itself_is_within():
    assert len(close_pairs(np.array([[0.0], [1.0]]), 1.0)) == 1
    assert len(close_pairs(np.array([[0.0], [1.0 + 1e-9]]), 1.0)) == 0


@pytest.mark.parametrize("most", [1, 3])
def test_a_pair_stays_if_it_is_among_the_nearest_of_either_row(rng, most):
    X = rng.normal(size=(60, 2))
    pairs = close_pairs(X, 2.0, most_per_row=most, block_shape=(7, 11))
    everything = brute_force(X, 2.0)
    nearest = {
        (i, j)
        for row in range(60)
        for _, i, j in [pair for pair in everything if row in pair[1:]][:most]
    }
    assert set(listed(pairs)) == nearest
    assert len(everything) > len(nearest)


def test_rows_that_are_all_alike_keep_few_pairs(monkeypatch):
    monkeypatch.setattr(neighbours, "_WAITING_PAIRS", 100)
    pairs = close_pairs(np.ones((200, 4)), 0.1, most_per_row=2, block_shape=(16, 64))
    assert len(pairs) <= 200 * 2


def test_memory_does_not_grow_with_the_square_of_the_rows(rng):
    X = rng.normal(size=(4000, 8)).astype(np.float32)
    close_pairs(X[:10], 0.1)
    tracemalloc.start()
    close_pairs(X, 0.1, block_shape=(128, 512))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4e6 < 4000**2  # bytes; a matrix of single bytes would be 16 MB


def test_every_block_is_as_small_as_asked_for(rng, monkeypatch):
    shapes = []
    real = neighbours.half_squares

    def spy(*args):
        for at, halves in real(*args):
            shapes.append(halves.shape)
            yield at, halves

    monkeypatch.setattr(neighbours, "half_squares", spy)
    close_pairs(rng.normal(size=(100, 2)), 0.1, block_shape=(32, 16))
    assert len(shapes) == 7 + 5 + 3 + 1  # the upper triangle only
    assert set(shapes) <= {(32, 16), (32, 4), (4, 4)}


@pytest.mark.parametrize("block_shape", [(64, 64), (7, 5)])
def test_relative_distances_are_divided_by_both_rows_scales(rng, block_shape):
    X, scale = rng.normal(size=(60, 3)), rng.uniform(0.5, 2, 60)
    pairs = close_pairs(X, 0.8, scale=scale, block_shape=block_shape)
    expected = brute_force(X, 0.8, scale)
    assert listed(pairs) == [(i, j) for _, i, j in expected]
    np.testing.assert_allclose(pairs.distance, [d for d, _, _ in expected], rtol=1e-12)
    counts = count_close(X, [0.4, 0.8], scale=scale, block_shape=block_shape)
    assert counts.tolist() == [len(brute_force(X, radius, scale)) for radius in (0.4, 0.8)]
    other = count_close(
        X[:20], [0.8], X[20:], scale=scale[:20], scale_of_Y=scale[20:], block_shape=block_shape
    )
    assert other[0] == sum(i < 20 <= j for _, i, j in expected)


def test_rows_that_are_alike_are_counted_once_a_pair():
    assert count_close(np.ones((100, 4)), [1e-6, 1.0], block_shape=(8, 16)).tolist() == [4950, 4950]


def test_no_rows_have_no_pairs():
    assert len(close_pairs(np.zeros((0, 3)), 1.0)) == 0
    assert count_close(np.zeros((0, 3)), [1.0]).tolist() == [0]


def test_within_is_the_beginning(rng):
    pairs = close_pairs(rng.normal(size=(50, 2)), 1.0)
    smaller = pairs.within(0.5)
    assert 0 < len(smaller) < len(pairs)
    assert smaller.distance.max() <= 0.5 < pairs.distance[len(smaller)]


def test_counting_agrees_with_listing(rng):
    X, Y = rng.normal(size=(70, 3)), rng.normal(size=(50, 3))
    distances = np.sqrt(((X[:, None] - Y) ** 2).sum(2))
    radii = [0.5, 1.0, 2.0, 50.0]
    counts = count_close(X, radii, Y, block_shape=(16, 8))
    assert counts.tolist() == [int((distances <= radius).sum()) for radius in radii]
    own = count_close(X, radii, block_shape=(16, 8))
    assert own.tolist() == [len(brute_force(X, radius)) for radius in radii]


@pytest.mark.parametrize(
    ("X", "radius", "options", "message"),
    [
        (np.array([[np.nan]]), 1.0, {}, "finite numbers. Got the shape .1, 1. with NaN"),
        (np.zeros(3), 1.0, {}, "Got the shape .3,."),
        (np.zeros((2, 2)), 0.0, {}, "must be positive. Got 0.0, 64"),
        (np.zeros((2, 2)), 1.0, {"most_per_row": 0}, "must be positive"),
        (np.zeros((2, 2)), 1.0, {"block_shape": (0, 8)}, "must be positive"),
        (np.zeros((2, 2)), 1.0, {"scale": np.ones(3)}, "2 rows need one finite, positive scale"),
        (np.zeros((2, 2)), 1.0, {"scale": np.zeros(2)}, "2 rows need one finite, positive scale"),
    ],
)
def test_wrong_arguments_are_refused(X, radius, options, message):
    with pytest.raises(ValueError, match=message):
        close_pairs(X, radius, **options)
