import numpy as np

from pipelines.figures.maps import principal_plane


def test_a_plane_in_many_dimensions_is_found(rng):
    flat = rng.normal(size=(60, 2)) * [5, 1]
    axes, _ = np.linalg.qr(rng.normal(size=(9, 9)))
    places, shares = principal_plane(flat @ axes[:2] + 3)
    assert np.isclose(shares.sum(), 1)
    assert shares[0] > shares[1]
    apart = np.linalg.norm(flat[:, None] - flat, axis=-1)
    assert np.allclose(np.linalg.norm(places[:, None] - places, axis=-1), apart)


def test_equal_rows_and_a_single_row_are_at_zero():
    for X in (np.ones((5, 4)), np.ones((1, 4))):
        places, shares = principal_plane(X)
        assert places.tolist() == [[0, 0]] * len(X)
        assert shares.tolist() == [0, 0]
