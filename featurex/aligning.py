"""Aligns many photos at a time: in threads, or in processes where there are many cores."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from typing import Any, NamedTuple, Self

from featurex import spaces
from featurex.alignment import Alignment, Photo, align
from featurex.detectors import CNN, HOG
from featurex.exceptions import FeaturexError
from featurex.faces import ChipFormat, Face, FaceAligner
from featurex.processes import end_with

# dlib holds Python's lock while it looks for landmarks and cuts out a chip, which is a quarter of a
# photo's time: more threads than this wait for one another.
_MOST_THREADS = 5
# A process is there after a second, in which it would have aligned so many photos.
_PHOTOS_A_PROCESS = 150
# What a process gets at a time: enough that asking costs little, few enough that none waits long.
_PHOTOS_A_CALL = 4


class AlignJob(NamedTuple):
    """A photo to align, as `featurex.alignment.align` takes it."""

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
        self._n_workers = n_workers
        # Where the CNN comes first, each process would hold its own, and take the GPU's memory.
        self._in_processes = (
            n_workers > _MOST_THREADS
            and n_photos >= n_workers * _PHOTOS_A_PROCESS
            and aligner.detector != CNN
        )
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
            self._processes = _start(self._n_workers)
        answers: list[Callable[[], Alignment]] = []
        for start in range(0, len(jobs), _PHOTOS_A_CALL):
            part = jobs[start : start + _PHOTOS_A_CALL]
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
        """Have a process align photos by HOG; what it finds nothing in is looked at again here."""
        from loky.process_executor import BrokenProcessPool

        try:
            found: list[Alignment] = self._processes.submit(_align_all, list(jobs)).result()
        except BrokenProcessPool as error:
            raise FeaturexError(
                f"One of {self._n_workers} processes that find faces was ended, perhaps for want "
                "of memory. Nothing stored is lost: run the same command again with fewer "
                f"--threads; up to {_MOST_THREADS} need no processes."
            ) from error
        return [
            align(job.photo, self._aligner, *job[1:])
            if alignment.status == spaces.NO_FACE and self._aligner.detector != HOG
            else alignment
            for job, alignment in zip(jobs, found, strict=True)
        ]


def _answer(call: Future[list[Alignment]], position: int) -> Callable[[], Alignment]:
    return lambda: call.result()[position]


def _start(n_workers: int) -> Any:
    from loky import ProcessPoolExecutor  # unlike Python's own, it needs no guarded main module

    one_core = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL")}
    return ProcessPoolExecutor(
        n_workers, env=one_core, initializer=end_with, initargs=(os.getpid(),)
    )


def _align_all(jobs: Sequence[AlignJob]) -> list[Alignment]:
    """Align photos in this process; torch is not loaded for it."""
    return [align(job.photo, _hog_aligner(), *job[1:]) for job in jobs]


@cache
def _hog_aligner() -> FaceAligner:
    return FaceAligner(HOG)
