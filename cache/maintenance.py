"""What `compact`, `repair` and `drop` share: they alone delete files, one at a time in a space."""

import contextlib
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from cache import index
from cache.errors import CacheError
from cache.files import flush_folder
from cache.shards import SHARDS_FOLDER

if sys.platform != "win32":
    import fcntl

QUIET_SECONDS = 60  # a writer writes its file in one go: what is older belongs to none that lives


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Keep every other maintenance out of a space's folder; the lock ends with the process.

    Readers and writers go on: they need no lock.  Where the system can't lock a folder (Windows,
    some network drives) it is on the user not to run two at once.

    Raises
    ------
    CacheError
        If another one is at work, or the folder is a link: what lies elsewhere is not touched.
    """
    for path in (folder, folder / SHARDS_FOLDER):
        if path.is_symlink():
            raise CacheError(
                f"{path}: is a link, and nothing is changed behind a link. Name the "
                "folder where it leads to."
            )
    if sys.platform == "win32":
        yield
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        _lock(descriptor, folder)
        yield
    finally:
        os.close(descriptor)


def unpublish(folder: Path) -> None:
    """Delete the index before shards go: without one, no program reads fill values for rows."""
    path = folder / index.FILE_NAME
    if path.exists():
        path.unlink(missing_ok=True)
        flush_folder(folder)


def is_abandoned(path: Path) -> bool:
    """Tell whether no writer can still be writing a temporary file or folder."""
    return time.time() - path.lstat().st_mtime > QUIET_SECONDS


def _lock(descriptor: int, folder: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise CacheError(
            f"{folder}: a compact, repair or drop is at work there. Run this again when it ends."
        ) from None
    except OSError:
        pass  # a file system without locks
