"""A list of shards that changes while it is read."""

import numpy as np
import pytest

from cache import MissingRowError, Store, scanning
from cache.lookup import empty_lookup
from cache.scanning import find_again, scan
from cache.shards import shard_paths


@pytest.fixture
def look(store, columns):
    return lambda known=None: scan(store.path, store.space.id, columns, known or empty_lookup())


def test_known_shards_are_not_opened_again(filled, look, monkeypatch, make_keys, make_rows):
    store, keys, _ = filled
    known = look()
    new = store.append(make_keys(2, 900), make_rows(2))
    opened = []
    open_shard = scanning.open_shard
    monkeypatch.setattr(
        scanning, "open_shard", lambda path, *more: opened.append(path) or open_shard(path, *more)
    )
    assert len(look(known).places) == len(keys) + 2
    assert [path.stem for path in opened] == [new]


def test_a_list_that_lacks_both_the_old_and_the_new_shard_does_not_count(filled, look, monkeypatch):
    store, keys, _ = filled
    partial = iter([shard_paths(store.path)[:1]])
    monkeypatch.setattr(scanning, "shard_paths", lambda path: next(partial, shard_paths(path)))
    assert len(look().places) == len(keys)


def test_shards_that_vanish_while_they_are_opened_are_no_error(filled, look, monkeypatch):
    store, keys, _ = filled
    gone = shard_paths(store.path)[0]
    n_rows = len(keys)
    lists = iter([shard_paths(store.path)])
    gone.unlink()
    monkeypatch.setattr(scanning, "shard_paths", lambda path: next(lists, shard_paths(path)))
    assert 0 < len(look().places) < n_rows


def test_rows_that_are_nowhere_are_named(filled, look):
    store, _, _ = filled
    places = look().places
    shard_paths(store.path)[0].unlink()
    with pytest.raises(MissingRowError, match="rows are not in the store"):
        find_again(places, store.path)


def test_a_folder_that_never_rests_is_taken_as_it_is(filled, look, monkeypatch):
    store, keys, _ = filled
    lists = iter(range(1, 100))
    paths = shard_paths(store.path)
    monkeypatch.setattr(scanning, "shard_paths", lambda path: paths[: 1 + next(lists) % 3])
    assert len(look().places)
    assert np.isin(Store.open_existing(store.path.parent, store.path.name).keys(), keys).all()
