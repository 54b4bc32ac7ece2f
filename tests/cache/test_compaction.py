"""Merged shards hold the same rows, and readers that were there before find them."""

import pickle

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cache import Column, Compaction, DamagedShardError, Space, Store, compact, compaction, verify

ROW_BYTES = 5 * 4 + 1 + 20


def reopened(store):
    return Store.open_existing(store.path.parent, store.path.name)


def test_many_small_shards_become_one(filled):
    store, keys, rows = filled
    assert compact(store.path.parent) == [Compaction(store.path.name, 3, 1, 0)]
    again = reopened(store)
    assert again.n_shards == 1
    for name, values in rows.items():
        np.testing.assert_array_equal(again.column(name, keys)[:], values)
    with h5py.File(store.path / "index.h5") as file:
        assert (file.attrs["rows"], file.attrs["shards"]) == (21, 1)
    assert verify(store.path.parent) == []


def test_once_is_enough(filled):
    store, _, _ = filled
    compact(store.path.parent, 15 * ROW_BYTES)
    before = {path: path.stat().st_ino for path in store.path.rglob("*")}
    assert compact(store.path.parent, 15 * ROW_BYTES) == [Compaction(store.path.name, 2, 2, 0)]
    assert {path: path.stat().st_ino for path in store.path.rglob("*")} == before


def test_a_run_that_was_killed_before_it_deleted_what_it_merged(tmp_path, make_keys):
    for seed in range(40):  # the order of the shards' names, which decides, follows from the keys
        keys = make_keys(6, 100 * seed)
        store = Store.open(tmp_path / str(seed), Space("a", {}), [Column("x", "int64")])
        for rows in ([0, 1], [2, 3], [0, 1, 2, 3], [4, 5]):
            store.append([keys[row] for row in rows], {"x": np.array(rows)})
        compact(tmp_path / str(seed), 8 * 5)
        np.testing.assert_array_equal(reopened(store).column("x", keys)[:], range(6))


@settings(
    deadline=None, max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_any_shards_with_any_keys_in_common(data, tmp_path_factory, make_keys):
    keys = make_keys(12)
    store = Store.open(tmp_path_factory.mktemp("c"), Space("a", {}), [Column("x", "int64")])
    rows = st.sets(st.integers(0, 11), min_size=1)
    for part in data.draw(st.lists(rows, min_size=1, max_size=8)):
        store.append([keys[row] for row in part], {"x": np.array([*part])})
    there = dict(zip(store.keys(), store.column("x")[:], strict=True))
    most = data.draw(st.integers(1, 14))
    [compaction] = compact(store.path.parent, 8 * most)
    again = reopened(store)
    assert dict(zip(again.keys(), again.column("x")[:], strict=True)) == there
    shards = [h5py.File(path)["keys"].shape[0] for path in again.path.glob("shards/*.h5")]
    assert sum(shards) == len(there)
    assert sum(n < most / 2 for n in shards) <= 1
    assert len(shards) == compaction.shards_after == again.n_shards
    assert verify(store.path.parent) == []


def test_a_reader_from_before_finds_the_rows(filled):
    store, keys, rows = filled
    column = store.column("embedding", keys[::-1])
    pickled = pickle.dumps(column.take(slice(4, 9)))
    part = column.take([3, 1])
    compact(store.path.parent)
    np.testing.assert_array_equal(column[:], rows["embedding"][::-1])
    np.testing.assert_array_equal(part[1], rows["embedding"][::-1][1])
    np.testing.assert_array_equal(pickle.loads(pickled)[:], rows["embedding"][::-1][4:9])
    assert store.contains(keys).all()
    store.refresh()
    assert store.n_shards == 1


def test_rows_that_moved_are_looked_for_once(filled, monkeypatch):
    store, keys, _ = filled
    column = store.column("embedding", keys)
    compact(store.path.parent)
    column[0]
    monkeypatch.setattr("cache.columns.find_again", lambda *args: pytest.fail("looked again"))
    column[1:]


def test_a_writer_goes_on(filled, make_keys, make_rows):
    store, keys, rows = filled
    compact(store.path.parent)
    store.append(keys[:7], {name: values[:7] for name, values in rows.items()})  # as at first
    store.append(make_keys(3, 900), make_rows(3))
    store.publish()
    assert all(problem.harmless for problem in verify(store.path.parent))
    assert compact(store.path.parent) == [Compaction(store.path.name, 3, 1, 7)]
    assert len(reopened(store)) == 24


def test_a_damaged_shard_stops_it_and_nothing_is_deleted(filled, shard_files, flip_byte):
    store, _, _ = filled
    before = shard_files(store)
    flip_byte(before[1], "embedding", 4)
    with pytest.raises(DamagedShardError, match="`featurex cache repair DIR`"):
        compact(store.path.parent)
    assert shard_files(store) == before


def test_a_shard_that_is_not_what_was_written_is_not_trusted(filled, shard_files, monkeypatch):
    from cache import compaction

    store, _, _ = filled
    before = shard_files(store)
    write = compaction.write_shard

    def write_badly(*args):
        shard, keys = write(*args)
        with h5py.File(shard.path, "r+") as file:
            file["embedding"][0, 0] += 1
        return shard, keys

    monkeypatch.setattr(compaction, "write_shard", write_badly)
    with pytest.raises(DamagedShardError, match="not what was just written"):
        compact(store.path.parent)
    assert set(before) <= set(shard_files(store))


def test_an_index_that_a_killed_run_left_out_is_written(filled):
    store, _, _ = filled
    compact(store.path.parent)
    (store.path / "index.h5").unlink()
    compact(store.path.parent)
    assert (store.path / "index.h5").exists()


def test_empty_spaces_and_other_folders_are_left_alone(store):
    (store.path.parent / "photos").mkdir()
    assert compact(store.path.parent) == [Compaction(store.path.name, 0, 0, 0)]


def test_an_index_written_while_shards_are_merged_is_written_anew(filled, monkeypatch):
    """As an extraction does that publishes between the index's end and the shards'."""
    store, keys, _ = filled
    merge = compaction._merge

    def publish_first(*args):
        store.publish()
        merge(*args)

    monkeypatch.setattr(compaction, "_merge", publish_first)
    compact(store.path.parent)
    assert verify(store.path.parent) == []
    assert sorted(Store.open_existing(store.path.parent, store.path.name).keys()) == sorted(keys)
