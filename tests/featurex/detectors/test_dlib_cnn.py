"""dlib's own detector gives the known answers."""

import copy
import json
import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from featurex.backbones.base import file_sha256
from featurex.backbones.dlib_models import FACE_CNN, dlib_model
from featurex.detectors import dlib_cnn
from featurex.detectors.dlib_cnn import CnnDetector, suppressed


def resized(photo, width, height):
    return np.asarray(Image.fromarray(photo).resize((width, height), Image.Resampling.BILINEAR))


def images(portraits, turned):
    """Six images of different sizes and shapes; in all but the last are faces."""
    return {
        "upright": portraits[0],
        "turned": turned[0],
        "two": np.vstack(portraits[2:4]),
        "wide": np.pad(portraits[4], ((0, 0), (20, 200), (0, 0)), mode="edge")[30:220],
        "large": resized(portraits[5], 311, 359),
        "small": resized(portraits[6], 90, 110),
    }


@pytest.mark.parametrize("name", ["upright", "turned", "two", "wide", "large", "small"])
def test_boxes_and_scores_are_dlibs_own(cnn, dlibs_cnn, portraits, turned, name):
    image = images(portraits, turned)[name]
    boxes, scores = dlibs_cnn(np.ascontiguousarray(image))
    found = cnn.detect(image)
    assert len(boxes) == {"two": 2, "small": 0}.get(name, 1)
    assert [face.box.tolist() for face in found] == boxes.tolist()
    np.testing.assert_allclose([face.score for face in found], scores, atol=1e-4)


def test_a_batch_is_its_images_in_their_order(cnn, portraits):
    mixed = [portraits[0], portraits[1][:200], portraits[2], np.zeros((3, 3, 3), np.uint8)]
    found = cnn.detect_batch(mixed)
    assert [len(faces) for faces in found] == [1, 1, 1, 0]
    for faces, image in zip(found, mixed, strict=True):
        same_as(faces, cnn.detect(image))


def test_batches_are_split_by_their_pixels(cnn, portraits, monkeypatch):
    monkeypatch.setattr(dlib_cnn, "BATCH_PIXELS", 256 * 256 * 2)
    sizes = []
    forward = cnn._scores
    monkeypatch.setattr(cnn, "_scores", lambda batch: sizes.append(len(batch)) or forward(batch))
    found = cnn.detect_batch(portraits[:3])
    assert sizes == [2, 1]
    for faces, image in zip(found, portraits, strict=False):
        same_as(faces, cnn.detect(image))


def same_as(found, expected):
    for one, other in zip(found, expected, strict=True):
        assert one.box.tolist() == other.box.tolist()
        assert one.score == pytest.approx(other.score, abs=1e-4)


@pytest.mark.parametrize("shape", [(1, 1), (6, 6), (7, 7), (1, 900), (900, 1), (2000, 5)])
def test_images_too_small_for_a_face_have_none(cnn, rng, shape):
    assert cnn.detect(rng.integers(0, 256, (*shape, 3), dtype=np.uint8)) == []


def test_there_is_no_face_in_noise_or_on_a_wall(cnn, rng):
    noise = rng.integers(0, 256, (300, 250, 3), dtype=np.uint8)
    smooth = resized(noise[:30, :25], 250, 300)
    walls = [np.full((300, 250, 3), grey, np.uint8) for grey in (0, 120, 255)]
    assert cnn.detect_batch([noise, smooth, *walls]) == [[]] * 5


def test_no_images_are_no_answers(cnn):
    assert cnn.detect_batch([]) == []


def test_threads_share_a_detector(portraits):
    shared = CnnDetector("cpu")  # not loaded yet: the threads begin together
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(shared.detect, portraits[:4]))
    for faces, expected in zip(found, shared.detect_batch(portraits[:4]), strict=True):
        same_as(faces, expected)


def test_it_is_sent_without_its_network(portraits):
    detector = CnnDetector("cpu")
    expected = detector.detect(portraits[0])
    pickled = pickle.dumps(detector)
    assert len(pickled) < 200
    for again in (pickle.loads(pickled), copy.deepcopy(detector)):
        same_as(again.detect(portraits[0]), expected)


def test_settings_name_the_weights_by_content(cnn):
    assert json.loads(json.dumps(cnn.settings)) == cnn.settings
    assert cnn.settings["weights_sha256"] == file_sha256(dlib_model(FACE_CNN))


# Boxes of 10 x 10 pixels; dlib's overlap is the share of the box around both.
@pytest.mark.parametrize(
    ("boxes", "max_iou", "max_covered", "kept"),
    [
        ([[0, 0, 9, 9]], 0.3, 1, [0]),
        ([[0, 0, 9, 9], [0, 0, 9, 9]], 0.3, 1, [0]),
        ([[0, 0, 9, 9], [10, 0, 19, 9]], 0.0, 0.0, [0, 1]),  # side by side
        ([[0, 0, 9, 9], [5, 0, 14, 9]], 0.33, 1, [0]),  # 50 of 150
        ([[0, 0, 9, 9], [5, 0, 14, 9]], 0.34, 1, [0, 1]),
        ([[0, 0, 9, 9], [5, 5, 14, 14]], 0.12, 1, [0, 1]),  # 25 of 225, not of 175
        ([[0, 0, 99, 99], [5, 5, 14, 14]], 0.3, 1, [0, 1]),  # inside, but small
        ([[0, 0, 99, 99], [5, 5, 14, 14]], 0.3, 0.9, [0]),
        ([[0, 0, 9, 9], [5, 0, 14, 9], [10, 0, 19, 9]], 0.3, 1, [0, 2]),  # by a dropped one
    ],
)
def test_less_sure_boxes_are_suppressed(boxes, max_iou, max_covered, kept):
    assert suppressed(np.array(boxes), max_iou, max_covered) == kept


def test_nothing_is_suppressed_of_nothing():
    assert suppressed(np.empty((0, 4), int), 0.3, 1) == []
