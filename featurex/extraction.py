"""The GPU stage: photos to faces to chips to embeddings, all into the cache.

The unit of work is a block of photos: its rows go in, and its finished shards come out. While a GPU
embeds one block, threads already align the next, or read its chips from the cache. On a CPU, where
both want all cores, they take turns.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np

from cache import Store, StoredColumn
from featurex import memory, spaces
from featurex.alignment import (
    Alignment,
    Photo,
    align,
    store_alignments,
    stored_faces,
    stored_statuses,
)
from featurex.face_cache import FaceCache
from featurex.faces import ChipFormat

BLOCK_ROWS = 512
# Chips that a thread reads from the cache at a time.
READ_ROWS = 64


@dataclass
class ExtractionReport:
    """What became of every photo: the groups of `counts` add up to `n_photos`.

    Attributes
    ----------
    n_photos, n_cached, n_new : int
        Different photos asked for; those whose embeddings were all there; those of which at least
        one was made now.
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
    caches: FaceCache | Sequence[FaceCache],
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
    caches : FaceCache or sequence of FaceCache
        Where the rows go, and which backbone makes them. With several, of one folder and aligner,
        every photo is read, and its face found, once for all.
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
        A backbone can't be loaded, and something is left to do.
    ValueError
        `threads` or `block_rows` is below 1, or the caches have no common faces.
    """
    threads = (os.cpu_count() or 1) + 1 if threads is None else threads
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
    todo = _left_to_do(photos, caches, report)
    blocks = [todo[start : start + block_rows] for start in range(0, len(todo), block_rows)]
    with ThreadPoolExecutor(threads) as pool:
        try:
            _Run(caches, report, pool, on_photo).work(blocks)
        finally:  # Ctrl-C must not wait for the photos that no thread has begun
            pool.shutdown(wait=False, cancel_futures=True)
    if todo:
        for cache in caches:
            cache.publish()
    report.seconds = time.perf_counter() - started
    return report


def _left_to_do(
    photos: Sequence[Photo], caches: Sequence[FaceCache], report: ExtractionReport
) -> list[Photo]:
    """Leave out what is embedded, or known to have no face."""
    if not photos:
        return []
    for cache in caches:
        cache.refresh()
    ids = [photo.image_id for photo in photos]
    embedded = np.logical_and.reduce([cache.embeddings.contains(ids) for cache in caches])
    report.n_cached = int(embedded.sum())
    missing = [photo for photo, done in zip(photos, embedded, strict=True) if not done]
    known = stored_statuses([photo.image_id for photo in missing], caches[0].faces)
    todo = []
    for photo in missing:
        status, reason = known.get(photo.image_id, (spaces.FOUND, ""))
        if status == spaces.FOUND:
            todo.append(photo)
        else:
            report.skip(photo.path, status, reason)
    return todo


Chips = Mapping[str, np.ndarray]  # by image_id


@dataclass
class _Block:
    """A block of photos in work: its faces, and the chips that the cache already holds."""

    alignments: list[Future[Alignment]]
    reads: list[tuple[ChipFormat, list[str], Future[np.ndarray]]]


class _Run:
    """One run over blocks of photos: aligns in the pool, embeds in this thread."""

    def __init__(
        self,
        caches: Sequence[FaceCache],
        report: ExtractionReport,
        pool: ThreadPoolExecutor,
        on_photo: Callable[[int, int], None],
    ) -> None:
        self.caches = caches
        self.aligner = caches[0].aligner
        self.faces: Store = caches[0].faces
        # Caches of one format have one chip store; all but one of its objects would be out of date.
        self.chips: dict[ChipFormat, Store] = {c.chip_format: c.chips for c in caches}
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
            ids, chips = self._collect(pending)
            if self._overlaps():
                pending = self._submit(following)
                self._embed(ids, chips)
            else:
                self._embed(ids, chips)
                pending = self._submit(following)
            memory.release()

    def _overlaps(self) -> bool:
        """Tell whether the next block is aligned while this one is embedded.

        On a GPU that hides the shorter of the two. On a CPU both want all cores, and overlapping
        gains nothing.
        """
        return any(cache.embedder.device.type != "cpu" for cache in self.caches)

    def _submit(self, block: Sequence[Photo]) -> _Block:
        ids = [photo.image_id for photo in block]
        faces = stored_faces(ids, self.faces)
        missing: dict[str, list[ChipFormat]] = {i: [] for i in ids}
        reads: list[tuple[ChipFormat, list[str], Future[np.ndarray]]] = []
        for format, wanted in self._wanted(ids).items():
            there = self.chips[format].contains(wanted)
            for i in _where(wanted, ~there):
                missing[i].append(format)
            reads += self._read(format, _where(wanted, there))
        alignments = [
            self.pool.submit(Alignment, photo)
            if photo.image_id in faces and not missing[photo.image_id]
            else self.pool.submit(
                align, photo, self.aligner, missing[photo.image_id], faces.get(photo.image_id)
            )
            for photo in block
        ]
        return _Block(alignments, reads)

    def _wanted(self, ids: Sequence[str]) -> dict[ChipFormat, list[str]]:
        """Return by format the photos that a backbone of that format has not embedded yet."""
        wanted: dict[ChipFormat, np.ndarray] = {}
        for cache in self.caches:
            todo = ~cache.embeddings.contains(ids)
            known = wanted.get(cache.chip_format)
            wanted[cache.chip_format] = todo if known is None else todo | known
        return {format: _where(ids, mask) for format, mask in wanted.items()}

    def _read(
        self, format: ChipFormat, ids: Sequence[str]
    ) -> list[tuple[ChipFormat, list[str], Future[np.ndarray]]]:
        pieces = [list(ids[start : start + READ_ROWS]) for start in range(0, len(ids), READ_ROWS)]
        store = self.chips[format]
        return [
            (format, piece, self.pool.submit(_values, store.column("chip", piece)))
            for piece in pieces
        ]

    def _collect(self, block: _Block) -> tuple[list[str], dict[ChipFormat, dict[str, np.ndarray]]]:
        """Wait for a block; whatever stops the waiting, what is aligned by then is kept."""
        alignments: list[Alignment] = []
        try:
            for future in block.alignments:
                alignments.append(future.result())
                self._count(alignments[-1])
        finally:
            store_alignments(alignments, self.faces, self.chips)
        chips: dict[ChipFormat, dict[str, np.ndarray]] = {format: {} for format in self.chips}
        for alignment in alignments:
            for format, chip in alignment.chips.items():
                chips[format][alignment.photo.image_id] = chip
        for format, ids, read in block.reads:
            chips[format].update(zip(ids, read.result(), strict=True))
        return [a.photo.image_id for a in alignments if a.status == spaces.FOUND], chips

    def _count(self, alignment: Alignment) -> None:
        if alignment.status != spaces.FOUND:
            self.report.skip(alignment.photo.path, alignment.status, alignment.reason)
        self.n_settled += 1
        self.on_photo(self.n_settled, self.report.n_skipped)

    def _embed(self, ids: Sequence[str], chips: Mapping[ChipFormat, Chips]) -> None:
        for cache in self.caches:
            new = _where(ids, ~cache.embeddings.contains(ids))
            if new:
                batch = np.stack([chips[cache.chip_format][i] for i in new])
                cache.embeddings.append(new, {"embedding": cache.embedder(batch)})
        self.report.n_new += len(ids)


def _values(column: StoredColumn) -> np.ndarray:
    return np.asarray(column)


def _where(ids: Sequence[str], mask: np.ndarray) -> list[str]:
    return [i for i, chosen in zip(ids, mask, strict=True) if chosen]
