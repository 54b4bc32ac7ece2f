"""Batches for a GPU: from its own memory where they fit, or read ahead while it works.

A batch's chips come from shards all over the cache: 64 take 11 ms to read.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from torch.utils.data import DataLoader

from featurex.machine.core_workers import map_ahead
from featurex.machine.cores import core_count
from featurex.training.data import Batch, ChipDataset, parts

# More would only wait for one another.
_MOST_THREADS = 8
# Of the GPU's free memory, the share that chips may take.
_CHIPS_SHARE = 0.25
# Chips read at a time where all are read.
_PART_ROWS = 1024


def brought_to(device: torch.device, *data: ChipDataset) -> list[ChipDataset]:
    """Read the chips of data sets into a GPU's memory, if a quarter of what is free holds them all.

    Parameters
    ----------
    device : torch.device
    *data : ChipDataset

    Returns
    -------
    list of ChipDataset
        The same rows; as they were given where the device is a CPU, or has too little memory.
    """
    if device.type == "cpu":
        return list(data)
    n_bytes = sum(len(some) * int(np.prod(some.X.shape[1:])) for some in data)
    if n_bytes > _CHIPS_SHARE * torch.cuda.mem_get_info(device)[0]:
        return list(data)
    return [copied(some, device) for some in data]


def copied(data: ChipDataset, device: torch.device) -> ChipDataset:
    """Copy the rows of a data set, and no others of its chips, to a device."""
    chips = torch.empty((len(data), *data.X.shape[1:]), dtype=torch.uint8, device=device)
    start = 0
    with ThreadPoolExecutor(n_threads := _n_threads()) as pool:
        for part in map_ahead(pool, data.chips, parts(data.rows, _PART_ROWS), n_threads):
            chips[start : start + len(part)] = part
            start += len(part)
    codes = {name: some[data.rows] for name, some in data.codes.items()}
    return ChipDataset(chips, codes, np.arange(len(data)))


class ReadingAhead(DataLoader):
    """A data loader of threads, where torch's own would start processes for every epoch.

    The data set must have ``__getitems__`` and give whole batches, as
    `featurex.training.data.ChipDataset` does.
    """

    def __iter__(self) -> Iterator[Batch]:  # type: ignore[override]
        """Yield the batches in the order of the sampler."""
        n_threads = _n_threads()
        read = self.dataset.__getitems__  # type: ignore[attr-defined]
        with ThreadPoolExecutor(n_threads) as pool:
            yield from map_ahead(pool, read, self.batch_sampler, 2 * n_threads)  # type: ignore[arg-type]


def loader(device: torch.device, data: ChipDataset) -> type[DataLoader]:
    """Return the data loader for a device: on a CPU, reading ahead would take cores from it."""
    ahead = device.type == "cuda" and not data.in_memory
    return ReadingAhead if ahead else DataLoader


def _n_threads() -> int:
    return min(_MOST_THREADS, core_count())
