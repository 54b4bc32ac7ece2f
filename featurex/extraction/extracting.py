"""The GPU stage: photos to faces to chips to embeddings, all into the cache.

The unit of work is a block of photos: its rows go in, and its finished shards come out.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import numpy as np

from cache import encode_keys
from featurex.extraction import spaces
from featurex.extraction.aligning import Aligning
from featurex.extraction.alignment import Photo, stored_statuses
from featurex.extraction.face_cache import FaceCache
from featurex.extraction.report import ExtractionReport
from featurex.extraction.run import ExtractionRun
from featurex.machine.cores import core_count

BLOCK_ROWS = 512


def extract(
    photos: Sequence[Photo],
    caches: FaceCache | Sequence[FaceCache],
    *,
    threads: int | None = None,
    block_rows: int = BLOCK_ROWS,
    complete: bool = True,
    on_photo: Callable[[int, int], None] = lambda settled, skipped: None,
) -> ExtractionReport:
    """Bring the embeddings of photos into the cache; do nothing twice.

    Whatever stops it (an error, Ctrl-C), finished blocks stay in the cache.

    Parameters
    ----------
    photos : sequence of Photo
        Photos of equal content count once.
    caches : FaceCache or sequence of FaceCache
        Where the rows go, and which backbone makes them. With several, of one folder and aligner,
        every photo is read, and its face found, once for all.
    threads : int, optional
        Photos aligned at a time; one more than the cores by default. From six on, and for many
        photos, each has a process of its own.
    block_rows : int
        Photos a shard: the most that a killed run loses.
    complete : bool
        Whether photos that are embedded get back a face or a chip that the cache lost (by `repair`
        or `drop`). Who needs embeddings only spares it.
    on_photo : callable
        Called after every photo looked at: with how many of `photos` are settled so far, those
        of earlier runs among them, and how many of these have no embedding.

    Returns
    -------
    ExtractionReport

    Raises
    ------
    CacheError
        The cache can't be written or is damaged.
    BackboneError, DeviceError
        A backbone can't be loaded, and something is left to do.
    ValueError
        `threads` or `block_rows` is below 1, or the caches have no common faces.
    """
    threads = core_count() + 1 if threads is None else threads
    if min(threads, block_rows) < 1:
        raise ValueError(
            f"The 'threads' and 'block_rows' of extract must be at least 1. Got {threads} and "
            f"{block_rows}."
        )
    caches = [caches] if isinstance(caches, FaceCache) else list(caches)
    if len({cache.faces.path for cache in caches}) != 1:
        raise ValueError("The caches of one extraction must have one folder and one aligner.")
    started = time.perf_counter()
    photos = list({photo.image_id: photo for photo in photos}.values())
    report = ExtractionReport(n_photos=len(photos))
    todo = _left_to_do(photos, caches, report, complete=complete)
    blocks = [todo[start : start + block_rows] for start in range(0, len(todo), block_rows)]
    with Aligning(caches[0].aligner, threads, len(todo)) as aligning:
        ExtractionRun(caches, report, aligning, on_photo, complete=complete).work(blocks)
    if todo:
        for cache in caches:
            cache.publish()
    report.seconds = time.perf_counter() - started
    return report


def _left_to_do(
    photos: Sequence[Photo],
    caches: Sequence[FaceCache],
    report: ExtractionReport,
    *,
    complete: bool,
) -> list[Photo]:
    """Leave out what is done, or known to have no face."""
    if not photos:
        return []
    for cache in caches:
        cache.refresh()
    ids = [photo.image_id for photo in photos]
    keys = encode_keys(ids)
    embedded = np.logical_and.reduce([cache.embeddings.contains(keys) for cache in caches])
    cut_out = [cache.chips.contains(keys) for cache in caches]
    done = embedded
    if complete:
        done = np.logical_and.reduce([embedded, *cut_out, caches[0].faces.contains(keys)])
    report.n_cached = int(done.sum())
    # A photo with a chip has a face; of the others the faces' store may know that they have none.
    sure = np.logical_or.reduce([embedded, *cut_out]).tolist()
    unknown = [i for i, is_sure in zip(ids, sure, strict=True) if not is_sure]
    todo = [photo for photo, is_done in zip(photos, done.tolist(), strict=True) if not is_done]
    known = stored_statuses(unknown, caches[0].faces)
    without = {i: found for i, found in known.items() if found[0] != spaces.FOUND}
    if not without:
        return todo
    for photo in todo:
        if found := without.get(photo.image_id):
            report.skip(photo.path, *found)
    return [photo for photo in todo if photo.image_id not in without]
