from pathlib import Path

import pytest

from cache import CacheError, Column, Space, SpaceInfo, Store, info, spaces
from cache.listing import size_of


def test_spaces_and_info_list_every_space_in_order(filled):
    store, keys, _ = filled
    root = store.path.parent
    Store.open(root, Space("chips", {"size": 150}), [Column("x", "u1")], made_by={"featurex": "1"})
    (root / "not-a-space").mkdir()
    (root / "file").touch()
    chips, embedding = spaces(root)
    assert [chips.space.kind, embedding.space.kind] == ["chips", "embedding"]
    assert embedding.keys() == sorted(keys)
    files = [path for path in store.path.rglob("*") if path.is_file()]
    assert info(root) == [
        SpaceInfo(
            folder=chips.space.folder,
            kind="chips",
            settings={"size": 150},
            rows=0,
            shards=0,
            bytes=(chips.path / "space.json").stat().st_size,
            created=chips.created,
            made_by={"featurex": "1"},
        ),
        SpaceInfo(
            folder=store.path.name,
            kind="embedding",
            settings={"backbone": "tiny", "layer": 3},
            rows=21,
            shards=3,
            bytes=sum(path.stat().st_size for path in files),
            created=store.created,
            made_by={},
        ),
    ]


def test_a_cache_that_is_not_there_or_damaged_is_an_error(filled, tmp_path):
    with pytest.raises(CacheError, match="can't be listed"):
        spaces(tmp_path / "nowhere")
    store, _, _ = filled
    (store.path / "space.json").write_text("{")
    with pytest.raises(CacheError, match=r"space\.json"):
        info(store.path.parent)


def test_a_file_that_a_writer_renames_meanwhile_counts_nothing(tmp_path, monkeypatch):
    (tmp_path / "there").write_bytes(b"123")
    paths = [tmp_path / "there", tmp_path / "renamed"]
    monkeypatch.setattr(Path, "rglob", lambda folder, pattern: iter(paths))
    assert size_of(tmp_path) == 3
