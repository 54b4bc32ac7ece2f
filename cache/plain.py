"""Plain HDF5 files: contiguous, uncompressed arrays, found and checked without reading them.

Once HDF5 has told where an array begins, its rows are read straight from the file: no lock, no open
handle, nothing to inherit by a fork.  Nothing in a file is trusted: every type, shape, layout and
link is compared with what is expected, and every extent with the file's size, before a byte of
data is read.
"""

import contextlib
import math
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from cache.errors import DamagedShardError, damaged, vanished


@dataclass(frozen=True)
class Block:
    """One contiguous array in a file: where it begins, its dtype and its shape."""

    offset: int
    dtype: np.dtype[Any]
    shape: tuple[int, ...]

    @property
    def n_bytes(self) -> int:
        """Size of the whole array in bytes."""
        return self.dtype.itemsize * math.prod(self.shape)

    def read(
        self, file: BufferedReader, start: int, stop: int, out: NDArray[Any] | None = None
    ) -> NDArray[Any]:
        """Return the rows from `start` to `stop`; EOFError if the file ends before.

        They are read into `out` where there is one: contiguous, of their shape and dtype.
        """
        rows = np.empty((stop - start, *self.shape[1:]), self.dtype) if out is None else out
        file.seek(self.offset + start * (self.n_bytes // self.shape[0]))
        if file.readinto(rows.reshape(-1).view(np.uint8).data) < rows.nbytes:
            raise EOFError("the file ends within its data")
        return rows


class PlainFile:
    """An open HDF5 file of which only what is plain is used.  Made by `open_plain`."""

    def __init__(self, path: Path, file: Any) -> None:
        self._path = path
        self._id = file.id  # h5py's lower level reads and converts nothing unasked
        self._size = path.stat().st_size

    def attribute(self, name: str, dtype: str) -> Any:
        """Return a scalar attribute of exactly this dtype."""
        if not h5py.h5a.exists(self._id, name.encode()):
            raise damaged(self._path, f"has no attribute {name!r}")
        attribute = h5py.h5a.open(self._id, name.encode())
        if attribute.shape != () or not _is_type(attribute.get_type(), np.dtype(dtype)):
            raise damaged(self._path, f"its attribute {name!r} is of another type")
        value = np.empty((), dtype)
        attribute.read(value)
        return value[()]

    def block(self, name: str, dtype: np.dtype[Any], shape: tuple[int, ...]) -> Block:
        """Return where an array of exactly this dtype and shape lies, inside the file."""
        dataset = self._dataset(name)
        if not _is_type(dataset.get_type(), dtype) or dataset.shape != shape:
            raise self._wrong(name, f"is not {dtype} of shape {shape}")
        properties = dataset.get_create_plist()
        contiguous = properties.get_layout() == h5py.h5d.CONTIGUOUS
        offset = dataset.get_offset()
        if not contiguous or properties.get_external_count() or offset is None:
            raise self._wrong(name, "does not lie in the file as one block")
        block = Block(offset, dtype, shape)
        if offset + block.n_bytes > self._size:
            raise self._wrong(name, "reaches beyond the end of the file")
        return block

    def names(self, group: str = "/") -> list[str]:
        """Return the names in a group, without following any."""
        found = h5py.h5o.open(self._id, group.encode())
        return sorted(name.decode("utf-8", "replace") for name in found)

    def _dataset(self, name: str) -> Any:
        """Return a dataset, reached by hard links only: soft and external ones lead elsewhere."""
        parts = name.split("/")
        for depth in range(1, len(parts) + 1):
            if not self._is_hard_link("/".join(parts[:depth])):
                raise self._wrong(name, "is missing or a link")
        found = h5py.h5o.open(self._id, name.encode())
        if not isinstance(found, h5py.h5d.DatasetID):
            raise self._wrong(name, "is no dataset")
        return found

    def _is_hard_link(self, name: str) -> bool:
        try:
            return bool(self._id.links.get_info(name.encode()).type == h5py.h5l.TYPE_HARD)
        except KeyError:
            return False

    def _wrong(self, name: str, what: str) -> DamagedShardError:
        return damaged(self._path, f"its array {name!r} {what}")


@contextlib.contextmanager
def open_plain(path: Path) -> Iterator[PlainFile]:
    """Open an HDF5 file; whatever HDF5 can't read becomes a DamagedShardError naming the file."""
    try:
        if not stat.S_ISREG(path.lstat().st_mode):
            raise damaged(path, "is not a regular file")
        with h5py.File(path, "r", locking=False) as file:
            if file.userblock_size:
                raise damaged(path, "has a user block before its data")
            yield PlainFile(path, file)
    except FileNotFoundError:
        raise vanished(path) from None
    except (OSError, RuntimeError, KeyError, ValueError, TypeError) as error:
        # A file that another process deletes while HDF5 opens it is an error of HDF5's own.
        if not os.path.lexists(path):
            raise vanished(path) from None
        raise damaged(path, f"is not a complete HDF5 file ({error})") from None


def _is_type(hdf5_type: Any, dtype: np.dtype[Any]) -> bool:
    return bool(hdf5_type.equal(h5py.h5t.py_create(dtype, logical=True)))
