"""Aligns many photos at a time: in threads, or in processes where there are many cores."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, NamedTuple, Self

from featurex.extraction import spaces
from featurex.extraction.alignment import Alignment, Photo, align
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

_ADVICE = (
    "Nothing stored is lost: run the same command again with fewer --threads; up to "
    f"{MOST_THREADS} need no processes."
)


class AlignJob(NamedTuple):
    """A photo to align, as `featurex.extraction.alignment.align` takes it."""

    photo: Photo
    formats: Sequence[ChipFormat]
    stored: Face | None


class Aligning:
    """A pool that aligns photos; left as a context, it drops what nobody has begun.

    Parameters
    ----------
    aligner : FaceAligner
    n_workers : int
        Photos aligned at a time.
    n_photos : int
        How many there will be: few are not worth a process.

    Attributes
    ----------
    pool : ThreadPoolExecutor
        Its threads, for other work that waits for disks.
    """

    def __init__(self, aligner: FaceAligner, n_workers: int, n_photos: int) -> None:
        self.pool = ThreadPoolExecutor(n_workers)
        self._aligner = aligner
        self._cnn = cnn_aligner(aligner)
        self._n_workers = n_workers
        enough = photos_that_pay(n_workers, aligner)
        self._in_processes = enough is not None and n_photos >= enough
        self._processes: Any = None

    def submit(self, jobs: Sequence[AlignJob]) -> list[Callable[[], Alignment]]:
        """Begin to align photos.

        Returns
        -------
        list of callable
            One a job: waits for it and returns what became of the photo.
        """
        if not self._in_processes:
            return [self.pool.submit(align, job.photo, self._aligner, *job[1:]).result
                    for job in jobs]  # fmt: skip
        if jobs and self._processes is None:
            self._processes = start_processes(self._n_workers)
        answers: list[Callable[[], Alignment]] = []
        for start in range(0, len(jobs), PHOTOS_A_CALL):
            part = jobs[start : start + PHOTOS_A_CALL]
            call = self.pool.submit(self._align_elsewhere, part)
            answers += [_answer(call, position) for position in range(len(part))]
        return answers

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        # Ctrl-C must not wait for the photos that no thread has begun.
        self.pool.shutdown(wait=False, cancel_futures=True)
        if self._processes is not None:
            self._processes.shutdown(wait=False, kill_workers=True)

    def _align_elsewhere(self, jobs: Sequence[AlignJob]) -> list[Alignment]:
        """Have a process align photos by HOG; the CNN looks here at what it finds nothing in."""
        with told_if_ended(self._n_workers, _ADVICE):
            found: list[Alignment] = self._processes.submit(_align_all, list(jobs)).result()
        return [
            align(job.photo, self._cnn, *job[1:])
            if alignment.status == spaces.NO_FACE and self._cnn
            else alignment
            for job, alignment in zip(jobs, found, strict=True)
        ]


def _answer(call: Future[list[Alignment]], position: int) -> Callable[[], Alignment]:
    return lambda: call.result()[position]


def _align_all(jobs: Sequence[AlignJob]) -> list[Alignment]:
    """Align photos in this process."""
    return [align(job.photo, hog_aligner(), *job[1:]) for job in jobs]
