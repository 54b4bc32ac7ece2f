import dlib
import numpy as np
import pytest
import torch

from featurex.backbones import get_backbone, landmarks
from featurex.backbones.dlib_models import LANDMARKS_5, LANDMARKS_68, dlib_model
from featurex.backbones.face_measures import LEFT_EYE, NAMES, RIGHT_EYE, measure, normalised
from featurex.backbones.landmarks import fit_points
from featurex.exceptions import BackboneError
from featurex.extraction.embedding import Embedder


@pytest.fixture(scope="module")
def predictor():
    return dlib.shape_predictor(str(dlib_model(LANDMARKS_68)))


@pytest.fixture(scope="module")
def points(predictor, chips):
    return np.stack([fit_points(predictor, chip) for chip in chips])


def photo_points(predictor, photo, face):
    """Return the landmarks as dlib is mostly used: on the photo, in the detector's box."""
    shape = predictor(photo, dlib.rectangle(*map(int, face.box)))
    return np.array([(p.x, p.y) for p in shape.parts()], float)


# In distances of the eyes, without position, size and tilt, which a chip has not.
NEAR = 0.06


@pytest.fixture(scope="module")
def far_from_the_photos(predictor, aligner, portraits):
    """Tell how far points of the chips are from those on the photos, in the median face."""
    faces = [aligner.central_face(photo) for photo in portraits]
    on_photo = [photo_points(predictor, p, f) for p, f in zip(portraits, faces, strict=True)]
    expected = normalised(np.stack(on_photo))
    return lambda points: np.median(np.linalg.norm(normalised(points) - expected, axis=2).mean(1))


def test_points_of_the_chip_are_those_of_the_photo(points, far_from_the_photos):
    assert far_from_the_photos(points) < NEAR


@pytest.mark.parametrize("wrong", [(29, 28, 157, 156), (-11, -12, 117, 116), (40, 40, 110, 110)])
def test_a_wrong_box_gives_other_points(predictor, chips, far_from_the_photos, monkeypatch, wrong):
    box = dlib.rectangle(*(landmarks.ENLARGEMENT * side for side in wrong))
    monkeypatch.setattr(landmarks, "_BOX", box)
    points = np.stack([fit_points(predictor, chip) for chip in chips])
    assert far_from_the_photos(points) > 2 * NEAR


def test_points_lie_where_an_aligned_face_has_them(points):
    """dlib's chip has the eyes' centres on one level, at a third of its height."""
    right, left = (points[:, list(eye)].mean(1) for eye in (RIGHT_EYE, LEFT_EYE))
    assert np.all(left[:, 0] - right[:, 0] > 30)
    assert np.all(np.abs(left[:, 1] - right[:, 1]) < 8)
    nose, chin = points[:, 30], points[:, 8]
    assert np.all((nose[:, 1] > right[:, 1]) & (chin[:, 1] > nose[:, 1]))


def test_the_embedding_is_what_is_measured(chips, points):
    found = Embedder(get_backbone("landmarks"), "cpu", batch_size=3)(chips)
    assert found.shape == (len(chips), len(NAMES))
    np.testing.assert_allclose(found, measure(points), rtol=1e-5)
    found = Embedder(get_backbone("landmarks:points"), "cpu")(chips)
    np.testing.assert_allclose(found, normalised(points).reshape(len(chips), -1), atol=1e-5)


def test_the_licence_is_told():
    assert "excludes commercial use" in get_backbone("landmarks").notice
    assert not get_backbone("dlib-resnet").notice


def test_another_model_is_refused(tmp_path):
    with pytest.raises(BackboneError, match="fits 5 landmarks, not 68"):
        get_backbone("landmarks", dlib_model(LANDMARKS_5)).build()
    (tmp_path / "w.dat").write_bytes(b"no model")
    with pytest.raises(BackboneError, match=r"w\.dat is no landmark model of dlib"):
        get_backbone("landmarks", tmp_path / "w.dat").build()


def test_the_space_names_dlibs_file():
    settings = get_backbone("landmarks").settings
    assert settings["weights_sha256"].startswith("fbdc2cb8")
    assert settings["preprocessing"]["box"]


def test_the_module_moves_like_every_other(chips):
    module = get_backbone("landmarks").build().to(memory_format=torch.channels_last)
    batch = torch.from_numpy(chips[:2]).permute(0, 3, 1, 2)
    assert torch.equal(module(batch.float()), module(batch.bfloat16()))
