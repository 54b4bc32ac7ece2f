"""Processes that find faces by HOG, where there are more cores than threads make use of.

They load no torch. What HOG finds nothing in is looked at by the one that asked, with the CNN and
on its device.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from featurex.detectors import CNN, HOG, HOG_THEN_CNN
from featurex.exceptions import FeaturexError
from featurex.faces.aligner import FaceAligner
from featurex.machine.processes import end_with

# dlib holds Python's lock while it looks for landmarks and cuts out a chip, which is a quarter of a
# photo's time: more threads than this wait for one another.
MOST_THREADS = 5
# A process is there after a second, in which it would have aligned so many photos.
PHOTOS_A_PROCESS = 150
# What a process gets at a time: enough that asking costs little, few enough that none waits long.
PHOTOS_A_CALL = 4


def photos_that_pay(n_workers: int, aligner: FaceAligner) -> int | None:
    """Return from how many photos on processes find faces sooner than threads; None if never.

    Parameters
    ----------
    n_workers : int
        Photos looked at at a time.
    aligner : FaceAligner
        Where its CNN comes first, each process would hold its own, and take the GPU's memory.
    """
    if n_workers <= MOST_THREADS or aligner.detector == CNN:
        return None
    return n_workers * PHOTOS_A_PROCESS


def start_processes(n_workers: int) -> Any:
    """Start processes of one core each, which end with this one.

    Returns
    -------
    joblib.externals.loky.ProcessPoolExecutor
        Unlike Python's own, it needs no guarded main module. Of joblib's copy of loky, since a
        second one takes its place in multiprocessing, and joblib then loses track of its files.
    """
    from joblib.externals.loky import ProcessPoolExecutor

    one_core = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL")}
    return ProcessPoolExecutor(
        n_workers, env=one_core, initializer=end_with, initargs=(os.getpid(),)
    )


@contextmanager
def told_if_ended(n_workers: int, advice: str) -> Iterator[None]:
    """Raise a FeaturexError with advice where one of the processes was ended."""
    from joblib.externals.loky.process_executor import BrokenProcessPool

    try:
        yield
    except BrokenProcessPool as error:
        raise FeaturexError(
            f"One of {n_workers} processes that find faces was ended, perhaps for want of memory. "
            + advice
        ) from error


def cnn_aligner(aligner: FaceAligner) -> FaceAligner | None:
    """Return one that looks where HOG found nothing, as `aligner` does; None if it doesn't."""
    return FaceAligner(CNN, aligner.device) if aligner.detector == HOG_THEN_CNN else None


@cache
def hog_aligner() -> FaceAligner:
    """Return this process's aligner."""
    return FaceAligner(HOG)
