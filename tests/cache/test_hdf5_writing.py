import errno
import io
from pathlib import Path

import h5py
import numpy as np
import pytest

from cache.hdf5_writing import write_hdf5

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
    write_hdf5(whole, fill)
    n_bytes = whole.stat().st_size
    with h5py.File(whole) as file:
        np.testing.assert_array_equal(file["chips"], CHIPS)
    monkeypatch.setattr(Path, "open", open_small)
    for room in [*range(0, n_bytes, 211), n_bytes - 1]:
        monkeypatch.setattr(SmallDisk, "room", room)
        with pytest.raises(OSError, match="No space left"):
            write_hdf5(tmp_path / f"{room}.h5", fill)
    monkeypatch.setattr(SmallDisk, "room", n_bytes)
    write_hdf5(tmp_path / "again.h5", fill)
    assert (tmp_path / "again.h5").read_bytes() == whole.read_bytes()


def test_ctrl_c_while_hdf5_writes_comes_out_when_it_is_done(tmp_path, monkeypatch):
    monkeypatch.setattr(Path, "open", open_small)
    monkeypatch.setattr(SmallDisk, "room", 5000)
    monkeypatch.setattr(SmallDisk, "end", KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        write_hdf5(tmp_path / "a.h5", fill)


def test_what_fill_raises_is_raised(tmp_path):
    def fail(file):
        fill(file)
        raise ValueError("half of it")

    with pytest.raises(ValueError, match="half of it"):
        write_hdf5(tmp_path / "a.h5", fail)
