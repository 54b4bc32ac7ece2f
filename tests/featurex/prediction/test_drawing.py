import dataclasses

import numpy as np
import pytest
from PIL import Image

from featurex.prediction.drawing import BOX, MAX_SIDE, MIN_SIDE, describe_face, draw_predictions
from featurex.prediction.face_predictions import FacePrediction

FACE = FacePrediction(
    (150, 200, 450, 500),
    1.0,
    "25-32",
    30.4,
    5.1,
    "male",
    {"gender": {"female": 0.1, "male": 0.9}, "age-group": {"25-32": 0.7}},
)


def drawn(pixels, faces, path):
    draw_predictions(Image.fromarray(pixels), faces, path)
    with Image.open(path) as picture:
        return np.array(picture)


def test_a_description_says_what_is_known():
    assert describe_face(FACE) == ["male (90 %)", "25-32 (70 %)", "30 ± 5 years"]
    assert describe_face(FacePrediction((0, 0, 9, 9), 1.0, age=61.7)) == ["62 years"]
    sure = dataclasses.replace(FACE, age_low=24.2, age_high=38.6)
    assert describe_face(sure)[-1] == "30 (24 to 39) years"
    assert describe_face(FacePrediction((0, 0, 9, 9), 1.0)) == []


def test_race_and_gender_of_three_classes_are_described_too():
    chances = {
        "gender-3": {"female": 0.3, "male": 0.2, "undefined": 0.5},
        "race": {"A": 0.9, "B": 0.1},
    }
    face = FacePrediction((0, 0, 9, 9), 1.0, probabilities=chances)
    assert describe_face(face) == ["undefined (50 %)", "A (90 %)"]
    declined = dataclasses.replace(face, undefined={"race": "0.9 is below 0.95"})
    assert describe_face(declined) == ["undefined (50 %)", "undefined (A 90 %)"]


def test_a_declined_answer_does_not_pass_for_the_class_undefined():
    chances = {"gender-3": {"female": 0.45, "male": 0.2, "undefined": 0.35}}
    why = {"gender-3": "0.45 is below 0.5"}
    face = FacePrediction((0, 0, 9, 9), 1.0, probabilities=chances, undefined=why)
    assert describe_face(face) == ["undefined (female 45 %)"]


def test_the_box_is_drawn_where_the_face_is(tmp_path):
    photo = np.zeros((600, 640, 3), np.uint8)
    picture = drawn(photo, [FACE], tmp_path / "a.png")
    assert picture.shape == photo.shape
    ys, xs = np.nonzero((picture == BOX).all(2))
    assert (xs.min(), ys.min(), xs.max(), ys.max()) == (150, 200, 450, 500)
    assert (picture[210:490, 160:440] == 0).all()


def test_the_text_is_beside_the_box(tmp_path):
    photo = np.full((700, 640, 3), 200, np.uint8)
    changed = (drawn(photo, [FACE], tmp_path / "a.png") != 200).any(2)
    assert changed[502:].sum() > 1000
    assert not changed[:198].any()
    low = drawn(photo[:520], [FACE], tmp_path / "b.png")
    assert (low[:198] != 200).any()


def test_a_small_photo_is_enlarged(tmp_path):
    picture = drawn(np.zeros((48, 96, 3), np.uint8), [FACE], tmp_path / "a.png")
    assert picture.shape == (MIN_SIDE, 2 * MIN_SIDE, 3)


def test_a_strip_is_not_enlarged_without_end(tmp_path):
    picture = drawn(np.zeros((1, 3000, 3), np.uint8), [], tmp_path / "a.png")
    assert max(picture.shape) == MAX_SIDE


def test_a_photo_without_faces_stays_as_it_is(tmp_path):
    photo = np.random.default_rng(0).integers(0, 256, (500, 500, 3), dtype=np.uint8)
    np.testing.assert_array_equal(drawn(photo, [], tmp_path / "a.png"), photo)


@pytest.mark.parametrize(
    "box", [(-40, -40, 30, 30), (560, 560, 700, 700), (0, 0, 639, 599), (5, 5, 6, 6)]
)
def test_boxes_at_and_beyond_the_edge_are_drawn(box, tmp_path):
    face = FacePrediction(box, 1.0, age=3.0)
    picture = drawn(np.zeros((600, 640, 3), np.uint8), [face], tmp_path / "a.png")
    assert (picture == 255).all(2).any()  # some of the text is in the picture


def test_the_photo_itself_is_not_drawn_on(tmp_path):
    photo = Image.new("RGB", (640, 600))
    draw_predictions(photo, [FACE], tmp_path / "a.png")
    assert photo.getbbox() is None  # black all over


def test_a_folder_that_is_missing_is_an_os_error(tmp_path):
    with pytest.raises(OSError, match="No such file"):
        draw_predictions(Image.new("RGB", (9, 9)), [], tmp_path / "no" / "a.png")
