"""Faces and chips that the cache lost, by `repair` or `drop`, and that a later run needs."""

from pathlib import Path

import numpy as np
import pytest

from featurex.extraction.extracting import extract

pytestmark = pytest.mark.usefixtures("ahead")


@pytest.fixture
def lose(open_cache, photos):
    """Delete the shard of the first five photos, of faces or chips."""

    def lose(kind):
        store = getattr(open_cache(), kind)
        first = store.column(next(iter(store.columns)).name, [photos[0].image_id])
        (shards, places) = first._where
        shards[places.shard[0]].path.unlink()

    return lose


@pytest.mark.parametrize("kind", ["faces", "chips"])
def test_what_the_cache_lost_is_made_again(calls, photos, photo_colours, open_cache, lose, kind):
    ids = [photo.image_id for photo in photos]
    extract(photos, open_cache(), block_rows=5)
    before = open_cache().embedding_column(ids)[:]
    lose(kind)
    calls.update(dict.fromkeys(calls, 0))
    report = extract(photos, open_cache())
    assert (report.n_cached, report.n_new, report.n_restored, report.n_skipped) == (20, 0, 5, 0)
    assert calls["detected"] == 5 * (kind == "faces")
    assert calls["chips"] == 5 * (kind == "chips")
    assert calls["embedded"] <= 1  # a blank chip, when the network is loaded
    cache = open_cache()
    assert cache.faces.contains(ids).all()
    np.testing.assert_array_equal(cache.chip_column(ids)[:][:, 0, 0], photo_colours)
    np.testing.assert_array_equal(cache.embedding_column(ids)[:], before)


def test_who_needs_embeddings_only_makes_nothing_again(calls, photos, open_cache, lose):
    extract(photos, open_cache(), block_rows=5)
    lose("chips")
    report = extract(photos, open_cache(), complete=False)
    assert (report.n_cached, report.n_restored, calls["chips"]) == (20, 0, 20)


def test_a_lost_chip_of_a_photo_that_is_gone_is_counted(calls, photos, open_cache, lose):
    extract(photos, open_cache(), block_rows=5)
    lose("chips")
    Path(photos[2].path).unlink()
    report = extract(photos, open_cache())
    assert (report.n_cached, report.n_restored, report.n_skipped) == (19, 4, 1)
    assert sum(report.counts().values()) == report.n_photos
