"""Files that are complete or absent: a temporary name in the same folder, flushed, then renamed."""

import contextlib
import os
import re
import secrets
from collections.abc import Iterator
from pathlib import Path

_TEMPORARY = re.compile(r"\..+\.\d+-[0-9a-f]{8}\.tmp", re.ASCII | re.DOTALL)


def is_temporary(path: Path) -> bool:
    """Tell whether a name is one of `temporary_name`: what a killed writer left."""
    return _TEMPORARY.fullmatch(path.name) is not None


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


def identity(path: Path) -> tuple[int, ...]:
    """Return what changes when a file is replaced by another one."""
    status = path.lstat()
    return status.st_ino, status.st_size, status.st_mtime_ns


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


def temporary_name(path: Path) -> Path:
    """Return a name in the same folder that nobody else has, and that says what it is."""
    return path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}.tmp")


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
