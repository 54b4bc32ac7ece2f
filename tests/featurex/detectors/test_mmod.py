from contextlib import suppress

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from featurex.backbones.dlib_models import FACE_CNN, FACE_RESNET, LANDMARKS_5, dlib_model
from featurex.detectors import mmod
from featurex.detectors.mmod import (
    MIN_SIDE,
    OFFSET,
    OUTER_PADDING,
    STRIDE,
    layout,
    load_mmod,
    read_options,
)
from featurex.exceptions import BackboneError


@pytest.fixture(scope="module")
def content():
    return dlib_model(FACE_CNN).read_bytes()


@pytest.fixture
def write(tmp_path):
    def write(data):
        path = tmp_path / "network.dat"
        path.write_bytes(data)
        return path

    return write


def test_the_options_are_those_of_the_file():
    """Compared with the bytes, which begin ``loss_mmod_ 01 01 01 50 01 50 01 10 81 04``."""
    options = read_options(dlib_model(FACE_CNN))
    assert options.window == (80, 80)
    assert options.max_iou == 0x15A650F2546A8C * 2.0**-54
    assert options.max_covered == 1
    assert options.mean == pytest.approx((122.782, 117.001, 104.298), abs=1e-5)


@torch.inference_mode()
def test_an_output_sees_189_pixels_around_its_place():
    """29 of the strided convolutions, and 8 times 3 * 4 + 8 of the others."""
    network = load_mmod(dlib_model(FACE_CNN))
    row, column, reach = 12, 13, 94
    x, y = STRIDE * column + OFFSET - OUTER_PADDING, STRIDE * row + OFFSET - OUTER_PADDING
    seen = (..., slice(y - reach, y + reach + 1), slice(x - reach, x + reach + 1))
    plain = torch.full((1, 3, 210, 220), 117.0)
    outside = plain + 40 * torch.randn(plain.shape, generator=torch.manual_seed(0))
    inside = plain.clone()
    inside[seen], outside[seen] = outside[seen], plain[seen]
    scores = network(torch.cat([plain, outside, inside]))[:, row, column].tolist()
    assert scores[1] == pytest.approx(scores[0], abs=1e-5)
    assert abs(scores[2] - scores[0]) > 1e-3


@torch.inference_mode()
@pytest.mark.parametrize("pixels", [1, 2**14])
def test_scores_do_not_depend_on_the_bands_that_are_computed_at_once(pixels, monkeypatch):
    network = load_mmod(dlib_model(FACE_CNN))
    images = 255 * torch.rand((2, 3, 150, 163), generator=torch.manual_seed(0))
    at_once = network(images)
    monkeypatch.setattr(mmod, "BAND_PIXELS", pixels)
    in_bands = network(images)
    torch.testing.assert_close(in_bands, at_once, rtol=0, atol=1e-5)


@torch.inference_mode()
def test_the_smallest_image_with_an_output_has_one():
    network = load_mmod(dlib_model(FACE_CNN))
    side = MIN_SIDE - 2 * OUTER_PADDING
    assert layout(side, side).width == MIN_SIDE
    assert network(torch.zeros(1, 3, side, side)).shape[2] == 1


@pytest.mark.parametrize("share", [0, 0.00001, 0.0001, 0.5, 0.999])
def test_a_truncated_file_is_refused(write, content, share):
    with pytest.raises(BackboneError, match=r"network\.dat"):
        load_mmod(write(content[: int(share * len(content))]))


@pytest.mark.parametrize("name", [FACE_RESNET, LANDMARKS_5])
def test_another_model_is_refused(name):
    with pytest.raises(BackboneError, match=name):
        load_mmod(dlib_model(name))
    with pytest.raises(BackboneError, match=f"{name} holds no detector"):
        read_options(dlib_model(name))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(BackboneError, match=r"nowhere\.dat: No such file"):
        load_mmod(tmp_path / "nowhere.dat")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (b"loss_mmod_\x01\x01", b"loss_mmod_\x01\x04", "damaged or truncated: .* version 4"),
        (b"\x01\x50\x01\x50", b"\x01\x50\x81\x50", "window 80 x -80"),
        (b"\x01\x10\x81\x04", b"\x01\x10\x02\x00\x7d", "exponent 32000"),
        (b"input_rgb_image_pyramid", b"input_rgb_image_pyramix", "damaged"),
        (b"\x01\x05\x01\x05\x01\x02\x01\x02", b"\x01\x05\x01\x05\x01\x01\x01\x01", "another net"),
        (b"bn_con2", b"bn_conx", "not of the CNN face detector"),
    ],
)
def test_other_contents_are_refused(write, content, old, new, message):
    assert old in content
    with pytest.raises(BackboneError, match=message):
        load_mmod(write(content.replace(old, new, 1)))


def test_weights_that_are_not_finite_are_refused(write, content):
    nan = np.array([np.nan], "<f4").tobytes()
    first = content.index(b"con_4") + 16  # behind the marker and the tensor's shape
    with pytest.raises(BackboneError, match="not finite"):
        load_mmod(write(content[:first] + nan + content[first + 4 :]))


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_no_damage_of_the_header_raises_anything_else(tmp_path_factory, content, data):
    header = bytearray(content[:160])
    for _ in range(data.draw(st.integers(1, 4))):
        header[data.draw(st.integers(0, len(header) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.getbasetemp() / "header.dat"
    path.write_bytes(header)
    with suppress(BackboneError):
        options = read_options(path)
        assert np.isfinite([options.max_iou, options.max_covered, *options.mean]).all()
