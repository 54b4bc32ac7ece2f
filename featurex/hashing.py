"""Photos are known by their content: the SHA-256 of a file's bytes is its `image_id`.

So a renamed or copied file is the same photo, and a changed one is another.
"""

import hashlib
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO

from featurex.files import MAX_FILE_BYTES, open_regular

PIECE_BYTES = 1 << 16
MAX_THREADS = 8  # Python opens files one at a time: more threads only get in each other's way


def image_id(data: bytes) -> str:
    """Return the id of a photo: the SHA-256 of its bytes, 64 lower-case hexadecimal characters.

    Examples
    --------
    >>> image_id(b"abc")[:16]
    'ba7816bf8f01cfea'
    """
    return hashlib.sha256(data).hexdigest()


def _digest(file: BinaryIO) -> str:
    # Not hashlib.file_digest: it clears a buffer of 256 KB for each of many small files.
    digest = hashlib.sha256()
    while piece := file.read(PIECE_BYTES):
        digest.update(piece)
    return digest.hexdigest()


def hash_files(
    paths: Sequence[str | Path], threads: int | None = None, max_bytes: int = MAX_FILE_BYTES
) -> list[str | OSError]:
    """Return each file's `image_id`, or the error that reading it raised.

    Files are read in pieces, several at a time.

    Parameters
    ----------
    paths : sequence of str or Path
        The files.
    threads : int, optional
        Files read at a time; by default as many as there are processors, at most eight.
    max_bytes : int
        Larger files give an :class:`OSError` (EFBIG).

    Returns
    -------
    list of str or OSError
        In the order of `paths`, whatever the number of threads.

    Raises
    ------
    ValueError
        If `threads` isn't positive.
    """
    threads = min(os.cpu_count() or 1, MAX_THREADS) if threads is None else threads
    if threads < 1:
        raise ValueError(f"The 'threads' parameter of hash_files must be positive. Got {threads}.")

    def hash_one(path: str | Path) -> str | OSError:
        try:
            with open_regular(path, max_bytes) as file:
                return _digest(file)
        except OSError as error:
            return error

    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(hash_one, paths))
