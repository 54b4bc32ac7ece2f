"""Photos to embeddings with one backbone: what is done, counted and refused."""

from pathlib import Path

import numpy as np
import pytest

from featurex.exceptions import BackboneError
from featurex.extraction import alignment
from featurex.extraction.alignment import CHANGED, Photo
from featurex.extraction.extracting import extract
from featurex.extraction.face_cache import FaceCache
from featurex.photos.images import read_photo

pytestmark = pytest.mark.usefixtures("ahead")


@pytest.mark.parametrize("threads", [1, 2, 7])
@pytest.mark.parametrize("block_rows", [1, 6, 20, 512])
def test_order_is_kept_for_any_number_of_workers(
    calls, photos, open_cache, threads, block_rows, assert_embedded
):
    cache = open_cache()
    report = extract(photos, cache, threads=threads, block_rows=block_rows)
    assert report.counts() == {"embedded now": 20, "embedded before": 0, "no face found": 0}
    assert_embedded(cache)
    assert cache.embeddings.n_shards == -(-20 // block_rows)


def test_a_rerun_does_nothing(calls, photos, open_cache, monkeypatch, assert_embedded):
    extract(photos, open_cache(), threads=2, block_rows=6)
    calls.update(dict.fromkeys(calls, 0))
    again = open_cache()
    monkeypatch.setattr(again.backbone, "build", lambda: pytest.fail("the network was loaded"))
    report = extract(photos[::-1], again)
    assert (report.n_cached, report.n_new, report.n_photos) == (20, 0, 20)
    assert calls == {"detected": 0, "chips": 0, "embedded": 0}
    assert_embedded(again)


def test_more_photos_cost_only_themselves(calls, photos, open_cache):
    cache = open_cache()
    extract(photos[:15], cache)
    report = extract(photos, cache)
    assert (report.n_cached, report.n_new) == (15, 5)
    assert calls["detected"] == 20


def test_copies_count_once(calls, photos, open_cache):
    copies = [Photo(photo.image_id, photo.path) for photo in photos[:3]]
    report = extract(photos[:3] + copies, open_cache())
    assert (report.n_photos, report.n_new, calls["detected"]) == (3, 3, 3)


def test_photos_without_an_embedding_are_counted_by_reason(calls, photos, write_photo, open_cache):
    blank = write_photo("blank.png", np.zeros((16, 16, 3), np.uint8))
    bad = write_photo("bad.png", b"no image")
    gone = Photo("e" * 64, str(Path(bad.path).with_name("gone.png")))
    changed = Photo("d" * 64, photos[0].path)
    everything = [blank, *photos[:3], bad, gone, changed]
    seen = []
    report = extract(
        everything, open_cache(), threads=2, block_rows=2, on_photo=lambda *n: seen.append(n)
    )
    assert report.counts() == {
        "embedded now": 3,
        "embedded before": 0,
        "no face found": 1,
        CHANGED: 1,
        "missing file": 1,
        "not an image": 1,
    }
    assert sum(report.counts().values()) == report.n_photos == 7
    assert report.n_skipped == 4
    assert report.without_face == [blank.path]
    assert report.unusable["not an image"] == [bad.path]
    assert seen[-1] == (7, 4)
    assert [settled for settled, _ in seen] == [1, 2, 3, 4, 5, 6, 7]


def test_lasting_faults_are_not_tried_again_and_others_are(
    calls, photos, write_photo, open_cache, monkeypatch
):
    blank = write_photo("blank.png", np.zeros((16, 16, 3), np.uint8))
    bad = write_photo("bad.png", b"no image")
    away = Path(photos[0].path).rename(Path(photos[0].path).with_name("away.png"))
    everything = [blank, bad, photos[0], photos[1]]
    first = extract(everything, open_cache())
    assert first.unusable["missing file"] == [photos[0].path]
    away.rename(photos[0].path)
    read, seen = [], []
    monkeypatch.setattr(alignment, "read_photo", lambda p: read.append(p) or read_photo(p))
    second = extract(everything, open_cache(), on_photo=lambda *n: seen.append(n))
    assert read == [photos[0].path]
    assert second.counts() == {
        "embedded now": 1,
        "embedded before": 1,
        "no face found": 1,
        "not an image": 1,
    }
    assert seen == [(4, 2)]  # three were settled before


def test_other_programs_see_one_data_set(calls, photos, open_cache):
    cache = open_cache()
    extract(photos, cache, block_rows=6)
    for store in (cache.faces, cache.chips, cache.embeddings):
        assert (store.path / "index.h5").is_file()


def test_only_photos_without_faces_are_no_error(calls, write_photo, open_cache):
    blank = write_photo("blank.png", np.zeros((16, 16, 3), np.uint8))
    report = extract([blank], open_cache())
    assert (report.n_new, report.n_skipped) == (0, 1)
    assert extract([blank], open_cache()).without_face == [blank.path]
    assert calls["detected"] == 1


def test_no_photos_load_nothing(open_cache, monkeypatch):
    cache = open_cache()
    monkeypatch.setattr(cache.backbone, "build", lambda: pytest.fail("the network was loaded"))
    assert extract([], cache).counts() == {
        "embedded now": 0,
        "embedded before": 0,
        "no face found": 0,
    }


def test_a_network_that_cannot_be_loaded_fails_before_any_photo(
    calls, photos, open_cache, monkeypatch
):
    cache = open_cache()

    def build():
        raise BackboneError("weights are missing")

    monkeypatch.setattr(cache.backbone, "build", build)
    with pytest.raises(BackboneError):
        extract(photos, cache)
    assert calls["detected"] == 0


@pytest.mark.parametrize("wrong", [{"threads": 0}, {"block_rows": 0}, {"block_rows": -5}])
def test_counts_below_one_are_refused(photos, open_cache, wrong):
    with pytest.raises(ValueError, match="must be at least 1"):
        extract(photos, open_cache(), **wrong)


def test_real_photos_and_the_real_network(write_photo, portraits, dlib_backbone, tmp_path):
    """End to end, and the chips of an interrupted run are those of a whole one."""
    photos = [write_photo(f"{i}.png", photo) for i, photo in enumerate(portraits[:3])]
    whole, parts = (FaceCache(tmp_path / n, dlib_backbone, device="cpu") for n in ("a", "b"))
    assert extract(photos, whole, threads=2).n_new == 3
    extract(photos[2:], parts, threads=1)
    assert extract(photos, parts, threads=2, block_rows=1).n_cached == 1
    ids = [photo.image_id for photo in photos]
    np.testing.assert_array_equal(parts.chip_column(ids)[:], whole.chip_column(ids)[:])
    some, all_at_once = (cache.embedding_column(ids)[:] for cache in (parts, whole))
    np.testing.assert_allclose(some, all_at_once, atol=1e-5)
    assert all_at_once.shape == (3, 736)
