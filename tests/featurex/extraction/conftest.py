import threading
from pathlib import Path

import numpy as np
import pytest
from torch import nn

from featurex.backbones.base import Backbone
from featurex.extraction import run as extraction_run
from featurex.extraction.embedding import Embedder
from featurex.extraction.embedding_options import EmbeddingOptions
from featurex.extraction.face_cache import FaceCache
from featurex.faces.aligner import Face, FaceAligner

SIDE = 16


class Means(nn.Module):
    def forward(self, chips):
        return chips.mean((2, 3))


class MeansBackbone(Backbone):
    """The mean colour of a chip: as fast as a network can be, and different for every photo."""

    layer, padding, preprocessing, weights_file = "mean", 0.25, {}, Path(__file__)

    def __init__(self, name="means", chip_size=SIDE):
        self.name, self.chip_size = name, chip_size

    def untrained(self):
        return Means()

    def build(self):
        return Means()


@pytest.fixture
def calls(monkeypatch):
    """Count what is slow; a photo whose first pixel is black has no face."""
    counts = {"detected": 0, "chips": 0, "embedded": 0}
    lock = threading.Lock()
    embed = Embedder.forward

    def count(what, n=1):
        with lock:
            counts[what] += n

    def central_face(self, photo):
        count("detected")
        landmarks = np.array([[12, 5], [10, 5], [4, 5], [6, 5], [8, 9]], np.int32)
        face = Face(np.array([2, 2, 14, 14], np.int32), landmarks, 1.0)
        return face if photo.scaled(1).any() else None

    def chip(self, photo, face, size, padding):
        count("chips")
        assert face.landmarks[4, 1] == 9
        return np.full((size, size, 3), photo.scaled(1)[0, 0], np.uint8)

    def forward(self, chips):
        count("embedded", len(chips))
        return embed(self, chips)

    monkeypatch.setattr(FaceAligner, "central_face", central_face)
    monkeypatch.setattr(FaceAligner, "chip", chip)
    monkeypatch.setattr(Embedder, "forward", forward)
    return counts


@pytest.fixture(params=[0, 2])
def ahead(request, monkeypatch):
    """In turns, as on a CPU, and with blocks in work ahead, as where a GPU embeds."""
    monkeypatch.setattr(extraction_run, "blocks_ahead", lambda caches: request.param)
    return request.param


@pytest.fixture
def photo_colours():
    """The colours of `photos`."""
    return np.array([(i + 1, 2 * i + 1, 200 - i) for i in range(20)], np.uint8)


@pytest.fixture
def photos(write_photo, photo_colours):
    """Twenty photos, each of a colour of its own."""
    return [
        write_photo(f"{i:02}.png", np.full((16, 16, 3), colour, np.uint8))
        for i, colour in enumerate(photo_colours)
    ]


@pytest.fixture
def assert_embedded(photos, photo_colours):
    """Return a function that compares a cache's embeddings with the colours of `photos`."""

    def assert_embedded(cache):
        found = cache.embedding_column([photo.image_id for photo in photos])[:]
        np.testing.assert_allclose(found, photo_colours, rtol=1e-5)

    return assert_embedded


@pytest.fixture
def open_cache(tmp_path):
    def open_cache(backbone=None, folder="cache", **options):
        backbone = backbone or MeansBackbone()
        options = EmbeddingOptions(**options)
        return FaceCache(tmp_path / folder, backbone, device="cpu", batch_size=4, options=options)

    return open_cache


@pytest.fixture
def means():
    """The fast backbone, of any name and size."""
    return MeansBackbone
