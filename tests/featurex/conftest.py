import io

import numpy as np
import pytest
from PIL import Image

from featurex.alignment import Photo
from featurex.backbones import get_backbone
from featurex.datasets.people import people_root
from featurex.faces import FaceAligner
from featurex.hashing import image_id


@pytest.fixture(scope="session")
def aligner():
    return FaceAligner()


@pytest.fixture(scope="session")
def portraits():
    """Eight photos of the bundled people, one a person, ``(256, 256, 3)`` uint8."""
    paths = sorted(people_root().glob("person*_0.jpg"))[::12][:8]
    return [np.array(Image.open(path).convert("RGB")) for path in paths]


@pytest.fixture(scope="session")
def clear_portraits(aligner, portraits):
    """The four in which HOG is surest, so that it finds them at any scale."""
    return sorted(portraits, key=lambda photo: -aligner.central_face(photo).score)[:4]


@pytest.fixture(scope="session")
def chips(aligner, portraits):
    """The faces of `portraits`, ``(n, 150, 150, 3)`` uint8."""
    faces = [aligner.central_face(photo) for photo in portraits]
    return np.stack([aligner.chip(p, f, 150, 0.25) for p, f in zip(portraits, faces, strict=True)])


@pytest.fixture(scope="session")
def dlib_resnet():
    """The pyramid of dlib's ResNet, loaded."""
    return get_backbone("dlib-resnet").build()


@pytest.fixture
def write_photo(tmp_path):
    """Return a function that writes pixels, or any bytes, and returns the `Photo`."""

    def write(name, content):
        if not isinstance(content, bytes):
            buffer = io.BytesIO()
            Image.fromarray(content).save(buffer, "PNG", compress_level=1)
            content = buffer.getvalue()
        path = tmp_path / "photos" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
        return Photo(image_id(content), str(path))

    return write


@pytest.fixture
def dlib_backbone(dlib_resnet, monkeypatch):
    """dlib's ResNet as a backbone whose file is read once a session."""
    backbone = get_backbone("dlib-resnet")
    monkeypatch.setattr(backbone, "build", lambda: dlib_resnet)
    return backbone
