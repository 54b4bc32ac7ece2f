import subprocess
import sys

import numpy as np
import pytest

from featurex.detectors import DEFAULT_DETECTOR, DETECTORS, get_detectors
from featurex.detectors.base import Detection, Detector
from featurex.detectors.dlib_cnn import CnnDetector
from featurex.detectors.hog import HogDetector
from featurex.extraction import spaces
from featurex.faces.aligner import FaceAligner


class Fake(Detector):
    """Finds one face, wide as the image, in images of at least a size."""

    ladder = (128, 256)
    settings = None

    def __init__(self, smallest):
        self.smallest = smallest
        self.asked = []

    def detect(self, image):
        height, width, _ = image.shape
        self.asked.append(width)
        return [Detection(np.array([0, 0, width, height]), 1.0)] * (width >= self.smallest)


@pytest.fixture
def ask():
    """Return a function that looks for a face with fakes, and returns what each was asked."""

    def ask(method, *smallest):
        aligner = FaceAligner()
        aligner._detectors = fakes = [Fake(size) for size in smallest]
        found = getattr(aligner, method)(np.zeros((100, 100, 3), np.uint8))
        return found, [fake.asked for fake in fakes]

    return ask


def test_names_stand_for_detectors():
    kinds = {name: [type(d) for d in get_detectors(name)] for name in DETECTORS}
    assert kinds == {
        "dlib-hog": [HogDetector],
        "dlib-cnn": [CnnDetector],
        "hog+cnn": [HogDetector, CnnDetector],
    }
    assert DEFAULT_DETECTOR in DETECTORS


@pytest.mark.parametrize("name", ["hat", "", None, ["dlib-hog"]])
def test_an_unknown_name_lists_the_known(name):
    with pytest.raises(ValueError, match=r"Unknown detector .* are dlib-hog, dlib-cnn, hog\+cnn"):
        FaceAligner(name)


@pytest.mark.parametrize("method", ["central_face", "faces"])
def test_a_later_detector_is_asked_only_where_the_first_finds_nothing(ask, method):
    found, (first, second) = ask(method, 1, 1)
    assert found
    assert len(first) == 1
    assert second == []


def test_a_detector_climbs_its_ladder_before_the_next_is_asked(ask):
    face, (first, second) = ask("central_face", 9999, 300)
    assert first == [128 + 2 * 13, 256 + 2 * 26]  # with a border of a tenth on every side
    assert second == first
    np.testing.assert_allclose(face.box, [-10, -10, 110, 110], atol=1)


def test_where_no_detector_finds_anything_there_is_no_face(ask):
    assert ask("central_face", 9999, 9999)[0] is None
    assert ask("faces", 9999, 9999)[0] == []


def test_the_settings_of_hog_are_those_of_earlier_caches():
    assert FaceAligner("dlib-hog").settings == {
        "detector": "dlib-hog",
        "landmarks": "shape_predictor_5_face_landmarks.dat",
        "ladder": [128, 256, 512],
        "border": 0.1,
        "face": "central",
        "version": 1,
    }


def test_every_detector_has_a_space_of_its_own():
    assert len({spaces.faces_space(FaceAligner(name)).id for name in DETECTORS}) == 3


@pytest.mark.parametrize("name", ["dlib-cnn", "hog+cnn"])
def test_the_cnn_finds_turned_faces_that_hog_misses(name, cnn, turned):
    aligner = FaceAligner(name)
    aligner._detectors = (*aligner._detectors[:-1], cnn)  # loaded once a session
    hog = FaceAligner("dlib-hog")
    assert [hog.central_face(photo) for photo in turned] == [None, None]
    for photo in turned:
        face = aligner.central_face(photo)
        assert np.abs(face.box.reshape(2, 2).mean(0) - 128).max() < 60
        assert aligner.chip(photo, face, 150, 0.25).shape == (150, 150, 3)
        assert len(aligner.faces(photo)) == 1


@pytest.mark.parametrize("shape", [(1, 1, 3), (3, 3000, 3), (3000, 3, 3)])
def test_tiny_and_elongated_photos_have_no_face(cnn, shape):
    aligner = FaceAligner("dlib-cnn")
    aligner._detectors = (cnn,)
    photo = np.full(shape, 200, np.uint8)
    assert aligner.central_face(photo) is None
    assert aligner.faces(photo) == []


def test_hog_alone_loads_no_torch():
    code = (
        "import sys, numpy; from featurex.faces.aligner import FaceAligner; "
        "FaceAligner('dlib-hog').central_face(numpy.zeros((9, 9, 3), 'uint8')); "
        "FaceAligner('hog+cnn').settings; sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], timeout=600, check=False).returncode == 0
