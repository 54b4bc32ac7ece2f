import errno
import io
from pathlib import Path

import h5py
import numpy as np
import pytest

from cache import files


def test_the_name_appears_only_when_the_content_is_complete(tmp_path):
    path = tmp_path / "a"
    with files.replacing(path) as temporary:
        temporary.write_text("one")
        assert temporary.parent == tmp_path
        assert files.is_temporary(temporary)
        assert not path.exists()
    assert path.read_text() == "one"
    assert not files.is_temporary(path)
    assert [file.name for file in tmp_path.iterdir()] == ["a"]


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "a"
    path.write_text("old")

    def write_half():
        with files.replacing(path) as temporary:
            temporary.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_half()
    assert path.read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["a"]


def test_two_writers_of_one_file_do_not_collide(tmp_path):
    path = tmp_path / "a"
    with files.replacing(path) as first:
        first.write_text("first")
        with files.replacing(path) as second:
            assert second != first
            second.write_text("second")
        assert path.read_text() == "second"
    assert path.read_text() == "first"


def test_the_content_is_flushed_before_the_rename_and_the_folder_after(tmp_path, monkeypatch):
    calls = []
    monkeypatch.setattr(files, "_flush", lambda path: calls.append("flush the file"))
    monkeypatch.setattr(files, "flush_folder", lambda path: calls.append("flush the folder"))
    replace = Path.replace

    def replacing(path, target):
        calls.append("rename")
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", replacing)
    with files.replacing(tmp_path / "a") as temporary:
        temporary.write_text("one")
    assert calls == ["flush the file", "rename", "flush the folder"]


@pytest.mark.parametrize("links", [True, False])
def test_the_first_creator_wins(tmp_path, monkeypatch, links):
    def refuse(path, target):
        raise PermissionError("no hard links here")

    if not links:
        monkeypatch.setattr(Path, "hardlink_to", refuse)
    path = tmp_path / "a"
    files.create_once(path, b"first")
    files.create_once(path, b"second")
    assert path.read_bytes() == b"first"
    assert [file.name for file in tmp_path.iterdir()] == ["a"]


CHIPS = np.random.default_rng(0).integers(0, 256, (300, 100), dtype=np.uint8)


def fill(file):
    file.attrs["rows"] = len(CHIPS)
    chips = file.create_dataset("chips", CHIPS.shape, CHIPS.dtype)
    for start in range(0, len(CHIPS), 64):
        chips[start : start + 64] = CHIPS[start : start + 64]
    file.create_dataset("of/rows", data=np.arange(len(CHIPS)))


class SmallDisk(io.FileIO):
    """A file on a disk that has room for so many bytes, and then one thing happens."""

    room, end = 0, OSError(errno.ENOSPC, "No space left on device")

    def write(self, data):
        place, n_bytes = self.tell(), len(data)
        if self.room <= place and n_bytes:
            raise self.end
        return super().write(memoryview(data)[: self.room - place])


def open_small(path, mode, buffering=-1):
    return SmallDisk(path, mode)


def test_hdf5_outlives_a_disk_that_is_full_at_any_byte(tmp_path, monkeypatch):
    whole = tmp_path / "whole.h5"
    files.write_hdf5(whole, fill)
    n_bytes = whole.stat().st_size
    with h5py.File(whole) as file:
        np.testing.assert_array_equal(file["chips"], CHIPS)
    monkeypatch.setattr(Path, "open", open_small)
    for room in [*range(0, n_bytes, 211), n_bytes - 1]:
        monkeypatch.setattr(SmallDisk, "room", room)
        with pytest.raises(OSError, match="No space left"):
            files.write_hdf5(tmp_path / f"{room}.h5", fill)
    monkeypatch.setattr(SmallDisk, "room", n_bytes)
    files.write_hdf5(tmp_path / "again.h5", fill)
    assert (tmp_path / "again.h5").read_bytes() == whole.read_bytes()


def test_ctrl_c_while_hdf5_writes_comes_out_when_it_is_done(tmp_path, monkeypatch):
    monkeypatch.setattr(Path, "open", open_small)
    monkeypatch.setattr(SmallDisk, "room", 5000)
    monkeypatch.setattr(SmallDisk, "end", KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        files.write_hdf5(tmp_path / "a.h5", fill)


def test_what_fill_raises_is_raised(tmp_path):
    def fail(file):
        fill(file)
        raise ValueError("half of it")

    with pytest.raises(ValueError, match="half of it"):
        files.write_hdf5(tmp_path / "a.h5", fail)
