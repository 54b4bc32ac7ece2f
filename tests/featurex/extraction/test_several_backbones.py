"""Several backbones, or kinds of embedding, on the same faces."""

import pytest

from featurex.extraction import run as extraction_run
from featurex.extraction.extracting import extract

pytestmark = pytest.mark.usefixtures("ahead")


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
    calls, photos, open_cache, ahead, monkeypatch, means, assert_embedded
):
    monkeypatch.setattr(extraction_run, "_SHARD_ROWS", 12)
    extract(photos, open_cache())
    second = open_cache(means("other"))
    extract(photos, second, block_rows=6)
    assert second.embeddings.n_shards == (2 if ahead else 4)
    assert_embedded(second)


def test_several_backbones_need_one_pass(calls, photos, open_cache, means, assert_embedded):
    names = {"one": 16, "two": 16, "three": 32}
    caches = [open_cache(means(name, size)) for name, size in names.items()]
    report = extract(photos, caches, threads=2, block_rows=6)
    assert report.counts() == {"embedded now": 20, "embedded before": 0, "no face found": 0}
    assert calls["detected"] == 20
    assert calls["chips"] == 40  # two formats
    for cache in caches:
        assert_embedded(cache)
        assert (cache.embeddings.path / "index.h5").is_file()


def test_each_backbone_embeds_what_it_lacks(calls, photos, open_cache, means, assert_embedded):
    extract(photos[:5], open_cache(means("one")))
    extract(photos[3:8], open_cache(means("big", 32)))
    calls.update(dict.fromkeys(calls, 0))
    caches = [open_cache(means("one")), open_cache(means("big", 32))]
    report = extract(photos, caches, threads=2, block_rows=6)
    assert (report.n_cached, report.n_new) == (2, 18)
    blanks = 1 + 1  # every network is tried on one when it is loaded
    assert calls == {"detected": 12, "chips": 15 + 15, "embedded": 15 + 15 + blanks}
    for cache in caches:
        assert_embedded(cache)
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
