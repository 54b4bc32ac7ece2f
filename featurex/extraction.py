"""The GPU stage: photos to faces to chips to embeddings, all into the cache.

The unit of work is a block of photos: its rows go in, and its finished shards come out. While a GPU
embeds one block, threads already align the next.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

from featurex import spaces
from featurex.alignment import (
    Alignment,
    Photo,
    align,
    store_alignments,
    stored_faces,
    stored_statuses,
)
from featurex.face_cache import FaceCache

BLOCK_ROWS = 512


@dataclass
class ExtractionReport:
    """What became of every photo: the groups of `counts` add up to `n_photos`.

    Attributes
    ----------
    n_photos, n_cached, n_new : int
        Different photos asked for; embeddings that were there; embeddings made now.
    without_face : list of str
        Paths of the photos in which no face was found, now or before.
    unusable : dict of str to list of str
        Paths of the photos that can't be read or decoded, by reason.
    seconds : float
        Wall-clock time.
    """

    n_photos: int = 0
    n_cached: int = 0
    n_new: int = 0
    without_face: list[str] = field(default_factory=list)
    unusable: dict[str, list[str]] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def n_skipped(self) -> int:
        """Photos without an embedding."""
        return len(self.without_face) + sum(map(len, self.unusable.values()))

    def counts(self) -> dict[str, int]:
        """Count the photos by what became of them."""
        made = {"embedded now": self.n_new, "embedded before": self.n_cached}
        unusable = {reason: len(paths) for reason, paths in sorted(self.unusable.items())}
        return made | {"no face found": len(self.without_face)} | unusable

    def skip(self, path: str, status: int, reason: str) -> None:
        """Note a photo without an embedding."""
        if status == spaces.NO_FACE:
            self.without_face.append(path)
        else:
            self.unusable.setdefault(reason, []).append(path)


def extract(
    photos: Sequence[Photo],
    cache: FaceCache,
    *,
    threads: int | None = None,
    block_rows: int = BLOCK_ROWS,
    on_photo: Callable[[int, int], None] = lambda settled, skipped: None,
) -> ExtractionReport:
    """Bring the embeddings of photos into the cache; do nothing twice.

    Whatever stops it (an error, Ctrl-C), finished blocks stay in the cache.

    Parameters
    ----------
    photos : sequence of Photo
        Photos of equal content count once.
    cache : FaceCache
        Where the rows go, and which backbone makes them.
    threads : int, optional
        Photos aligned at a time; one more than the cores by default.
    block_rows : int
        Photos a shard: the most that a killed run loses.
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
        The backbone can't be loaded, and something is left to do.
    ValueError
        `threads` or `block_rows` is below 1.
    """
    threads = (os.cpu_count() or 1) + 1 if threads is None else threads
    if min(threads, block_rows) < 1:
        raise ValueError(
            f"The 'threads' and 'block_rows' of extract must be at least 1. Got {threads} and "
            f"{block_rows}."
        )
    started = time.perf_counter()
    photos = list({photo.image_id: photo for photo in photos}.values())
    report = ExtractionReport(n_photos=len(photos))
    todo = _left_to_do(photos, cache, report)
    blocks = [todo[start : start + block_rows] for start in range(0, len(todo), block_rows)]
    with ThreadPoolExecutor(threads) as pool:
        try:
            _Run(cache, report, pool, on_photo).work(blocks)
        finally:  # Ctrl-C must not wait for the photos that no thread has begun
            pool.shutdown(wait=False, cancel_futures=True)
    if todo:
        cache.publish()
    report.seconds = time.perf_counter() - started
    return report


def _left_to_do(photos: Sequence[Photo], cache: FaceCache, report: ExtractionReport) -> list[Photo]:
    """Leave out what is embedded, or known to have no face."""
    if not photos:
        return []
    cache.refresh()
    embedded = cache.embeddings.contains([photo.image_id for photo in photos])
    report.n_cached = int(embedded.sum())
    missing = [photo for photo, done in zip(photos, embedded, strict=True) if not done]
    known = stored_statuses([photo.image_id for photo in missing], cache)
    todo = []
    for photo in missing:
        status, reason = known.get(photo.image_id, (spaces.FOUND, ""))
        if status == spaces.FOUND:
            todo.append(photo)
        else:
            report.skip(photo.path, status, reason)
    return todo


class _Run:
    """One run over blocks of photos: aligns in the pool, embeds in this thread."""

    def __init__(
        self,
        cache: FaceCache,
        report: ExtractionReport,
        pool: ThreadPoolExecutor,
        on_photo: Callable[[int, int], None],
    ) -> None:
        self.cache = cache
        self.report = report
        self.pool = pool
        self.on_photo = on_photo
        self.n_settled = report.n_cached + report.n_skipped

    def work(self, blocks: Sequence[Sequence[Photo]]) -> None:
        """Align and embed block after block."""
        if not blocks:
            return
        pending = self._submit(blocks[0])
        for following in [*blocks[1:], []]:
            alignments = self._collect(pending)
            if following and self._overlaps():
                pending = self._submit(following)
                self._embed(alignments)
            else:
                self._embed(alignments)
                pending = self._submit(following)

    def _overlaps(self) -> bool:
        """Tell whether the next block is aligned while this one is embedded.

        On a GPU that hides the shorter of the two. On a CPU both want all cores, and overlapping
        gains nothing.
        """
        return self.cache.embedder.device.type != "cpu"

    def _submit(self, block: Sequence[Photo]) -> list[Future[Alignment]]:
        ids = [photo.image_id for photo in block]
        faces = stored_faces(ids, self.cache)
        chip_there = self.cache.chips.contains(ids)
        return [
            self.pool.submit(Alignment, photo)
            if there and photo.image_id in faces
            else self.pool.submit(align, photo, self.cache, faces.get(photo.image_id))
            for photo, there in zip(block, chip_there, strict=True)
        ]

    def _collect(self, futures: Sequence[Future[Alignment]]) -> list[Alignment]:
        """Wait for a block; whatever stops the waiting, what is aligned by then is kept."""
        alignments: list[Alignment] = []
        try:
            for future in futures:
                alignments.append(future.result())
                self._count(alignments[-1])
        finally:
            store_alignments(alignments, self.cache)
        return alignments

    def _count(self, alignment: Alignment) -> None:
        if alignment.status != spaces.FOUND:
            self.report.skip(alignment.photo.path, alignment.status, alignment.reason)
        self.n_settled += 1
        self.on_photo(self.n_settled, self.report.n_skipped)

    def _embed(self, alignments: Sequence[Alignment]) -> None:
        ids = [a.photo.image_id for a in alignments if a.status == spaces.FOUND]
        if ids:
            embeddings = self.cache.embedder(self.cache.chip_column(ids)[:])
            self.cache.embeddings.append(ids, {"embedding": embeddings})
            self.report.n_new += len(ids)
