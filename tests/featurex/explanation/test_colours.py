import numpy as np
import pytest

from featurex.explanation.colours import overlay
from featurex.explanation.maps import YEARS, Explanation


def laid(values, grey=128, scale=1.0):
    values = np.asarray(values, np.float32)[None]
    chip = np.full((*values.shape, 3), grey, np.uint8)
    return overlay(chip, Explanation("occlusion", values, YEARS, None), scale)[0].astype(int)


def lab(rgb):
    """CIELAB under D65 of sRGB from 0 to 255 (CIE 15, IEC 61966-2-1)."""
    share = rgb / 255
    linear = np.where(share > 0.04045, ((share + 0.055) / 1.055) ** 2.4, share / 12.92)
    to_xyz = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    white = [0.9505, 1.0, 1.089]
    x, y, z = np.cbrt(linear @ np.array(to_xyz).T / white).T  # none is near black
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], 1)


def lightness(rgb):
    return lab(rgb)[:, 0]


def test_where_the_map_is_zero_the_face_is_grey():
    chip = np.random.default_rng(0).integers(0, 256, (9, 9, 3), dtype=np.uint8)
    flat = Explanation("occlusion", np.zeros((9, 9), np.float32), YEARS, None)
    picture = overlay(chip, flat, 1.0)
    assert (picture == picture[..., :1]).all()
    luma = chip @ np.array([0.299, 0.587, 0.114])
    np.testing.assert_allclose(picture[..., 0], luma, atol=0.51)


def test_up_is_orange_and_down_is_blue():
    down, up = laid([-1, 1])
    assert up[0] > up[1] > up[2]
    assert down[2] > down[1] > down[0]


def test_both_ends_are_equally_light():
    """So neither direction looks stronger; blue against orange, not red against green."""
    down, up = lightness(laid([-1, 1]))
    assert down == pytest.approx(up, abs=5)


@pytest.mark.parametrize("sign", [-1, 1])
@pytest.mark.parametrize("grey", [60, 128, 220])
def test_equal_steps_of_the_map_look_equal(sign, grey):
    """In CIELAB, another space than the one that the colours are mixed in."""
    steps = np.linalg.norm(np.diff(lab(laid(sign * np.linspace(0, 1, 9), grey)), axis=0), axis=1)
    assert steps.min() > 3
    assert steps.max() < 1.6 * steps.min()


def test_beyond_the_scale_nothing_changes():
    np.testing.assert_array_equal(laid([5.0], scale=2.0), laid([2.0], scale=2.0))
    assert (laid([1.0], scale=2.0) != laid([2.0], scale=2.0)).any()


def test_a_face_shines_through_everywhere():
    dark, light = laid([1.0], grey=0), laid([1.0], grey=255)
    assert (light - dark >= 15).all()
