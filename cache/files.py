"""Files that are complete or absent: a temporary name in the same folder, flushed, then renamed."""

import contextlib
import io
import os
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import h5py

TEMPORARY_SUFFIX = ".tmp"


def is_temporary(path: Path) -> bool:
    """Tell whether a file is what a killed writer left."""
    return path.name.startswith(".") and path.name.endswith(TEMPORARY_SUFFIX)


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary name to write; afterwards flush that file to disk and rename it to `path`.

    If the block raises, the temporary file is deleted and `path` stays as it was.
    """
    temporary = temporary_name(path)
    try:
        yield temporary
        _flush(temporary)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    flush_folder(path.parent)


def create_once(path: Path, content: bytes) -> None:
    """Write a whole file unless it is there already; of two processes at once the first wins."""
    temporary = temporary_name(path)
    try:
        temporary.write_bytes(content)
        _flush(temporary)
        _name_once(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    flush_folder(path.parent)


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
        except BaseException as error:
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


def temporary_name(path: Path) -> Path:
    """Return a name in the same folder that nobody else has, and that says what it is."""
    unique = f"{os.getpid()}-{secrets.token_hex(4)}"
    return path.with_name(f".{path.name}.{unique}{TEMPORARY_SUFFIX}")


def _name_once(temporary: Path, path: Path) -> None:
    try:
        path.hardlink_to(temporary)
    except FileExistsError:
        return
    except OSError:  # a file system without hard links (exFAT, some network drives)
        if not path.exists():
            temporary.replace(path)


def _flush(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def flush_folder(folder: Path) -> None:
    """Make a rename or a deletion survive a power cut (POSIX only; Windows can't open folders)."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
