import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from featurex.detectors.tiled_pyramid import Tile, lay_out

SIDES = st.integers(1, 700)


def test_a_small_pyramid_is_as_reckoned_by_hand():
    """Levels of 12, 10, 8, 6 and 5 pixels: down the left edge, there being no room beside them."""
    pyramid = lay_out(12, 12, 2, 3)
    assert pyramid.tiles == (
        Tile(3, 3, 12, 12),
        Tile(3, 17, 10, 10),
        Tile(3, 29, 8, 8),
        Tile(3, 39, 6, 6),
        Tile(10, 40, 5, 5),
    )
    assert (pyramid.width, pyramid.height) == (18, 48)


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


@given(SIDES, SIDES)
def test_every_level_has_five_sixths_of_the_one_before(width, height):
    tiles = lay_out(width, height, 10, 11).tiles
    for before, after in itertools.pairwise(tiles):
        assert np.allclose((after.width, after.height), np.array(before[2:]) * 5 / 6, atol=1)
        assert after.height >= 5
        assert after.width >= 1


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
