import copy
import json
import pickle
import tracemalloc
from concurrent.futures import ThreadPoolExecutor

import dlib
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from featurex.detectors import DETECTORS
from featurex.faces.aligner import Face, FaceAligner, _region
from featurex.photos.picture import Picture


def scaled(photo, factor):
    side = round(len(photo) * factor)
    return np.array(Image.fromarray(photo).resize((side, side)))


def centre(face):
    return face.box.reshape(2, 2).mean(0)


def test_landmarks_lie_inside_the_box_of_a_portrait(aligner, portraits):
    for photo in portraits:
        face = aligner.central_face(photo)
        left, top, right, bottom = face.box
        assert face.score > 0
        assert (face.box.dtype, face.landmarks.dtype) == (np.int32, np.int32)
        assert (face.landmarks >= (left, top)).all()
        assert (face.landmarks <= (right, bottom)).all()


def test_eyes_lie_above_the_nose_and_in_their_order(aligner, portraits):
    for photo in portraits:
        right_outer, right_inner, left_outer, left_inner, nose = aligner.central_face(
            photo
        ).landmarks
        assert left_outer[0] < left_inner[0] < right_inner[0] < right_outer[0]
        assert max(right_outer[1], left_outer[1]) < nose[1]


def test_the_same_face_is_found_at_every_scale_of_the_photo(aligner, portraits):
    small = aligner.central_face(portraits[0])
    large = aligner.central_face(scaled(portraits[0], 5))
    np.testing.assert_allclose(large.landmarks / 5, small.landmarks, atol=4)


def test_of_several_faces_the_central_one_is_chosen(aligner, clear_portraits):
    canvas = np.full((512, 1024, 3), 128, np.uint8)
    canvas[:256, :256] = clear_portraits[0]
    canvas[128:384, 384:640] = clear_portraits[1]
    canvas[256:, 768:] = clear_portraits[2]
    assert np.abs(centre(aligner.central_face(canvas)) - (512, 256)).max() < 60


def test_of_several_faces_a_much_larger_one_is_chosen(aligner, clear_portraits):
    canvas = np.full((768, 1024, 3), 128, np.uint8)
    canvas[:, :768] = scaled(clear_portraits[0], 3)
    canvas[256:512, 768:] = clear_portraits[1]
    assert centre(aligner.central_face(canvas))[0] < 600


def test_all_faces_come_from_left_to_right(aligner, clear_portraits):
    faces = aligner.faces(np.hstack(clear_portraits))
    assert [int(centre(face)[0]) // 256 for face in faces] == [0, 1, 2, 3]


def test_small_faces_are_looked_for_where_there_is_no_large_one(aligner, clear_portraits):
    row = np.hstack([scaled(portrait, 0.35) for portrait in clear_portraits])
    assert [int(centre(face)[0]) // 90 for face in aligner.faces(row)] == [0, 1, 2, 3]
    beside = np.zeros((346, 360, 3), np.uint8)
    beside[:90], beside[90:, 52:308] = row, clear_portraits[0]
    (large,) = aligner.faces(beside)
    assert centre(large)[1] > 90


def test_faces_looks_where_central_face_does(aligner, portraits):
    photo = scaled(portraits[0], 0.2)  # 51 pixels: magnified twice, the face is too small for HOG
    assert aligner.central_face(photo) is not None
    assert len(aligner.faces(photo)) == 1


@pytest.mark.parametrize("margin", [0, 6])
def test_a_face_that_touches_the_border_of_a_tight_crop_is_found(aligner, clear_portraits, margin):
    around = np.array([-margin, -margin, margin, margin])
    for photo in clear_portraits:
        face = aligner.central_face(photo)
        left, top, right, bottom = np.clip(np.add(face.box, around), 0, 256)
        tight = aligner.central_face(photo[top:bottom, left:right].copy())
        assert tight is not None
        assert np.abs(tight.landmarks + np.array([left, top]) - face.landmarks).max() < 12


def test_grey_photos_have_the_same_face(aligner, portraits):
    grey = np.repeat(portraits[0].mean(2, keepdims=True).astype(np.uint8), 3, axis=2)
    found, expected = aligner.central_face(grey), aligner.central_face(portraits[0])
    np.testing.assert_allclose(found.landmarks, expected.landmarks, atol=8)


@pytest.mark.parametrize("shape", [(1, 1), (2, 3), (20, 5), (5, 20), (1, 3000), (65535, 1)])
def test_tiny_and_elongated_photos_have_no_face(aligner, shape):
    photo = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    assert aligner.central_face(photo) is None
    assert aligner.faces(photo) == []


def test_a_chip_shows_the_eyes_level_and_where_dlib_puts_them(aligner, portraits):
    """dlib's mean face: outer eye corners at 12 % and 86 % of the face's width, 21 % down."""
    tilted = np.array(Image.fromarray(portraits[0]).rotate(25, Image.Resampling.BICUBIC))
    for photo in (portraits[0], tilted):
        chip = aligner.chip(photo, aligner.central_face(photo), 300, 0.25)
        landmarks = aligner.central_face(chip).landmarks
        expected = np.array([[0.8596, 0.2119], [0.1206, 0.2127]])
        np.testing.assert_allclose(landmarks[[0, 2]], (expected + 0.25) / 1.5 * 300, atol=9)


@pytest.mark.parametrize(("size", "padding"), [(150, 0.25), (224, 0.25), (96, 0.6), (32, 0.0)])
def test_a_chip_inside_the_photo_is_dlibs_own(aligner, portraits, size, padding):
    for photo, factor in ((portraits[0], 1), (portraits[1], 3)):
        wide = np.pad(scaled(photo, factor), ((500, 500), (500, 500), (0, 0)), mode="edge")
        face = aligner.central_face(scaled(photo, factor))
        moved = Face(face.box + 500, face.landmarks + 500, face.score)
        shape = dlib.full_object_detection(
            dlib.rectangle(0, 0, 9, 9), [dlib.point(int(x), int(y)) for x, y in moved.landmarks]
        )
        expected = dlib.get_face_chip(wide, shape, size=size, padding=padding)
        np.testing.assert_array_equal(aligner.chip(wide, moved, size, padding), expected)
        np.testing.assert_array_equal(
            aligner.chip(scaled(photo, factor), face, size, padding), expected
        )


def test_a_chip_beyond_the_photos_edge_repeats_it(aligner, portraits):
    face = aligner.central_face(portraits[0])
    left, top, right, bottom = np.clip(face.box, 0, 256)
    white = np.full((bottom - top, right - left, 3), 255, np.uint8)
    moved = Face(face.box, face.landmarks - (left, top), face.score)
    assert (aligner.chip(white, moved, 150, 0.6) == 255).all()


def test_a_chip_of_a_large_photo_needs_little_memory(aligner, portraits):
    photo = scaled(portraits[0], 12)
    face = aligner.central_face(photo)
    tracemalloc.start()
    try:
        aligner.chip(photo, face, 150, 0.25)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 3 * photo.nbytes


def test_threads_share_an_aligner(aligner, portraits):
    expected = [aligner.central_face(photo).landmarks for photo in portraits]
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(FaceAligner().central_face, portraits))
    np.testing.assert_array_equal([face.landmarks for face in found], expected)


@pytest.mark.parametrize("detector", DETECTORS)
def test_an_aligner_can_be_copied_and_sent(detector, portraits):
    used = FaceAligner(detector, "cpu")
    expected = used.central_face(portraits[0]).landmarks
    for again in (pickle.loads(pickle.dumps(used)), copy.deepcopy(used)):
        assert again.settings == used.settings
        np.testing.assert_array_equal(again.central_face(portraits[0]).landmarks, expected)


def test_photos_are_left_as_they_are(aligner, portraits):
    photo = portraits[0].copy()
    photo.setflags(write=False)
    aligner.chip(photo, aligner.central_face(photo), 150, 0.25)
    np.testing.assert_array_equal(photo, portraits[0])


def test_a_picture_and_its_array_have_the_same_face(aligner, portraits):
    picture = Image.fromarray(portraits[0])
    found, expected = aligner.central_face(picture), aligner.central_face(portraits[0])
    np.testing.assert_array_equal(found.landmarks, expected.landmarks)
    np.testing.assert_array_equal(
        aligner.chip(picture, found, 150, 0.25), aligner.chip(portraits[0], expected, 150, 0.25)
    )
    np.testing.assert_array_equal(picture, portraits[0])


def test_pillows_limit_on_pixels_is_the_programs_own(aligner, portraits, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 50)
    aligner.chip(portraits[0], aligner.central_face(portraits[0]), 150, 0.25)
    assert len(aligner.faces(portraits[0])) == 1


def test_settings_are_json(aligner):
    assert json.loads(json.dumps(aligner.settings)) == aligner.settings


@given(
    st.tuples(st.integers(1, 9), st.integers(1, 9)),
    st.tuples(st.floats(-30, 30), st.floats(-30, 30)),
    st.floats(1, 20),
)
def test_a_region_repeats_the_edge_pixels(shape, centre, reach):
    height, width = shape
    photo = np.arange(height * width * 3, dtype=np.uint8).reshape(height, width, 3)
    region, (x0, y0) = _region(Picture(Image.fromarray(photo)), np.array(centre), reach)
    wide = np.pad(photo, ((60, 60), (60, 60), (0, 0)), mode="edge")
    n_rows, n_columns, _ = region.shape
    expected = wide[y0 + 60 :, x0 + 60 :][:n_rows, :n_columns]
    np.testing.assert_array_equal(region, expected)
    assert x0 <= centre[0] - reach
    assert centre[0] + reach <= x0 + n_columns
    assert y0 <= centre[1] - reach
    assert centre[1] + reach <= y0 + n_rows


@pytest.mark.parametrize("turn", [0.0, 0.4, -1.2])
@pytest.mark.parametrize("point", [(20, 30), (75, 75), (110, 40)])
def test_a_point_of_the_chip_is_placed_where_the_chip_shows_the_photo(aligner, turn, point):
    """A dot painted at the place is seen at the point."""
    upright = np.array([(190, 150), (165, 150), (110, 150), (135, 150), (150, 190)]) - 150
    rotation = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    landmarks = np.rint(upright @ rotation + 150).astype(np.int32)
    face = Face(np.array([80, 80, 220, 220], np.int32), landmarks, 1.0)
    x, y = np.rint(aligner.place(face, 150, 0.25, np.array([point]))[0]).astype(int)
    photo = np.zeros((300, 300, 3), np.uint8)
    photo[y - 3 : y + 4, x - 3 : x + 4] = 255
    seen = aligner.chip(photo, face, 150, 0.25)[..., 0].astype(float)
    found = [(seen.sum(axis) @ np.arange(150)) / seen.sum() for axis in (0, 1)]
    np.testing.assert_allclose(found, point, atol=1)


@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "I;16"])
def test_pictures_of_every_kind_have_a_face(aligner, portraits, mode):
    picture = Image.fromarray(portraits[0])
    if mode == "I;16":
        grey = np.asarray(picture.convert("L"), np.uint16) * 257
        picture = Image.fromarray(grey)
    else:
        picture = picture.convert(mode)
    face = aligner.central_face(picture)
    np.testing.assert_allclose(face.landmarks, aligner.central_face(portraits[0]).landmarks, atol=8)
    assert len(aligner.faces(picture)) == 1
    assert aligner.chip(picture, face, 64, 0.25).shape == (64, 64, 3)


def test_a_turned_file_is_made_upright(aligner, portraits, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    lying = Image.fromarray(portraits[0]).transpose(Image.Transpose.ROTATE_90)
    lying.save(tmp_path / "lying.png", exif=exif)
    expected = aligner.central_face(portraits[0])
    with Image.open(tmp_path / "lying.png") as opened:
        for photo in (opened, tmp_path / "lying.png"):
            found = aligner.central_face(photo)
            np.testing.assert_array_equal(found.landmarks, expected.landmarks)


@pytest.mark.parametrize("shape", [(0, 8, 3), (8, 8, 4), (8,)])
def test_an_array_that_is_no_photo_is_refused(aligner, shape):
    with pytest.raises(ValueError, match="a photo"):
        aligner.faces(np.zeros(shape, np.uint8))


def test_an_upright_rgb_picture_is_not_copied():
    image = Image.new("RGB", (8, 8))
    assert Picture.of(image)._image is image
