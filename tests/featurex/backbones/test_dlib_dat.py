import struct
from contextlib import suppress

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from featurex.backbones import dlib_dat
from featurex.backbones.dlib_dat import Affine, Convolution, FullyConnected, read_layers
from featurex.backbones.dlib_models import FACE_RESNET, LANDMARKS_5, dlib_model
from featurex.backbones.dlib_resnet import load_dlib_resnet
from featurex.exceptions import BackboneError


def integer(value):
    """As dlib's serialize.h: a control byte, then the value's bytes."""
    size = (abs(value).bit_length() + 7) // 8
    return bytes([size | (0x80 if value < 0 else 0)]) + abs(value).to_bytes(size, "little")


def integers(*values):
    return b"".join(map(integer, values))


def text(name):
    return integer(len(name)) + name


def tensor(values, shape=None):
    values = np.asarray(values, "<f4")
    shape = shape or (values.size, 1, 1, 1)
    return integers(2, *shape) + values.tobytes()


def convolution(n_out=2, n_in=3, kernel=3, stride=1, padding=1, **changed):
    params = np.arange(n_out * n_in * kernel**2 + n_out)
    fields = {"n": n_out, "rows": kernel, "columns": kernel, "stride_y": stride}
    fields |= {"stride_x": stride, "padding_y": padding, "padding_x": padding} | changed
    return text(b"con_4") + tensor(params) + integers(*fields.values())


def affine(k=2):
    return text(b"affine_") + tensor(np.arange(2 * k))


def batch_normalisation(gamma, beta, means, variances, epsilon=(1, -10)):
    """As dlib's bn_: factors, shapes, the last batch, the running averages, then numbers."""
    shape = integers(1, 1, len(gamma), 1, 1)
    last_batch = tensor(np.full(len(gamma), 7)) + tensor(np.full(len(gamma), 8))
    running = tensor(means) + tensor(variances)
    multipliers = integers(1, 0, 0, 11, 16, -4, 16, -4)
    head = text(b"bn_con2") + tensor(np.concatenate([gamma, beta])) + 2 * shape
    return head + last_batch + running + integers(100, 100) + multipliers + integers(*epsilon)


def fully_connected(n_out=4, n_in=3):
    weight = tensor(np.arange(n_out * n_in), (n_in, n_out, 1, 1))
    return text(b"fc_2") + integers(n_out, n_in) + weight


@pytest.fixture
def write(tmp_path):
    def write(data):
        path = tmp_path / "network.dat"
        path.write_bytes(data)
        return path

    return write


def test_layers_come_in_their_order(write):
    path = write(b"junk" + convolution() + b"\0\1junk" + affine() + fully_connected())
    conv, aff, full = read_layers(path)
    assert isinstance(conv, Convolution)
    assert (conv.n_filters, conv.kernel, conv.stride, conv.padding) == (2, 3, 1, 1)
    weight, bias = conv.weight_and_bias(3)
    np.testing.assert_array_equal(weight, np.arange(54).reshape(2, 3, 3, 3))
    np.testing.assert_array_equal(bias, [54, 55])
    assert isinstance(aff, Affine)
    np.testing.assert_array_equal((aff.scale, aff.shift), [[0, 1], [2, 3]])
    assert isinstance(full, FullyConnected)
    np.testing.assert_array_equal(full.weight, np.arange(12).reshape(3, 4).T)


def test_a_batch_normalisation_is_the_affine_layer_of_its_running_averages(write):
    rng = np.random.default_rng(0)
    gamma, beta, means, variances, x = rng.normal(size=(5, 4)).astype("f4")
    variances = np.abs(variances)
    (layer,) = read_layers(write(batch_normalisation(gamma, beta, means, variances)))
    values = map(torch.from_numpy, (x[None], means, variances, gamma, beta))
    expected = torch.nn.functional.batch_norm(*values, eps=2**-10).numpy()[0]
    np.testing.assert_allclose(x * layer.scale + layer.shift, expected, rtol=1e-5, atol=1e-6)


def test_a_marker_inside_weights_is_no_layer(write):
    hidden = np.frombuffer(text(b"affine_").ljust(12, b"\0"), "<f4")
    path = write(text(b"affine_") + tensor(np.append(hidden, 1.0)))
    assert len(read_layers(path)) == 1


def test_a_convolution_of_other_channels_is_another_network(write):
    (conv,) = read_layers(write(convolution(n_in=3)))
    with pytest.raises(BackboneError, match="numbers where 74 were expected"):
        conv.weight_and_bias(4)


HUGE = 2**63 + 1


@pytest.mark.parametrize(
    "data",
    [
        convolution()[:-1],
        convolution()[:40],
        text(b"con_4"),
        convolution(columns=5),
        convolution(stride_x=2),
        convolution(padding_x=0),
        convolution(rows=-3, columns=-3),
        convolution(n=0),
        convolution(stride_y=0, stride_x=0),
        convolution(padding_y=-1, padding_x=-1),
        text(b"affine_") + tensor(np.arange(3)),
        text(b"affine_") + integers(1, 1, 1, 1, 1) + bytes(4),
        text(b"affine_") + integers(2, -1, 1, 1, 1),
        text(b"affine_") + integers(2, HUGE, HUGE, 1, 1),
        text(b"affine_") + integers(2, HUGE, 0, 1, 1) + bytes(8),
        text(b"affine_") + b"\x0f" + bytes(16),
        batch_normalisation([1], [1], [1], [1])[:-1],
        batch_normalisation([1], [1], [1], [-1]),
        batch_normalisation([1], [1], [1], [np.nan]),
        batch_normalisation([1], [1], [1], [1], (1, 32002)),
        batch_normalisation([1], [1], [1], [1, 1]),
        batch_normalisation([1], [1], [1, 1], [1]),
        text(b"fc_2") + integers(5, 3) + tensor(np.arange(12)),
        text(b"fc_2") + integers(HUGE, HUGE) + tensor(np.arange(12)),
    ],
)
def test_damaged_files_are_named(write, data):
    path = write(data)
    with pytest.raises(BackboneError, match=r"network\.dat is damaged or truncated.*Install"):
        read_layers(path)


@pytest.mark.parametrize("data", [b"", b"not a network", b"con_4"])
def test_foreign_files_are_named(write, data):
    with pytest.raises(BackboneError, match=r"network\.dat holds no layer"):
        read_layers(write(data))


def test_missing_and_too_large_files_are_named(write, tmp_path, monkeypatch):
    with pytest.raises(BackboneError, match=r"nowhere\.dat: No such file"):
        read_layers(tmp_path / "nowhere.dat")
    monkeypatch.setattr(dlib_dat, "MAX_FILE_BYTES", 10)
    with pytest.raises(BackboneError, match=r"network\.dat has 11 bytes"):
        read_layers(write(bytes(11)))


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_no_damage_raises_anything_else(tmp_path_factory, data):
    normalisation = batch_normalisation([1, 1], [1, 1], [1, 1], [1, 1])
    content = bytearray(convolution() + affine() + normalisation + fully_connected())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.getbasetemp() / "damaged.dat"
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    with suppress(BackboneError):
        for layer in read_layers(path):
            if isinstance(layer, Convolution):
                layer.weight_and_bias(3)


@pytest.fixture(scope="module")
def resnet_bytes():
    return dlib_model(FACE_RESNET).read_bytes()


@pytest.mark.parametrize("share", [0.0001, 0.5, 0.999])
def test_a_truncated_resnet_is_refused(write, resnet_bytes, share):
    path = write(resnet_bytes[: int(share * len(resnet_bytes))])
    with pytest.raises(BackboneError, match=r"network\.dat"):
        load_dlib_resnet(path)


def test_another_dlib_network_is_refused(write):
    path = write((convolution() + affine()) * 29 + fully_connected())
    with pytest.raises(BackboneError, match=r"network\.dat holds another network"):
        load_dlib_resnet(path)
    with pytest.raises(BackboneError, match="not of the face recognition ResNet"):
        load_dlib_resnet(write(convolution() + affine()))


def test_a_landmark_model_is_refused():
    with pytest.raises(BackboneError, match=LANDMARKS_5):
        load_dlib_resnet(dlib_model(LANDMARKS_5))


def stem(stride=2, padding=0, k=32):
    return convolution(32, 3, 7, stride, padding) + affine(k)


@pytest.mark.parametrize("changed", [{"stride": 1}, {"padding": 3}, {"k": 1}, {"k": 64}])
def test_a_stem_of_another_layout_is_refused(write, changed):
    path = write(stem(**changed) + (convolution() + affine()) * 28 + fully_connected())
    with pytest.raises(BackboneError, match=r"network\.dat holds another network: .* stride"):
        load_dlib_resnet(path)


def test_integers_are_read_as_dlib_writes_them():
    """Bytes written by dlib 19.24: 0, 5, -5, 300, -70000."""
    data = bytes.fromhex("0001058105022c0183701101")
    assert dlib_dat.Reader(data, 0).integers(5) == [0, 5, -5, 300, -70000]
    assert struct.pack("<I", 70000)[:3].hex() == "701101"
