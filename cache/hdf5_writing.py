"""Writes an HDF5 file so that a full disk is an error, not the end of the process."""

import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py


def write_hdf5(path: Path, fill: Callable[[Any], None]) -> None:
    """Write a new HDF5 file that `fill` fills.

    Raises
    ------
    OSError
        As of any file, but only when all is filled: see `_Unfailing`.
    """
    with path.open("x+b", buffering=0) as raw:
        file = _Unfailing(raw)
        with h5py.File(file, "w") as hdf5:
            fill(hdf5)
        if file.failure:
            raise file.failure


class _Unfailing(io.RawIOBase):
    """A file that HDF5 sees no failure of: where the disk is full it would end the process.

    HDF5 ends with a segmentation fault when a file can't be written while it closes it. So what
    can't be written is left out, and whoever made the file asks for the first failure.

    Parameters
    ----------
    raw : RawIOBase
        Open for reading and writing.

    Attributes
    ----------
    failure : BaseException or None
        The first one, also a KeyboardInterrupt; after it nothing is written.
    """

    def __init__(self, raw: Any) -> None:
        self._raw = raw
        self._place = self._end = 0
        self.failure: BaseException | None = None

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to a place; the end is where HDF5 believes it to be."""
        bases = {os.SEEK_SET: 0, os.SEEK_CUR: self._place, os.SEEK_END: self._end}
        self._place = bases[whence] + offset
        return self._place

    def readinto(self, data: Any) -> int:
        """Read again what HDF5 wrote and dropped from its own memory; seldom, if ever."""
        self._raw.seek(self._place)
        n_bytes: int = self._raw.readinto(data)
        self._place += n_bytes
        return n_bytes

    def write(self, data: Any) -> int:
        """Write all of it, or remember why not."""
        rest = memoryview(data)
        self._end = max(self._end, self._place + len(rest))
        try:
            while len(rest) and self.failure is None:
                self._raw.seek(self._place)
                written = self._raw.write(rest)
                self._place += written
                rest = rest[written:]
        except BaseException as error:  # nothing may go through HDF5, not even Ctrl-C
            self.failure = error
        return len(data)

    def truncate(self, size: int | None = None) -> int:
        """Cut or lengthen it."""
        self._end = size = self._place if size is None else size
        try:
            if self.failure is None:
                self._raw.truncate(size)
        except BaseException as error:
            self.failure = error
        return size
