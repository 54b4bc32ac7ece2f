import dataclasses
from pathlib import Path

import numpy as np
import pytest

from featurex.backbones import get_backbone
from featurex.extraction import spaces
from featurex.extraction.alignment import (
    CHANGED,
    Alignment,
    Photo,
    align,
    store_faces,
    stored_faces,
    stored_statuses,
)
from featurex.extraction.face_cache import FaceCache
from featurex.faces.aligner import ChipFormat

FORMATS = [ChipFormat(150, 0.25)]
BLANK = np.zeros((64, 64, 3), np.uint8)


@pytest.fixture
def cache(tmp_path):
    return FaceCache(tmp_path / "cache", get_backbone("dlib-resnet"), device="cpu")


@pytest.fixture
def photo(write_photo, clear_portraits):
    return write_photo("one.png", clear_portraits[0])


def test_a_photo_gives_its_central_face_and_chip(cache, photo, aligner, clear_portraits):
    found = align(photo, cache.aligner, FORMATS)
    expected = aligner.central_face(clear_portraits[0])
    assert (found.photo, found.status, found.reason) == (photo, spaces.FOUND, "")
    np.testing.assert_array_equal(found.face.landmarks, expected.landmarks)
    chip = aligner.chip(clear_portraits[0], expected, 150, 0.25)
    np.testing.assert_array_equal(found.chips[FORMATS[0]], chip)


def test_a_stored_face_gives_the_same_chip_without_detection(cache, photo, monkeypatch):
    first = align(photo, cache.aligner, FORMATS)
    store_faces([first], cache.faces)
    monkeypatch.setattr(cache.aligner, "central_face", lambda pixels: pytest.fail("detected"))
    face = stored_faces([photo.image_id], cache.faces)[photo.image_id]
    for name in ("box", "landmarks", "score"):
        np.testing.assert_allclose(getattr(face, name), getattr(first.face, name), rtol=1e-6)
    again = align(photo, cache.aligner, FORMATS, face)
    np.testing.assert_array_equal(again.chips[FORMATS[0]], first.chips[FORMATS[0]])
    assert again.face is None


def test_a_photo_without_a_face_has_a_lasting_reason(cache, write_photo):
    found = align(write_photo("blank.png", BLANK), cache.aligner, FORMATS)
    assert (found.status, found.chips, found.lasting) == (spaces.NO_FACE, {}, True)


@pytest.mark.parametrize(
    "content", [b"no image", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n" + bytes(99)]
)
def test_a_damaged_photo_has_a_lasting_reason(cache, write_photo, content):
    found = align(write_photo("bad.png", content), cache.aligner, FORMATS)
    assert (found.status, found.lasting) == (spaces.UNREADABLE, True)
    assert found.reason


def test_a_photo_of_a_format_that_is_not_read_is_tried_again(cache, write_photo):
    photo = write_photo("a.png", b"8BPS" + bytes(99))
    found = align(photo, cache.aligner, FORMATS)
    assert (found.reason, found.lasting) == ("unsupported format (PSD)", False)
    store_faces([found], cache.faces)
    assert len(cache.faces) == 0


def test_a_missing_photo_is_tried_again(cache, photo):
    Path(photo.path).unlink()
    found = align(photo, cache.aligner, FORMATS)
    assert (found.status, found.reason) == (spaces.UNREADABLE, "missing file")
    assert not found.lasting


def test_a_changed_photo_is_never_taken_for_the_listed_one(cache, photo, write_photo, portraits):
    write_photo("one.png", portraits[1])
    found = align(photo, cache.aligner, FORMATS)
    assert (found.status, found.reason, found.lasting) == (spaces.UNREADABLE, CHANGED, False)


@pytest.mark.parametrize("shape", [(1, 1, 3), (20, 5, 3), (1, 4000, 3), (30, 30)])
def test_odd_photos_have_no_face(cache, write_photo, shape):
    photo = write_photo("odd.png", np.full(shape, 200, np.uint8))
    assert align(photo, cache.aligner, FORMATS).status == spaces.NO_FACE


def test_grey_photos_have_faces(cache, write_photo, clear_portraits):
    grey = clear_portraits[0].mean(2).astype(np.uint8)
    assert align(write_photo("grey.png", grey), cache.aligner, FORMATS).status == spaces.FOUND


def test_only_lasting_rows_are_stored(cache, photo, write_photo):
    blank, bad = write_photo("blank.png", BLANK), write_photo("bad.png", b"no image")
    gone = Photo("f" * 64, "/nowhere/gone.png")
    store_faces([align(p, cache.aligner, FORMATS) for p in (photo, blank, bad, gone)], cache.faces)
    ids = [p.image_id for p in (photo, blank, bad, gone)]
    assert stored_statuses(ids, cache.faces) == {
        photo.image_id: (spaces.FOUND, ""),
        blank.image_id: (spaces.NO_FACE, ""),
        bad.image_id: (spaces.UNREADABLE, "not an image"),
    }


def test_what_is_no_news_is_not_stored(cache, photo):
    found = align(photo, cache.aligner, FORMATS)
    store_faces([dataclasses.replace(found, face=None), Alignment(photo)], cache.faces)
    assert len(cache.faces) == 0


def test_nothing_to_store_writes_nothing(cache):
    store_faces([], cache.faces)
    assert len(cache.faces) == 0
    assert stored_faces([], cache.faces) == stored_statuses([], cache.faces) == {}


def test_a_long_reason_is_cut(cache, write_photo):
    photo = write_photo("bad.png", b"no image")
    store_faces([Alignment(photo, spaces.UNREADABLE, "é" * 200 + "x")], cache.faces)
    status, reason = stored_statuses([photo.image_id], cache.faces)[photo.image_id]
    assert (status, reason) == (spaces.UNREADABLE, "é" * 80)
