"""What an extraction that ended before its time leaves, and how the next one goes on."""

import threading

import numpy as np
import pytest

from cache.errors import CacheError
from featurex.extraction.embedding import Embedder
from featurex.extraction.extracting import extract

pytestmark = pytest.mark.usefixtures("ahead")


def test_embeddings_that_wait_for_a_shard_outlive_an_interruption(calls, photos, open_cache, means):
    def stop(settled, skipped):
        if settled == 14:
            raise KeyboardInterrupt

    extract(photos, open_cache())
    with pytest.raises(KeyboardInterrupt):
        extract(photos, open_cache(means("other")), block_rows=6, on_photo=stop)
    assert len(open_cache(means("other")).embeddings) == 12


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
@pytest.mark.parametrize("at", [1, 6, 9, 14, 20])
def test_what_an_interrupted_run_has_done_is_kept(
    calls, photos, open_cache, error, at, assert_embedded
):
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
    assert_embedded(kept)


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


def test_a_run_after_a_kill_between_chips_and_faces_completes(
    calls, photos, open_cache, assert_embedded, photo_colours
):
    cache = open_cache()
    chips = np.stack([np.full((16, 16, 3), c, np.uint8) for c in photo_colours[:6]])
    cache.chips.append([p.image_id for p in photos[:6]], {"chip": chips})
    assert extract(photos, cache, block_rows=20).n_new == 20
    assert len(cache.chips) == len(cache.faces) == 20
    assert_embedded(cache)
