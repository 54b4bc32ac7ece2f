"""Embeddings that wait until there are enough of them for a shard."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from featurex.extraction.face_cache import FaceCache


class Unwritten:
    """Embeddings of several caches, not yet stored.

    Parameters
    ----------
    caches : sequence of FaceCache
    shard_rows : int
        How many are worth a shard.
    """

    def __init__(self, caches: Sequence[FaceCache], shard_rows: int) -> None:
        self._caches = caches
        self._shard_rows = shard_rows
        self._parts: list[list[tuple[list[str], np.ndarray]]] = [[] for _ in caches]

    @property
    def is_full(self) -> bool:
        """Whether one of the caches has enough of them."""
        return max(sum(len(ids) for ids, _ in parts) for parts in self._parts) >= self._shard_rows

    def add(self, made: Sequence[tuple[list[str], np.ndarray]]) -> None:
        """Take ids and embeddings, of each cache in their order; there may be none."""
        for parts, part in zip(self._parts, made, strict=True):
            if part[0]:
                parts.append(part)

    def store(self) -> None:
        """Store all of them; CacheError where that is not possible."""
        for cache, parts in zip(self._caches, self._parts, strict=True):
            if parts:
                ids = [image_id for part, _ in parts for image_id in part]
                cache.embeddings.append(ids, {"embedding": np.concatenate([r for _, r in parts])})
            parts.clear()
