"""Embeddings that are read from the cache when the first fit asks for them, once for all fits."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np

from featurex.comparison.face_table import FaceTable


class SharedEmbeddings:
    """The embeddings of all faces.

    Parameters
    ----------
    faces : FaceTable
    """

    def __init__(self, faces: FaceTable) -> None:
        self._faces = faces

    @cached_property
    def array(self) -> np.ndarray:
        """Embeddings ``(n, n_features)`` float32, in the order of the table."""
        return self._faces.cache.embedding_column(self._faces.table["image_id"].tolist())[:]

    def __getstate__(self) -> dict[str, Any]:
        # Another process gets the numbers (joblib maps them into its memory), and no open file.
        return {"array": self.array}


class SomeRows:
    """Some of the rows of shared embeddings.

    Parameters
    ----------
    shared : SharedEmbeddings
    rows : ndarray of int
    """

    def __init__(self, shared: SharedEmbeddings, rows: np.ndarray) -> None:
        self.shared, self.rows = shared, rows

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, rows: np.ndarray) -> np.ndarray:
        return self.shared.array[self.rows[rows]]
