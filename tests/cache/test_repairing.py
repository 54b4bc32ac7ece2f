"""What is damaged is dropped, and every row that is not stays."""

import json
import os
import time

import h5py
import numpy as np
import pytest

from cache import CacheError, Store, repair, repairing, verify

DAY = 86_400


def done(root):
    return {repaired.path.name: repaired for repaired in repair(root)}


def reopened(store):
    return Store.open_existing(store.path.parent, store.path.name)


def make_old(path):
    os.utime(path, (time.time() - DAY, time.time() - DAY))


def test_a_sound_cache_is_left_alone(filled):
    store, _, _ = filled
    store.publish()
    before = {path: path.stat().st_mtime_ns for path in store.path.rglob("*")}
    assert repair(store.path.parent) == []
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_only_damaged_rows_go(filled, shard_files, flip_byte):
    store, keys, rows = filled
    store.publish()
    path = next(p for p in shard_files(store) if h5py.File(p)["keys"].shape[0] == 9)
    with h5py.File(path) as file:
        lost = {bytes(file["keys"][row]).hex() for row in (2, 5)}
    flip_byte(path, "embedding", 2 * 20 + 3)
    flip_byte(path, "crc32/found", 5 * 4)
    what = done(store.path.parent)[path.name].what
    assert what.startswith("kept 7 of 9 rows: 1 of 9 rows of column 'embedding'")
    assert verify(store.path.parent) == []
    again = reopened(store)
    assert set(keys) - set(again.keys()) == lost
    kept = [row for row, key in enumerate(keys) if key not in lost]
    for name, values in rows.items():
        column = again.column(name, [keys[row] for row in kept])
        np.testing.assert_array_equal(column[:], values[kept])


@pytest.mark.parametrize("content", [b"", b"text", None])
def test_a_shard_that_can_not_be_opened_goes_whole(filled, shard_files, content):
    store, keys, _ = filled
    path = shard_files(store)[0]
    path.write_bytes(path.read_bytes()[:-1] if content is None else content)
    assert done(store.path.parent)[path.name].what.startswith("dropped: is not a complete HDF5")
    assert not path.exists()
    assert verify(store.path.parent) == []
    assert 0 < len(reopened(store)) < len(keys)


def test_arrays_of_others_go_and_the_rows_stay(filled, shard_files):
    store, keys, rows = filled
    with h5py.File(shard_files(store)[0], "r+") as file:
        file["old"] = np.zeros(3)
    assert not any(repaired.refused for repaired in repair(store.path.parent))
    assert verify(store.path.parent) == []
    np.testing.assert_array_equal(reopened(store).column("embedding", keys)[:], rows["embedding"])


def test_a_link_to_a_shard_goes_and_what_it_leads_to_stays(filled, shard_files, tmp_path):
    store, _, _ = filled
    path = shard_files(store)[0]
    target = path.rename(tmp_path / "elsewhere.h5")
    path.symlink_to(target)
    assert "not a regular file" in done(store.path.parent)[path.name].what
    assert target.exists()
    assert not path.is_symlink()


def test_what_a_killed_writer_left_goes_once_nobody_can_be_writing_it(filled):
    store, _, _ = filled
    store.publish()
    names = [".index.h5.1-00ff00ff.tmp", "shards/.ab.h5.1-00ff00ff.tmp"]
    files = [store.path / name for name in names]
    folder = store.path.with_name(".dropped-0123456789abcdef.1-00ff00ff.tmp")
    folder.mkdir()
    for path in [*files, folder / "space.json"]:
        path.touch()
    assert {path.name for path in [*files, folder]} == set(done(store.path.parent))
    assert all(repaired.refused for repaired in repair(store.path.parent))
    for path in [*files, folder]:
        make_old(path)
    assert not any(repaired.refused for repaired in repair(store.path.parent))
    assert verify(store.path.parent) == []
    assert not folder.exists()


@pytest.mark.parametrize("name", [".thumbnails.tmp", ".a.1-00ff00f.tmp", ".a.b-00ff00ff.tmp"])
@pytest.mark.parametrize("where", ["..", ".", "shards"])
def test_what_only_looks_like_a_leftover_is_left_to_the_user(filled, name, where):
    store, _, _ = filled
    store.publish()
    folder = store.path / where / name
    folder.mkdir()
    (folder / "mine").touch()
    make_old(folder)
    [repaired] = repair(store.path.parent)
    assert repaired.refused
    assert (folder / "mine").exists()


def test_what_a_writer_finishes_meanwhile_is_no_matter(filled, monkeypatch):
    store, _, _ = filled
    store.publish()
    gone = store.path / ".index.h5.1-00ff00ff.tmp"
    monkeypatch.setattr(repairing, "leftovers", lambda folder: [gone])
    assert repair(store.path.parent) == []


@pytest.mark.parametrize("name", ["notes.txt", "shards/notes.txt", "shards/0123456789abcdef.h5"])
def test_what_is_no_file_of_a_cache_is_left_to_the_user(filled, name):
    store, _, _ = filled
    path = store.path / name
    path.mkdir() if path.suffix == ".h5" else path.write_text("mine")
    repaired = done(store.path.parent)[path.name]
    assert repaired.refused
    assert "move it away" in repaired.what
    assert path.exists()


@pytest.mark.parametrize("where", ["", "shards"])
def test_nothing_is_changed_behind_a_link(filled, tmp_path, where):
    store, _, _ = filled
    root, folder = store.path.parent, store.path / where
    target = folder.rename(tmp_path / "elsewhere")
    folder.symlink_to(target, target_is_directory=True)
    shard = next(target.rglob("*.h5"))
    shard.write_bytes(b"")
    assert "is a link" in done(root)[store.path.name].what
    assert shard.exists()


def test_a_shard_of_another_space_is_refused(filled, shard_files):
    store, _, _ = filled
    path = shard_files(store)[0]
    with h5py.File(path, "r+") as file:
        del file.attrs["space"]
        file.attrs["space"] = np.bytes_(b"0" * 16)
    repaired = done(store.path.parent)
    assert repaired[path.name].refused
    assert "belongs to the space 0000000000000000" in repaired[path.name].what
    assert repaired["index.h5"].refused
    assert path.exists()


def test_a_damaged_description_goes_and_the_next_run_finds_the_shards(filled, columns):
    store, keys, rows = filled
    path = store.path / "space.json"
    path.write_text(path.read_text().replace("float32", "float64"))
    [problem] = verify(store.path.parent)
    assert "its CRC-32 is wrong" in problem.what
    assert not done(store.path.parent)["space.json"].refused
    again = Store.open(store.path.parent, store.space, columns)
    np.testing.assert_array_equal(again.column("embedding", keys)[:], rows["embedding"])
    assert json.loads(path.read_text())["kind"] == "embedding"


@pytest.mark.parametrize("content", [b"", b"text"])
def test_a_damaged_index_is_published_again(filled, content):
    store, _, _ = filled
    path = store.publish()
    path.write_bytes(content)
    assert done(store.path.parent)["index.h5"].what.startswith("published again")
    with h5py.File(path) as file:
        assert file["embedding"].shape == (21, 5)
    assert verify(store.path.parent) == []


def test_an_index_without_shards_is_deleted(filled, shard_files):
    store, _, _ = filled
    path = store.publish()
    for shard in shard_files(store):
        shard.unlink()
    assert done(store.path.parent)["index.h5"].what.startswith("deleted")
    assert not path.exists()
    assert verify(store.path.parent) == []


def test_a_missing_folder_of_shards_is_made(store):
    (store.path / "shards").rmdir()
    repair(store.path.parent)
    assert verify(store.path.parent) == []


def test_what_is_no_folder_is_an_error(tmp_path):
    with pytest.raises(CacheError, match="can't be listed"):
        repair(tmp_path / "nowhere")
