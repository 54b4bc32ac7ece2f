import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from featurex.detectors.tiled_pyramid import lay_out

SIDES = st.integers(1, 700)


def test_levels_without_room_beside_them_go_down():
    pyramid = lay_out(12, 12, 2, 3)
    assert pyramid.tiles == (
        (3, 3, 12, 12),
        (3, 17, 10, 10),
        (3, 29, 8, 8),
        (3, 39, 6, 6),
        (3, 47, 5, 5),
    )
    assert (pyramid.width, pyramid.height) == (18, 55)


def test_levels_turn_upwards_as_soon_as_one_fits_beside_the_last():
    """Reckoned by hand from dlib's rule: beside a level of 5 of 12 pixels, 4 and a gap of 2 fit."""
    pyramid = lay_out(12, 30, 2, 3)
    down = ((3, 3, 12, 30), (3, 35, 10, 25), (3, 62, 8, 20), (3, 84, 6, 16), (3, 102, 5, 13))
    up = ((11, 105, 4, 10), (12, 95, 3, 8), (13, 87, 2, 6), (14, 80, 1, 5))
    assert pyramid.tiles == down + up
    assert (pyramid.width, pyramid.height) == (18, 118)


@settings(deadline=None)
@given(SIDES, SIDES)
def test_levels_lie_apart_and_inside(width, height):
    pyramid = lay_out(width, height, 10, 11)
    assert pyramid.tiles[0] == (11, 11, width, height)
    for tile in pyramid.tiles:
        assert min(tile.left, tile.top) >= 11
        assert tile.left + tile.width <= pyramid.width - 11
        assert tile.top + tile.height <= pyramid.height - 11
    for one, other in itertools.combinations(pyramid.tiles, 2):
        assert not one.overlaps(other)
        assert not other.overlaps(one)


@settings(deadline=None)
@given(SIDES, SIDES)
def test_every_level_has_five_sixths_of_the_one_before(width, height):
    tiles = lay_out(width, height, 10, 11).tiles
    for before, after in itertools.pairwise(tiles):
        assert np.allclose((after.width, after.height), np.array(before[2:]) * 5 / 6, atol=1)
        assert after.height >= 5
        assert after.width >= 1


@settings(deadline=None)
@given(st.integers(100, 600), st.integers(100, 600))
def test_a_window_that_fills_a_level_is_a_box_around_the_photo(width, height):
    pyramid = lay_out(width, height, 10, 11)
    for tile in pyramid.tiles:
        centre = np.array([[tile.left + (tile.width - 1) / 2, tile.top + (tile.height - 1) / 2]])
        (box,) = pyramid.boxes(centre, (tile.width, tile.height))
        # Sizes are rounded down at every level, and dlib shifts every level by a part of a pixel.
        slack = 1 + 4 * width / tile.width
        np.testing.assert_allclose(box, [0, 0, width - 1, height - 1], atol=slack)


@pytest.mark.parametrize(
    ("centre", "box"),
    [
        ((61, 61), (11, 11, 90, 90)),  # 50.5 pixels from the corner of the photo, ±39.5
        ((0, 0), (-50, -50, 29, 29)),
    ],
)
def test_a_window_in_the_photo_is_itself(centre, box):
    centres = np.array([centre], float)
    assert lay_out(300, 200, 10, 11).boxes(centres, (80, 80)).tolist() == [list(box)]


def test_no_windows_are_no_boxes():
    assert lay_out(300, 200, 10, 11).boxes(np.empty((0, 2)), (80, 80)).shape == (0, 4)
