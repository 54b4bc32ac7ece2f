"""Files: those that strangers named are opened with care; ours are written whole or not at all."""

import errno
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path

# A 200-megapixel RGB photo without compression is 600 MB; ordinary photos are far below 50.
MAX_FILE_BYTES = 1 << 30

# Opening a named pipe would otherwise wait for a writer. Windows has neither.
_NONBLOCK = getattr(os, "O_NONBLOCK", 0)


def open_regular(path: str | Path, max_bytes: int = MAX_FILE_BYTES) -> BufferedReader:
    """Open a regular file of at most `max_bytes` for reading.

    Parameters
    ----------
    path : str or Path
        The file; links are followed.
    max_bytes : int
        The largest size accepted.

    Returns
    -------
    binary file
        The caller closes it.

    Raises
    ------
    OSError
        If the file is missing, unreadable, larger, or not a regular file (a folder, a pipe, a
        device).
    """
    try:
        file = open(path, "rb", opener=_open_without_waiting)  # noqa: SIM115
    except ValueError as error:  # a NUL in the name
        raise OSError(errno.EINVAL, str(error), str(path)) from None
    try:
        _check(os.fstat(file.fileno()), path, max_bytes)
    except OSError:
        file.close()
        raise
    return file


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Give a temporary name, which becomes `path` if the block ends without an error.

    What the block wrote is on the disk before it has its name: a file of that name is complete.

    Parameters
    ----------
    path : str or Path
        Its folder must exist. A file of that name is replaced.

    Yields
    ------
    Path
        In the same folder; the block makes this file.

    Raises
    ------
    OSError
        If the file can't be written; then nothing of it is left.
    """
    path = Path(path)
    part = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}.tmp")
    try:
        yield part
        with part.open("rb+") as file:  # Windows flushes only what may be written
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _open_without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | _NONBLOCK)


def _check(status: os.stat_result, path: str | Path, max_bytes: int) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "Not a regular file", str(path))
    if status.st_size > max_bytes:
        raise OSError(errno.EFBIG, f"Larger than {max_bytes} bytes", str(path))


def ready_folder(folder: Path) -> Path:
    """Make a folder for results before the long work, or raise the OSError of writing to it."""
    folder.mkdir(parents=True, exist_ok=True)
    if not os.access(folder, os.W_OK | os.X_OK):
        raise PermissionError(errno.EACCES, "No permission to write into it", str(folder))
    return folder
