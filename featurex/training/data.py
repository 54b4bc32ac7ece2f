"""Rows of chips and labels for a data loader, a whole batch in one read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from featurex.faces.chips import read_rows
from featurex.machine.devices import sent

Batch = tuple[Tensor, dict[str, Tensor]]


class ChipDataset(Dataset):
    """Chips and the numbers of their labels.

    Parameters
    ----------
    X : ChipRows, ndarray or Tensor of shape (n, h, w, 3), uint8
        A tensor gives its chips where they are, such as in a GPU's memory.
    codes : mapping of str to ndarray of shape (n,)
        By head, as `featurex.training.heads.Head.encode` gives them.
    rows : ndarray of int
        The rows that this data set has.
    """

    def __init__(self, X: Any, codes: Mapping[str, np.ndarray], rows: np.ndarray) -> None:
        self.X = X
        self.codes = dict(codes)
        self.rows = np.asarray(rows)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, position: int) -> Batch:
        return self.__getitems__([position])

    def __getitems__(self, positions: Sequence[int]) -> Batch:
        """Read one batch: chips ``(b, h, w, 3)``, and codes ``(b,)`` by head."""
        rows = self.rows[list(positions)]
        codes = {name: torch.from_numpy(some[rows]) for name, some in self.codes.items()}
        return self.chips(rows), codes

    def chips(self, rows: np.ndarray) -> Tensor:
        """Read the chips of some rows of `X`, ``(len(rows), h, w, 3)``."""
        if isinstance(self.X, Tensor):
            return self.X[sent(torch.from_numpy(rows), self.X.device)]
        return torch.from_numpy(read_rows(self.X, rows))

    @property
    def in_memory(self) -> bool:
        """Whether the chips are a tensor, so that nothing is to be read."""
        return isinstance(self.X, Tensor)


def as_it_is(batch: Batch) -> Batch:
    """Collate nothing: the data set has read a whole batch."""
    return batch


def parts(rows: np.ndarray, size: int) -> list[np.ndarray]:
    """Cut rows into parts of at most `size`; none where there are no rows."""
    return np.array_split(rows, -(-len(rows) // size)) if len(rows) else []
