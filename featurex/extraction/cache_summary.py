"""What the cache knows of photos without a face: its own package knows nothing of faces."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

from cache import SpaceInfo, Store
from featurex.extraction import spaces


class WithoutFace(NamedTuple):
    """Photos in which no face was found, and photos that can't be decoded."""

    no_face: int
    unreadable: int


def count_without_face(root: str | Path, space: SpaceInfo) -> WithoutFace | None:
    """Count the photos of a space of faces that have none.

    Parameters
    ----------
    root : path-like
        The cache's folder.
    space : SpaceInfo

    Returns
    -------
    WithoutFace or None
        None for a space of anything but faces.

    Raises
    ------
    CacheError
        The space is damaged.
    """
    if space.kind != spaces.FACES:
        return None
    status = Store.open_existing(root, space.folder).column("status")[:]
    counts = np.bincount(status, minlength=spaces.UNREADABLE + 1)
    return WithoutFace(int(counts[spaces.NO_FACE]), int(counts[spaces.UNREADABLE]))
