import numpy as np
import pytest
import torch
from PIL import Image

from featurex.backbones import get_backbone
from featurex.backbones.face_measures import N_POINTS
from featurex.exceptions import BackboneError
from featurex.extraction.embedding import Embedder


@pytest.fixture
def noise():
    return np.random.default_rng(0).integers(0, 256, (3, 150, 150, 3), dtype=np.uint8)


def test_grey_is_pillows_grey_averaged_over_areas(noise):
    """30 divides 150, so every number is the mean of 5x5 pixels."""
    found = Embedder(get_backbone("pixels:grey30"), "cpu")(noise).reshape(3, 30, 30)
    grey = np.stack([np.asarray(Image.fromarray(chip).convert("L")) for chip in noise])
    expected = grey.reshape(3, 30, 5, 30, 5).mean((2, 4)) / 255
    np.testing.assert_allclose(found, expected, atol=1 / 255)  # Pillow rounds each pixel


def test_rgb_is_one_plane_after_the_other(noise):
    found = Embedder(get_backbone("pixels:rgb50"), "cpu")(noise).reshape(3, 3, 50, 50)
    expected = noise.reshape(3, 50, 3, 50, 3, 3).mean((2, 4)).transpose(0, 3, 1, 2) / 255
    np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize(
    ("name", "length"), [("pixels", 1024), ("pixels:grey4", 16), ("pixels:rgb16", 768)]
)
def test_the_layer_says_how_long(noise, name, length):
    embeddings = Embedder(get_backbone(name), "cpu")(noise)
    assert embeddings.shape == (3, length)
    assert embeddings.min() >= 0
    assert embeddings.max() <= 1


@pytest.mark.parametrize("layer", ["grey", "grey3", "grey151", "grey032", "hsv32", "penultimate"])
def test_other_layers_are_refused(layer):
    with pytest.raises(BackboneError, match=rf"no layer '{layer}'"):
        get_backbone(f"pixels:{layer}")


def test_weights_are_refused(tmp_path):
    (tmp_path / "w.pth").write_bytes(b"")
    with pytest.raises(BackboneError, match="pixels has no weights"):
        get_backbone("pixels", tmp_path / "w.pth")


def test_every_layer_is_a_space_of_its_own():
    names = ("pixels:grey32", "pixels:grey31", "pixels:rgb32")
    settings = [get_backbone(name).settings for name in names]
    assert all(a != b for i, a in enumerate(settings) for b in settings[:i])
    assert settings[0]["weights_sha256"] is None
    assert settings[0] == get_backbone("pixels").settings


@pytest.mark.parametrize("name", ["pixels", "landmarks"])
def test_what_is_no_network_is_not_trained(name):
    backbone = get_backbone(name)
    for train in (backbone.check_trainable, backbone.untrained):
        with pytest.raises(BackboneError, match=f"{name}.* is no network, so it can't be fine"):
            train()
    get_backbone("dlib-resnet").check_trainable()


def test_a_blank_chip_gives_finite_numbers():
    """The embedder tries one before anything else."""
    blank = np.zeros((1, 150, 150, 3), np.uint8)
    assert not Embedder(get_backbone("pixels"), "cpu")(blank).any()
    assert Embedder(get_backbone("landmarks:points"), "cpu")(blank).shape == (1, 2 * N_POINTS)


def test_half_precision_holds_every_grey_level():
    """A run in bfloat16 hands over chips that still hold whole numbers up to 255."""
    levels = torch.arange(256.0)
    assert torch.equal(levels.bfloat16().float(), levels)
