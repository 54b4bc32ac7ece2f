"""Batches for a GPU: threads read the next ones from the cache while it works on one."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice

import torch
from torch.utils.data import DataLoader

from featurex.training.data import Batch

# More would only wait for one another.
_MOST_THREADS = 8


class ReadingAhead(DataLoader):
    """A data loader of threads; as torch's otherwise, whose processes can't share an open cache.

    The data set must have ``__getitems__`` and give whole batches, as
    `featurex.training.data.ChipDataset` does.
    """

    def __iter__(self) -> Iterator[Batch]:  # type: ignore[override]
        """Yield the batches in the order of the sampler."""
        n_threads = min(_MOST_THREADS, os.cpu_count() or 1)
        read = self.dataset.__getitems__  # type: ignore[attr-defined]
        batches = iter(self.batch_sampler)  # type: ignore[arg-type]
        with ThreadPoolExecutor(n_threads) as pool:
            pending: deque[Future[Batch]] = deque()
            try:
                for rows in islice(batches, 2 * n_threads):
                    pending.append(pool.submit(read, rows))
                while pending:
                    batch = pending.popleft().result()
                    for rows in islice(batches, 1):
                        pending.append(pool.submit(read, rows))
                    yield batch
            finally:
                for future in pending:
                    future.cancel()


def loader(device: torch.device) -> type[DataLoader]:
    """Return the data loader for a device: on a CPU, reading ahead would take cores from it."""
    return ReadingAhead if device.type == "cuda" else DataLoader
