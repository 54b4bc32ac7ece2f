"""One extraction over blocks of photos: threads align, the network embeds, the cache keeps.

On a CPU, where all of it wants the same cores, each waits for the one before. While a GPU embeds
one block, threads align the next ones, or read their chips from the cache, and another writes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from cache import Store, encode_keys
from featurex.extraction import spaces
from featurex.extraction.aligning import Aligning, AlignJob
from featurex.extraction.alignment import Alignment, Photo, store_faces, stored_faces
from featurex.extraction.block_chips import BlockChips
from featurex.extraction.face_cache import FaceCache
from featurex.extraction.report import ExtractionReport
from featurex.extraction.unwritten import Unwritten
from featurex.extraction.writing import Writer
from featurex.faces.aligner import ChipFormat
from featurex.machine import memory

# Blocks that a GPU finds ready, and blocks that may wait to be written.
AHEAD = 2
_WRITES = 3  # of a block
# Embeddings of stored chips, of which a GPU makes a block's in a hundredth of a second, wait until
# there are so many: making a file takes as long.
_SHARD_ROWS = 2048


@dataclass
class _Block:
    """A block of photos in work.

    `lacking` has for each cache the ids of which it has no embedding; `alignments` the photos whose
    face or chip is missing.
    """

    photos: Sequence[Photo]
    lacking: list[set[str]]
    alignments: dict[str, Callable[[], Alignment]]
    chips: Mapping[ChipFormat, BlockChips]


class ExtractionRun:
    """One run over blocks of photos.

    Parameters
    ----------
    caches : sequence of FaceCache
        Of one folder and aligner.
    report : ExtractionReport
        Counts are added to it.
    aligning : Aligning
        What aligns photos, and whose threads read chips.
    on_photo : callable
        As `featurex.extraction.extracting.extract` takes it.
    complete : bool
        As `featurex.extraction.extracting.extract` takes it.
    """

    def __init__(
        self,
        caches: Sequence[FaceCache],
        report: ExtractionReport,
        aligning: Aligning,
        on_photo: Callable[[int, int], None],
        *,
        complete: bool,
    ) -> None:
        self.complete = complete
        self.caches = caches
        self.faces: Store = caches[0].faces
        # Caches of one format have one chip store; all but one of its objects would be out of date.
        self.chips: dict[ChipFormat, Store] = {c.chip_format: c.chips for c in caches}
        self.report = report
        self.aligning = aligning
        self.on_photo = on_photo
        self.n_settled = report.n_cached + report.n_skipped
        self.n_rows = 0
        self.free: dict[ChipFormat, list[np.ndarray]] = {format: [] for format in self.chips}

    def work(self, blocks: Sequence[Sequence[Photo]]) -> None:
        """Align, embed and write block after block."""
        if not blocks:
            return
        self.n_rows = max(map(len, blocks))
        ahead = blocks_ahead(self.caches)
        self.unwritten = Unwritten(self.caches, _SHARD_ROWS if ahead else 1)
        pending: deque[_Block] = deque()
        with Writer(behind=ahead * _WRITES) as write:
            try:
                for photos in blocks:
                    pending.append(self._submit(photos))
                    if len(pending) > ahead:
                        self._finish_first(pending, write)
                while pending:
                    self._finish_first(pending, write)
            finally:
                write(self.unwritten.store)

    def _submit(self, photos: Sequence[Photo]) -> _Block:
        """Have a block's photos aligned and its chips read."""
        ids = [photo.image_id for photo in photos]
        keys = encode_keys(ids)
        lacking = [set(_where(ids, ~cache.embeddings.contains(keys))) for cache in self.caches]
        missing: dict[str, list[ChipFormat]] = {
            i: [] for i in _where(ids, ~self.faces.contains(keys))
        }
        chips = {}
        for format, store in self.chips.items():
            there = store.contains(keys)
            wanted = self._wanted(lacking, format)
            for i in _where(ids, ~there):
                if self.complete or i in wanted:
                    missing.setdefault(i, []).append(format)
            stored = [i for i in _where(ids, there) if i in wanted]
            chips[format] = BlockChips(self._memory(format), store, stored, self.aligning.pool)
        faces = stored_faces(list(missing), self.faces)
        jobs = [
            AlignJob(photo, missing[photo.image_id], faces.get(photo.image_id))
            for photo in photos
            if photo.image_id in missing
        ]
        aligned = self.aligning.submit(jobs)
        alignments = {job.photo.image_id: one for job, one in zip(jobs, aligned, strict=True)}
        return _Block(photos, lacking, alignments, chips)

    def _wanted(self, lacking: Sequence[set[str]], format: ChipFormat) -> set[str]:
        """Return the photos that a backbone of that format has not embedded yet."""
        sets = zip(self.caches, lacking, strict=True)
        return set().union(*(todo for cache, todo in sets if cache.chip_format == format))

    def _memory(self, format: ChipFormat) -> np.ndarray:
        """Return memory for a block's chips that no other block uses."""
        if self.free[format]:
            return self.free[format].pop()
        cache = next(cache for cache in self.caches if cache.chip_format == format)
        return cache.embedder.memory(self.n_rows)

    def _finish_first(self, pending: deque[_Block], write: Writer) -> None:
        """Finish a block; when nothing is left of it, give back what it took."""
        has_aligned = bool(pending[0].alignments)
        self._finish(pending.popleft(), write)
        if has_aligned:
            write(memory.release)

    def _finish(self, block: _Block, write: Writer) -> None:
        """Wait for a block's chips, embed them, and have all of it written.

        Whatever stops the waiting, what is aligned by then is kept.
        """
        alignments: list[Alignment] = []
        try:
            for photo in block.photos:
                if aligned := block.alignments.pop(photo.image_id, None):
                    alignments.append(self._taken(aligned(), block))
                self.n_settled += 1
                self.on_photo(self.n_settled, self.report.n_skipped)
        finally:
            if alignments:
                write(lambda: self._keep(alignments, block))
                write(memory.release)  # what aligning took, before the network takes its own
        for chips in block.chips.values():
            chips.wait()
        faceless = {a.photo.image_id for a in alignments if a.status != spaces.FOUND}
        self._embed(block, faceless, write, at_once=bool(alignments))
        n_new = len(set().union(*block.lacking) - faceless)
        n_restored = len(block.photos) - len(faceless) - n_new
        self.report.n_new += n_new
        self.report.n_cached += n_restored
        self.report.n_restored += n_restored

    def _taken(self, alignment: Alignment, block: _Block) -> Alignment:
        """Take the chips of an aligned photo over into the block's memory."""
        if alignment.status != spaces.FOUND:
            self.report.skip(alignment.photo.path, alignment.status, alignment.reason)
        for format, chip in alignment.chips.items():
            block.chips[format].add(alignment.photo.image_id, chip)
        return replace(alignment, chips={})

    def _keep(self, alignments: Sequence[Alignment], block: _Block) -> None:
        """Store new chips, and then new faces.

        A run that is killed between the two then has chips whose faces are found again, and never
        faces that are thought to have chips.
        """
        for chips in block.chips.values():
            chips.store()
        store_faces(alignments, self.faces)

    def _embed(self, block: _Block, faceless: set[str], write: Writer, at_once: bool) -> None:
        """Embed the chips of the photos with a face."""
        begun, unwritten = [], self.unwritten
        for cache, lacking in zip(self.caches, block.lacking, strict=True):
            ids, chips = block.chips[cache.chip_format].among(lacking - faceless)
            begun.append((ids, cache.embedder.begin(chips)))

        def finish() -> None:
            made = [(ids, embeddings()) for ids, embeddings in begun]
            for format, chips in block.chips.items():  # no copy to a GPU is under way any more
                self.free[format].append(chips.memory)
            unwritten.add(made)
            if at_once or unwritten.is_full:
                unwritten.store()

        write(finish)


def blocks_ahead(caches: Sequence[FaceCache]) -> int:
    """Return how many blocks are aligned while another is embedded: on a CPU none."""
    on_gpu = any(cache.embedder.device.type != "cpu" for cache in caches)
    return AHEAD if on_gpu else 0


def _where(ids: Sequence[str], mask: np.ndarray) -> list[str]:
    return [i for i, chosen in zip(ids, mask.tolist(), strict=True) if chosen]
