"""Batches for a GPU: threads read the next ones from the cache while it works on one."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import torch
from torch.utils.data import DataLoader

from featurex.core_workers import map_ahead
from featurex.cores import core_count
from featurex.training.data import Batch

# More would only wait for one another.
_MOST_THREADS = 8


class ReadingAhead(DataLoader):
    """A data loader of threads, where torch's own would start processes for every epoch.

    The data set must have ``__getitems__`` and give whole batches, as
    `featurex.training.data.ChipDataset` does.
    """

    def __iter__(self) -> Iterator[Batch]:  # type: ignore[override]
        """Yield the batches in the order of the sampler."""
        n_threads = min(_MOST_THREADS, core_count())
        read = self.dataset.__getitems__  # type: ignore[attr-defined]
        with ThreadPoolExecutor(n_threads) as pool:
            yield from map_ahead(pool, read, self.batch_sampler, 2 * n_threads)  # type: ignore[arg-type]


def loader(device: torch.device) -> type[DataLoader]:
    """Return the data loader for a device: on a CPU, reading ahead would take cores from it."""
    return ReadingAhead if device.type == "cuda" else DataLoader
