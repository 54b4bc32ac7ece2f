import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from featurex.photos.picture import Box, Picture


@pytest.fixture(scope="module")
def pixels():
    return np.random.default_rng(0).integers(0, 256, (30, 40, 3), dtype=np.uint8)


spans = st.tuples(st.integers(0, 40), st.integers(0, 40)).filter(lambda s: s[0] < s[1])


@given(st.lists(st.tuples(spans, spans), min_size=1, max_size=4))
def test_parts_are_slices_in_whatever_order(pixels, boxes):
    picture = Picture.of(pixels)
    for (left, right), (top, bottom) in boxes:
        top, bottom = min(top, 29), min(max(bottom, 1), 30)
        if top < bottom:
            part = picture.part(Box(left, top, right, bottom))
            np.testing.assert_array_equal(part, pixels[top:bottom, left:right])


def test_the_last_part_is_kept(pixels):
    picture = Picture.of(pixels)
    large = picture.part(Box(2, 3, 30, 25))
    assert np.shares_memory(picture.part(Box(2, 5, 20, 25)), large)
    assert not np.shares_memory(picture.part(Box(0, 0, 5, 5)), large)


def test_a_copy_is_as_pillow_scales_it(pixels):
    image = Image.fromarray(pixels)
    expected = image.resize((20, 15), Image.Resampling.BILINEAR, reducing_gap=2.0)
    np.testing.assert_array_equal(Picture(image).scaled(0.5), expected)
    np.testing.assert_array_equal(Picture(image).scaled(1), pixels)
    assert Picture(image).scaled(0.001).shape == (1, 1, 3)
    assert Picture(image).size == (40, 30)
    picture = Picture(image)
    assert Picture.of(picture) is picture
