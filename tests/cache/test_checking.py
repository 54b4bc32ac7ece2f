import h5py
import numpy as np
import pytest

from cache import CacheError, Column, Space, Store, checking, examining, verify


def whats(root):
    return {problem.path.name: problem.what for problem in verify(root)}


def test_a_sound_cache_has_no_problems(filled):
    store, _, _ = filled
    assert verify(store.path.parent) == []
    store.publish()
    assert verify(str(store.path.parent)) == []


def test_what_is_no_folder_is_an_error(tmp_path):
    with pytest.raises(CacheError, match="nowhere: can't be listed as a cache"):
        verify(tmp_path / "nowhere")
    (tmp_path / "file").touch()
    with pytest.raises(CacheError, match="file: can't be listed as a cache"):
        verify(tmp_path / "file")


def test_leftovers_and_strays_are_named_and_ignored_by_the_store(filled):
    store, keys, _ = filled
    leftover = store.path / "shards" / ".0123456789abcdef.h5.4711-00ff00ff.tmp"
    for path in (leftover, store.path / "shards" / "notes.txt", store.path / "more"):
        path.write_text("half a shard")
    found = whats(store.path.parent)
    assert set(found) == {leftover.name, "notes.txt", "more"}
    assert "killed" in found[leftover.name]
    assert [p.path for p in verify(store.path.parent) if p.harmless] == [leftover]
    assert "no file of a cache" in found["notes.txt"]
    assert len(Store.open_existing(store.path.parent, store.path.name)) == len(keys)


def test_extra_arrays_are_named(filled, shard_files):
    store, _, _ = filled
    with h5py.File(shard_files(store)[0], "r+") as file:
        file["old"] = np.zeros(3)
        file["crc32/old"] = np.zeros(3)
        file["elsewhere"] = h5py.ExternalLink("/etc/passwd", "/")
    [problem] = verify(store.path.parent)
    assert problem.what.endswith("does not know: crc32/old, elsewhere, old")


def test_every_damaged_shard_is_listed_not_only_the_first(filled, shard_files, flip_byte):
    store, _, _ = filled
    files = shard_files(store)
    flip_byte(files[0], "embedding", 5 * 4)
    flip_byte(files[0], "found", 3)
    files[1].write_bytes(b"")
    files[2].rename(files[2].with_name("f" * 16 + ".h5"))
    problems = verify(store.path.parent)
    assert [problem.path.name for problem in problems] == [
        files[0].name,
        files[0].name,
        files[1].name,
        "f" * 16 + ".h5",
    ]
    assert problems[0].what.endswith("the first is row 1")
    assert "column 'found'" in problems[1].what
    assert "featurex cache verify" not in problems[2].what  # that is what is running


def test_all_rows_are_read_also_in_several_pieces(filled, shard_files, flip_byte, monkeypatch):
    store, _, _ = filled
    monkeypatch.setattr(examining, "_BATCH_BYTES", 40)  # two rows of the embedding
    assert verify(store.path.parent) == []
    for row in (0, 4):
        flip_byte(shard_files(store)[0], "embedding", row * 20 + 7)
    [problem] = verify(store.path.parent)
    assert problem.what.startswith("2 of ")
    assert problem.what.endswith("the first is row 0")


def test_doubled_keys_are_counted(tmp_path, make_keys):
    store = Store.open(tmp_path, Space("a", {}), [Column("x", "int64")])
    keys = make_keys(5)
    names = [store.append(part, {"x": np.zeros(3, int)}) for part in (keys[:3], keys[2:])]
    [problem] = verify(tmp_path)
    assert problem.path.stem == max(names)
    assert problem.what.startswith("1 of its keys")
    assert problem.harmless


def test_spaces_that_can_not_be_read_are_named(filled):
    store, _, _ = filled
    root = store.path.parent
    (root / "empty-folder").mkdir()
    assert [problem.path for problem in verify(root)] == [root / "empty-folder" / "space.json"]
    copy = root / "embedding-0000000000000000"
    store.path.rename(copy)
    found = {problem.path.parent.name: problem.what for problem in verify(root)}
    assert found[copy.name].startswith("describes the space embedding-")


def test_a_missing_folder_of_shards_is_named(store):
    (store.path / "shards").rmdir()
    [problem] = verify(store.path.parent)
    assert problem.path == store.path / "shards"
    with pytest.raises(CacheError, match="can't be listed"):
        Store.open_existing(store.path.parent, store.path.name)


@pytest.mark.parametrize("made", [["shards"], [], ["shards", ".space.json.1-00ff00ff.tmp"]])
def test_a_space_that_was_not_finished_being_made_is_harmless(tmp_path, space, columns, made):
    folder = tmp_path / space.folder
    folder.mkdir()
    for name in made:
        (folder / name).mkdir() if name == "shards" else (folder / name).touch()
    assert [(p.path, p.harmless) for p in verify(tmp_path)] == [(folder / "space.json", True)]
    Store.open(tmp_path, space, columns)
    assert all(p.harmless for p in verify(tmp_path))


def test_shards_without_a_description_are_not_harmless(filled):
    store, _, _ = filled
    (store.path / "space.json").unlink()
    [problem] = verify(store.path.parent)
    assert "finds the 3 shards again" in problem.what
    assert not problem.harmless


def test_a_shard_merged_meanwhile_is_no_problem(filled, monkeypatch):
    store, _, _ = filled
    examine = checking.examine

    def examine_late(path, described):
        path.unlink()
        return examine(path, described)

    monkeypatch.setattr(checking, "examine", examine_late)
    assert verify(store.path.parent) == []
