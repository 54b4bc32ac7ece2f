import os
import shutil

import h5py
import numpy as np
import pytest

from cache import Column, Space, Store, verify


def as_table(file, name):
    return dict(zip((bytes(key).hex() for key in file["keys"][:]), file[name][:], strict=True))


def test_plain_h5py_sees_all_rows(filled, monkeypatch):
    store, keys, rows = filled
    path = store.publish()
    assert path == store.path / "index.h5"
    monkeypatch.chdir(os.sep)
    with h5py.File(path) as file:
        assert (file.attrs["rows"], file.attrs["shards"]) == (21, 3)
        assert set(file) == {"keys", "shards", "embedding", "found", "reason"}
        for name, values in rows.items():
            assert file[name].dtype == values.dtype
            table = as_table(file, name)
            np.testing.assert_array_equal([table[key] for key in keys], values)


def test_the_folder_can_be_moved(filled, tmp_path):
    store, keys, rows = filled
    store.publish()
    shutil.move(store.path.parent, tmp_path / "moved")
    with h5py.File(tmp_path / "moved" / store.path.name / "index.h5") as file:
        table = as_table(file, "embedding")
    np.testing.assert_array_equal([table[key] for key in keys], rows["embedding"])


def test_a_key_in_two_shards_is_shown_once_as_the_store_reads_it(tmp_path, make_keys):
    store = Store.open(tmp_path, Space("a", {}), [Column("x", "int64")])
    keys = make_keys(12)
    for part, rows in enumerate(([0, 1, 2, 3, 4, 5], [4, 5, 6, 7, 8], [1, 4, 8, 9, 10, 11])):
        store.append([keys[row] for row in rows], {"x": np.array(rows) + 100 * part})
    with h5py.File(store.publish()) as file:
        table = as_table(file, "x")
        assert file.attrs["rows"] == len(file["keys"]) == 12
    assert table == dict(zip(keys, store.column("x", keys)[:], strict=True))
    assert [problem.path.parent.name for problem in verify(tmp_path)] == ["shards", "shards"]


def test_publishing_again_shows_what_others_finished(filled, make_keys, make_rows):
    store, _, _ = filled
    store.publish()
    other = Store.open_existing(store.path.parent, store.path.name)
    other.append(make_keys(4, 700), make_rows(4))
    assert ["out of date" in problem.what for problem in verify(store.path.parent)] == [True]
    with h5py.File(store.publish()) as file:
        assert file["embedding"].shape == (25, 5)
    assert verify(store.path.parent) == []


def test_rows_of_a_deleted_shard_read_as_nan_and_are_found(filled, shard_files):
    store, _, _ = filled
    path = store.publish()
    shard_files(store)[0].unlink()
    with h5py.File(path) as file:
        assert np.isnan(file["embedding"][:]).any()
    [problem] = verify(store.path.parent)
    assert problem.path == path
    assert "shows 1 shards that are gone" in problem.what


@pytest.mark.parametrize("content", [b"", b"text", None])
def test_a_damaged_index_is_found_and_does_not_matter_to_the_store(filled, content):
    store, keys, rows = filled
    path = store.publish()
    path.write_bytes(path.read_bytes()[:-1] if content is None else content)
    assert [problem.path for problem in verify(store.path.parent)] == [path]
    again = Store.open_existing(store.path.parent, store.path.name)
    np.testing.assert_array_equal(again.column("embedding", keys)[:], rows["embedding"])
    again.publish()
    assert verify(store.path.parent) == []


def test_an_index_that_shows_all_rows_is_left_as_it_is(filled):
    path = filled[0].publish()
    written = path.stat().st_mtime_ns, path.stat().st_ino
    assert filled[0].publish() == path
    assert (path.stat().st_mtime_ns, path.stat().st_ino) == written


def test_a_damaged_index_is_published_again(filled):
    store = filled[0]
    content = store.publish().read_bytes()
    for damaged in (content[:-20], content[:100] + bytes([content[100] ^ 1]) + content[101:]):
        (store.path / "index.h5").write_bytes(damaged)
        assert store.publish().read_bytes() != damaged
        assert verify(store.path.parent) == []
