import threading
from pathlib import Path

import numpy as np
import pytest

from cache.errors import CacheError
from featurex.exceptions import BackboneError
from featurex.extraction import alignment
from featurex.extraction import run as extraction_run
from featurex.extraction.alignment import CHANGED, Photo
from featurex.extraction.embedding import Embedder
from featurex.extraction.extracting import extract
from featurex.extraction.face_cache import FaceCache
from featurex.photos.images import read_photo

pytestmark = pytest.mark.usefixtures("ahead")


def embeddings(cache, photos):
    return cache.embedding_column([photo.image_id for photo in photos])[:]


def colours(photos):
    return np.array([(i + 1, 2 * i + 1, 200 - i) for i in range(len(photos))], np.float32)


@pytest.mark.parametrize("threads", [1, 2, 7])
@pytest.mark.parametrize("block_rows", [1, 6, 20, 512])
def test_order_is_kept_for_any_number_of_workers(calls, photos, open_cache, threads, block_rows):
    cache = open_cache()
    report = extract(photos, cache, threads=threads, block_rows=block_rows)
    assert report.counts() == {"embedded now": 20, "embedded before": 0, "no face found": 0}
    np.testing.assert_allclose(embeddings(cache, photos), colours(photos), rtol=1e-5)
    assert cache.embeddings.n_shards == -(-20 // block_rows)


def test_a_rerun_does_nothing(calls, photos, open_cache, monkeypatch):
    extract(photos, open_cache(), threads=2, block_rows=6)
    calls.update(dict.fromkeys(calls, 0))
    again = open_cache()
    monkeypatch.setattr(again.backbone, "build", lambda: pytest.fail("the network was loaded"))
    report = extract(photos[::-1], again)
    assert (report.n_cached, report.n_new, report.n_photos) == (20, 0, 20)
    assert calls == {"detected": 0, "chips": 0, "embedded": 0}
    np.testing.assert_allclose(embeddings(again, photos), colours(photos), rtol=1e-5)


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


def test_a_second_backbone_detects_nothing_again(calls, photos, open_cache, means):
    second, larger = open_cache(means("other")), open_cache(means("big", 32))
    extract(photos, open_cache())
    assert extract(photos, second).n_new == 20
    assert (calls["detected"], calls["chips"]) == (20, 20)
    assert extract(photos, larger).n_new == 20
    assert (calls["detected"], calls["chips"]) == (20, 40)
    assert larger.chip_column([photos[0].image_id]).shape == (1, 32, 32, 3)
    assert second.faces.n_shards == 1


def test_a_gpu_puts_embeddings_of_stored_chips_into_larger_shards(
    calls, photos, open_cache, ahead, monkeypatch, means
):
    monkeypatch.setattr(extraction_run, "_SHARD_ROWS", 12)
    extract(photos, open_cache())
    second = open_cache(means("other"))
    extract(photos, second, block_rows=6)
    assert second.embeddings.n_shards == (2 if ahead else 4)
    np.testing.assert_allclose(embeddings(second, photos), colours(photos), rtol=1e-5)


def test_embeddings_that_wait_for_a_shard_outlive_an_interruption(calls, photos, open_cache, means):
    def stop(settled, skipped):
        if settled == 14:
            raise KeyboardInterrupt

    extract(photos, open_cache())
    with pytest.raises(KeyboardInterrupt):
        extract(photos, open_cache(means("other")), block_rows=6, on_photo=stop)
    assert len(open_cache(means("other")).embeddings) == 12


def test_several_backbones_need_one_pass(calls, photos, open_cache, means):
    names = {"one": 16, "two": 16, "three": 32}
    caches = [open_cache(means(name, size)) for name, size in names.items()]
    report = extract(photos, caches, threads=2, block_rows=6)
    assert report.counts() == {"embedded now": 20, "embedded before": 0, "no face found": 0}
    assert calls["detected"] == 20
    assert calls["chips"] == 40  # two formats
    for cache in caches:
        np.testing.assert_allclose(embeddings(cache, photos), colours(photos), rtol=1e-5)
        assert (cache.embeddings.path / "index.h5").is_file()


def test_each_backbone_embeds_what_it_lacks(calls, photos, open_cache, means):
    extract(photos[:5], open_cache(means("one")))
    extract(photos[3:8], open_cache(means("big", 32)))
    calls.update(dict.fromkeys(calls, 0))
    caches = [open_cache(means("one")), open_cache(means("big", 32))]
    report = extract(photos, caches, threads=2, block_rows=6)
    assert (report.n_cached, report.n_new) == (2, 18)
    blanks = 1 + 1  # every network is tried on one when it is loaded
    assert calls == {"detected": 12, "chips": 15 + 15, "embedded": 15 + 15 + blanks}
    for cache in caches:
        np.testing.assert_allclose(embeddings(cache, photos), colours(photos), rtol=1e-5)
        assert len(cache.embeddings.keys()) == 20


def test_a_pass_over_two_folders_is_refused(photos, open_cache):
    with pytest.raises(ValueError, match="one folder and one aligner"):
        extract(photos, [open_cache(), open_cache(folder="other")])


def test_mirrored_embeddings_use_the_chips_that_are_there(calls, photos, open_cache):
    extract(photos, open_cache())
    mirrored = open_cache(mirror=True)
    assert extract(photos, mirrored).n_new == 20
    assert (calls["detected"], calls["chips"]) == (20, 20)
    assert mirrored.embeddings.path != open_cache().embeddings.path


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


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
@pytest.mark.parametrize("at", [1, 6, 9, 14, 20])
def test_what_an_interrupted_run_has_done_is_kept(calls, photos, open_cache, error, at):
    def stop(settled, skipped):
        if settled == at:
            raise error

    with pytest.raises(error):
        extract(photos, open_cache(), threads=2, block_rows=6, on_photo=stop)
    kept = open_cache()
    assert len(kept.faces) == len(kept.chips) == at
    assert len(kept.embeddings) == (at - 1) // 6 * 6
    calls.update(dict.fromkeys(calls, 0))
    report = extract(photos, kept, threads=2, block_rows=6)
    assert report.n_cached + report.n_new == 20
    assert calls["detected"] == 20 - at
    np.testing.assert_allclose(embeddings(kept, photos), colours(photos), rtol=1e-5)


def test_an_interrupted_run_begins_no_further_photo(calls, photos, open_cache):
    def stop(settled, skipped):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        extract(photos, open_cache(), threads=1, on_photo=stop)
    n = calls["detected"]
    threading.Event().wait(0.05)
    assert calls["detected"] <= n + 1  # which the thread had in its hands


def test_an_embedding_that_fails_keeps_the_chips(calls, photos, open_cache, monkeypatch, ahead):
    cache, forward = open_cache(), Embedder.forward
    cache.embedder  # noqa: B018
    monkeypatch.setattr(Embedder, "forward", lambda self, chips: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        extract(photos, cache, threads=2, block_rows=6)
    monkeypatch.setattr(Embedder, "forward", forward)
    n = len(cache.chips)
    assert 6 <= n <= 12
    assert extract(photos, cache, threads=2).n_new == 20
    assert calls["chips"] <= 20 + 6 * (1 + ahead)


def test_a_full_disk_stops_the_run(calls, photos, open_cache, monkeypatch):
    cache = open_cache()

    def full(*args):
        raise CacheError("no space left")

    monkeypatch.setattr(cache.chips, "append", full)
    with pytest.raises(CacheError, match="no space left"):
        extract(photos, cache, threads=2, block_rows=6)
    assert len(open_cache().faces) == 0


def test_a_run_after_a_kill_between_chips_and_faces_completes(calls, photos, open_cache):
    cache = open_cache()
    chips = np.stack([np.full((16, 16, 3), c, np.uint8) for c in colours(photos[:6])])
    cache.chips.append([p.image_id for p in photos[:6]], {"chip": chips})
    assert extract(photos, cache, block_rows=20).n_new == 20
    assert len(cache.chips) == len(cache.faces) == 20
    np.testing.assert_allclose(embeddings(cache, photos), colours(photos), rtol=1e-5)


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
    np.testing.assert_allclose(embeddings(parts, photos), embeddings(whole, photos), atol=1e-5)
    assert embeddings(whole, photos).shape == (3, 736)
