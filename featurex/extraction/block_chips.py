"""The chips of one block of photos, in one piece of memory that the next blocks use again."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from concurrent.futures import Executor, Future

import numpy as np

from cache import Store


class BlockChips:
    """Chips of one format: first those that the cache holds, then those that are cut out.

    Parameters
    ----------
    memory : ndarray of shape (n, size, size, 3), uint8
        As many rows as there can be chips. Where a block's memory is new each time, the system
        spends longer on handing it out than on reading the chips.
    store : Store
        Of chips.
    image_ids : sequence of str
        The chips that it holds; they are read by the pool, into the memory.
    pool : Executor
    """

    def __init__(
        self, memory: np.ndarray, store: Store, image_ids: Sequence[str], pool: Executor
    ) -> None:
        self.memory = memory
        self._store = store
        self._n_stored = len(image_ids)
        # In the order of the keys they lie side by side, as the cache wrote them.
        self.ids = sorted(image_ids)
        column = store.column("chip", self.ids)
        # By one thread, which takes less time for a block than a GPU does.
        self._read: Future[None] = pool.submit(column.read_into, memory[: len(self.ids)])

    def add(self, image_id: str, chip: np.ndarray) -> None:
        """Put in a new chip."""
        self.memory[len(self.ids)] = chip
        self.ids.append(image_id)

    def store(self) -> None:
        """Append the new chips to the store, but for those that it has by now."""
        rows = slice(self._n_stored, len(self.ids))
        ids, chips = self.ids[rows], self.memory[rows]
        new = np.flatnonzero(~self._store.contains(ids))
        if len(new):
            chosen = chips if len(new) == len(ids) else chips[new]
            self._store.append([ids[row] for row in new], {"chip": chosen})

    def wait(self) -> None:
        """Wait until all are read; CacheError where the cache is damaged."""
        self._read.result()

    def among(self, image_ids: Collection[str]) -> tuple[list[str], np.ndarray]:
        """Return the ids that are among these, and their chips; a copy only where some are not."""
        rows = [row for row, image_id in enumerate(self.ids) if image_id in image_ids]
        if len(rows) == len(self.ids):
            return list(self.ids), self.memory[: len(rows)]
        return [self.ids[row] for row in rows], self.memory[rows]
