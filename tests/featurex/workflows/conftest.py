"""24 bundled people as a data set, whose pixels are embedded once: the command and the functions
must give the same from them."""

import pytest
from typer.testing import CliRunner

from featurex import FaceEmbedder, read_dataset
from featurex.cli import app

N_PHOTOS = 60
WORDS = ("--backbone", "pixels", "--detector", "dlib-hog", "--device", "cpu", "--jobs", 1)


@pytest.fixture(scope="session")
def data():
    return read_dataset("people", limit=N_PHOTOS)


@pytest.fixture(scope="session")
def embedder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("workflows") / "cache"
    return FaceEmbedder("pixels", cache=folder, detector="dlib-hog", device="cpu")


@pytest.fixture
def command(embedder):
    """Return a function that runs a command on the same data and cache."""

    def run(verb, *words):
        given = ("people", "--limit", N_PHOTOS, "--cache", embedder.cache, *WORDS, *words)
        result = CliRunner().invoke(app, [verb, *map(str, given)])
        assert result.exit_code == 0, result.stderr
        return result

    return run
