"""Finds the faces of many photos at a time: in threads, or in processes where there are many cores.

`featurex.extraction.aligning` does the same for the central faces of training photos.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain, islice
from operator import length_hint
from typing import NamedTuple

import numpy as np

from featurex.exceptions import PhotoError
from featurex.faces.aligner import ChipFormat, Face, FaceAligner
from featurex.faces.hog_processes import (
    MOST_THREADS,
    PHOTOS_A_CALL,
    cnn_aligner,
    hog_aligner,
    photos_that_pay,
    start_processes,
    told_if_ended,
)
from featurex.machine.core_workers import map_ahead
from featurex.machine.paced import Paced
from featurex.photos.opening import PhotoLike
from featurex.photos.picture import Picture

_ADVICE = (
    f"Give it fewer cores with LOKY_MAX_CPU_COUNT; up to {MOST_THREADS - 1} need no processes."
)


@dataclass(frozen=True, eq=False)
class FoundFaces:
    """A photo after alignment.

    Attributes
    ----------
    photo : PhotoLike
        What was asked.
    faces : sequence of Face
        From left to right.
    chips : sequence of ndarray of shape (chip_size, chip_size, 3), uint8
        One a face.
    size : tuple of int
        Width and height of the upright photo in pixels.
    error : PhotoError or None
        Why the photo could not be read.
    """

    photo: PhotoLike
    faces: Sequence[Face] = ()
    chips: Sequence[np.ndarray] = ()
    size: tuple[int, int] = (0, 0)
    error: PhotoError | None = None


class _ByHog(NamedTuple):
    """What HOG finds, and whether that is all that there is to say."""

    found: FoundFaces
    is_final: bool


def find(photo: PhotoLike, aligner: FaceAligner, format: ChipFormat) -> FoundFaces:
    """Find and cut out every face of a photo; never raises for what a file holds, or is none."""
    return _look(photo, aligner, aligner.faces, format)


def find_each(
    photos: Paced[PhotoLike],
    aligner: FaceAligner,
    format: ChipFormat,
    pool: ThreadPoolExecutor,
    n_workers: int,
    ahead: int,
) -> Iterator[FoundFaces]:
    """Find the faces of photo after photo, in their order.

    Parameters
    ----------
    photos : Paced, of photos as `find` takes them
        Drawn at most `ahead` ahead, and, where processes look, a few more for each of them.
    aligner : FaceAligner
    format : ChipFormat
    pool : ThreadPoolExecutor
    n_workers : int
        Processes, where they pay: from the first photo on if there are known to be enough, else
        once so many have come.
    ahead : int
    """
    enough = photos_that_pay(n_workers, aligner)
    few = 0 if enough is not None and length_hint(photos) >= enough else enough
    look = partial(find, aligner=aligner, format=format)
    yield from map_ahead(pool, look, islice(photos, few), ahead, photos)
    cnn = cnn_aligner(aligner)

    def complete(sent: tuple[PhotoLike, _ByHog | None]) -> FoundFaces:
        photo, by_hog = sent
        if by_hog is None:
            return look(photo)
        if cnn and not by_hog.is_final:
            return _find_by_cnn(photo, cnn, by_hog.found.faces, format)
        return replace(by_hog.found, photo=photo)

    found = _found_by_hog(photos, format, n_workers)
    yield from map_ahead(pool, complete, found, ahead, photos)


def _found_by_hog(
    photos: Paced[PhotoLike], format: ChipFormat, n_workers: int
) -> Iterator[tuple[PhotoLike, _ByHog | None]]:
    """Have processes look; None for what is no file."""
    first = list(islice(photos, 1))
    if not first:
        return
    processes = start_processes(n_workers)
    sent: deque[list[PhotoLike]] = deque()
    parts = _parts(first, photos, sent)
    look = partial(_find_all_by_hog, format=format)
    try:
        with told_if_ended(n_workers, _ADVICE):
            for found in map_ahead(processes, look, parts, 2 * n_workers, photos):
                yield from zip(sent.popleft(), found, strict=True)
    finally:
        processes.shutdown(wait=False, kill_workers=True)


def _parts(
    first: list[PhotoLike], photos: Paced[PhotoLike], sent: deque[list[PhotoLike]]
) -> Iterator[list[str | None]]:
    """Name the files for a process, and note which photos they are."""
    for part in chain([first], photos.blocks_of(photos, PHOTOS_A_CALL)):
        sent.append(part)
        yield [os.fsdecode(p) if isinstance(p, str | os.PathLike) else None for p in part]


def _find_all_by_hog(paths: Sequence[str | None], format: ChipFormat) -> list[_ByHog | None]:
    return [None if path is None else _find_by_hog(path, format) for path in paths]


def _find_by_hog(path: str, format: ChipFormat) -> _ByHog:
    aligner, is_final = hog_aligner(), True

    def detect(picture: Picture) -> Sequence[Face]:
        nonlocal is_final
        scanned = aligner.scan(picture)
        is_final = bool(scanned)
        return scanned or aligner.lone(picture)

    found = _look(path, aligner, detect, format)
    return _ByHog(found, is_final)


def _find_by_cnn(
    photo: PhotoLike, aligner: FaceAligner, by_hog: Sequence[Face], format: ChipFormat
) -> FoundFaces:
    """Look where HOG's scan found nothing; its lone face comes before the CNN's, as in `find`."""

    def detect(picture: Picture) -> Sequence[Face]:
        return aligner.scan(picture) or by_hog or aligner.lone(picture)

    return _look(photo, aligner, detect, format)


def _look(
    photo: PhotoLike,
    aligner: FaceAligner,
    detect: Callable[[Picture], Sequence[Face]],
    format: ChipFormat,
) -> FoundFaces:
    try:
        picture = Picture.of(photo)
    except PhotoError as error:
        return FoundFaces(photo, error=error)
    faces = detect(picture)
    chips = [aligner.chip(picture, face, *format) for face in faces]
    return FoundFaces(photo, faces, chips, picture.size)
