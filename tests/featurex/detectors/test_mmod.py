from contextlib import suppress

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from featurex.backbones.dlib_models import FACE_CNN, FACE_RESNET, LANDMARKS_5, dlib_model
from featurex.detectors.mmod import MIN_SIDE, OFFSET, STRIDE, layout, load_mmod, read_options
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
def test_an_output_is_centred_where_its_box_is_said_to_be():
    """Pixels beyond what an output sees don't matter, and those at its centre do."""
    network = load_mmod(dlib_model(FACE_CNN))
    image = torch.full((1, 3, 240, 240), 117.0)
    reach, (row, column) = 95, (12, 13)  # 189 pixels are seen: 29 and 8 * (3 * 4 + 8) more
    left, top = STRIDE * column + OFFSET - 11 - reach, STRIDE * row + OFFSET - 11 - reach
    assert min(left, top) >= 0
    before = network(image)[0, row, column]
    image[..., top : top + 2 * reach, left : left + 2 * reach] += torch.randn(190, 190) * 40
    assert network(image)[0, row, column] != before


@torch.inference_mode()
def test_the_smallest_image_with_an_output_has_one():
    network = load_mmod(dlib_model(FACE_CNN))
    side = MIN_SIDE - 2 * 11
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
    with pytest.raises(BackboneError, match="not finite"):
        load_mmod(write(content[:1000] + nan + content[1004:]))


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
