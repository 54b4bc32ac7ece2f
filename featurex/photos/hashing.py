"""Photos are known by their content: the SHA-256 of a file's bytes is its `image_id`.

So a renamed or copied file is the same photo, and a changed one is another.
"""

import hashlib
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from pathlib import Path
from typing import BinaryIO

from featurex.files import MAX_FILE_BYTES, open_regular
from featurex.machine.cores import core_count

PIECE_BYTES = 1 << 16
PART_FILES = 64  # handing a small file to a thread takes longer than hashing it
MAX_THREADS = 8
# A file that takes longer than this is large or slow to come: then threads pay. Python opens files
# one at a time, and two threads that do little else take longer than one.
SLOW_SECONDS = 0.0005


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

    Files are read in pieces, several at a time where that pays.

    Parameters
    ----------
    paths : sequence of str or Path
        The files.
    threads : int, optional
        Files read at a time; by default one where the first files are small and come at once, else
        as many as there are processors, at most eight.
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
    if threads is None:
        threads = _threads_that_pay(paths[:PART_FILES], max_bytes)
    if threads < 1:
        raise ValueError(f"The 'threads' parameter of hash_files must be positive. Got {threads}.")

    def hash_part(start: int) -> list[str | OSError]:
        return [_hash_file(path, max_bytes) for path in paths[start : start + PART_FILES]]

    with ThreadPoolExecutor(threads) as pool:
        return list(chain.from_iterable(pool.map(hash_part, range(0, len(paths), PART_FILES))))


def _hash_file(path: str | Path, max_bytes: int) -> str | OSError:
    try:
        with open_regular(path, max_bytes) as file:
            return _digest(file)
    except OSError as error:
        return error


def _threads_that_pay(sample: Sequence[str | Path], max_bytes: int) -> int:
    started = time.perf_counter()
    for path in sample:
        _hash_file(path, max_bytes)
    if time.perf_counter() - started <= SLOW_SECONDS * len(sample):
        return 1
    return min(core_count(), MAX_THREADS)
