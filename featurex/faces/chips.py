"""Face chips that estimators read when they need them."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any

import numpy as np

from cache import StoredColumn


class ChipRows:
    """Rows of a stored column as ``X``: choosing rows reads nothing, so folds cost no memory.

    An estimator's ``fit(X[train], y[train])`` gets the same class again, and reads batch by batch.

    Parameters
    ----------
    column : StoredColumn
        Chips ``(n, size, size, 3)`` uint8.
    """

    def __init__(self, column: StoredColumn) -> None:
        self._column = column

    def __len__(self) -> int:
        return len(self._column)

    @property
    def shape(self) -> tuple[int, ...]:
        """``(n, height, width, 3)``."""
        return self._column.shape

    def __getitem__(self, rows: Any) -> ChipRows:
        return ChipRows(self._column.take(rows))

    def read(self, rows: Any) -> np.ndarray:
        """Read some rows, ``(len(rows), height, width, 3)`` uint8."""
        return self._column[rows]


class SharedChips:
    """A few chips that several tasks are asked about: a network that they share answers once.

    Parameters
    ----------
    chips : ndarray of shape (n, size, size, 3), uint8
    """

    def __init__(self, chips: np.ndarray) -> None:
        self.chips = chips
        self._answers: dict[Hashable, Any] = {}

    def once(self, network: Hashable, answer: Callable[[np.ndarray], Any]) -> Any:
        """Return what a network answers, computed when it is first asked for."""
        if network not in self._answers:
            self._answers[network] = answer(self.chips)
        return self._answers[network]


def read_rows(X: Any, rows: Any) -> np.ndarray:
    """Read rows of `ChipRows` or of an array."""
    return X.read(rows) if isinstance(X, ChipRows) else np.asarray(X[rows])
