import dlib
import numpy as np
import pytest
from PIL import Image

from featurex.backbones.dlib_models import FACE_CNN, dlib_model
from featurex.detectors.dlib_cnn import CnnDetector


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture(scope="session")
def cnn():
    return CnnDetector("cpu")


@pytest.fixture(scope="session")
def dlibs_cnn():
    """dlib's own detector as a function: boxes ``(n, 4)`` and scores, the surest first."""
    network = dlib.cnn_face_detection_model_v1(str(dlib_model(FACE_CNN)))

    def detect(image):
        found = network(image, 0)
        boxes = [(f.rect.left(), f.rect.top(), f.rect.right(), f.rect.bottom()) for f in found]
        return np.array(boxes).reshape(-1, 4), np.array([f.confidence for f in found])

    return detect


@pytest.fixture(scope="session")
def turned(portraits):
    """Two portraits, turned by 60 degrees: HOG finds no face in them."""
    return [
        np.asarray(Image.fromarray(photo).rotate(60, Image.Resampling.BILINEAR))
        for photo in (portraits[2], portraits[6])
    ]
