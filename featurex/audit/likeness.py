"""Whether two face chips show the same picture, and not only the same person.

A copy of a photo that was saved, scaled or cropped again has other bytes but, since chips are
aligned to the face, nearly the same chip. Two small grey copies are compared by their correlation,
which doesn't see brightness and contrast: one of them moved by up to two pixels either way, since
alignment isn't sure to a hair, and mirrored, as photos on the web often are.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from PIL import Image

SIDE, SHIFT = 32, 2
READ_ROWS = 256  # chips in memory at a time
_PAIRS = 1 << 12


def thumbnails(chips: Any) -> np.ndarray:
    """Shrink chips to 32x32 grey pixels.

    Parameters
    ----------
    chips : array-like of shape (n, size, size, 3), uint8
        RGB; may be a column of the cache, which is read 256 rows at a time.

    Returns
    -------
    ndarray of shape (n, 32, 32), uint8
    """
    small = np.empty((len(chips), SIDE, SIDE), dtype=np.uint8)
    for start in range(0, len(chips), READ_ROWS):
        part = np.asarray(chips[start : start + READ_ROWS])
        for row, chip in enumerate(part, start):
            grey = Image.fromarray(chip).convert("L")
            small[row] = np.asarray(grey.resize((SIDE, SIDE), Image.Resampling.BOX))
    return small


def likeness(
    small: np.ndarray, first: Sequence[int] | np.ndarray, second: Sequence[int] | np.ndarray
) -> np.ndarray:
    """Correlate pairs of small grey pictures.

    Parameters
    ----------
    small : ndarray of shape (n, side, side), uint8
    first, second : array-like of int, shape (m,)
        Rows of `small`.

    Returns
    -------
    ndarray of shape (m,), float64
        Pearson's correlation of the first picture, two pixels cut off all round, with the part of
        the second, or of its mirror image, that is likest; 0 where that is of one grey.

    Examples
    --------
    >>> ramp = np.arange(64, dtype=np.uint8).reshape(1, 8, 8)
    >>> small = np.concatenate([ramp, ramp * 2 + 7, ramp[:, :, ::-1]])
    >>> likeness(small, [0, 0], [1, 2]).round(6).tolist()
    [1.0, 1.0]
    """
    first, second = np.asarray(first, dtype=np.int64), np.asarray(second, dtype=np.int64)
    found = np.empty(len(first))
    for start in range(0, len(first), _PAIRS):
        part = slice(start, start + _PAIRS)
        one = _standardised(_window(small[first[part]], SHIFT, SHIFT))
        found[part] = np.max([_correlation(one, view) for view in _views(small[second[part]])], 0)
    return found


def _views(small: np.ndarray) -> Iterator[np.ndarray]:
    """Yield what pictures show when moved, and moved and mirrored."""
    for mirrored in (small, small[:, :, ::-1]):
        for top in range(2 * SHIFT + 1):
            for left in range(2 * SHIFT + 1):
                yield _window(mirrored, top, left)


def _window(small: np.ndarray, top: int, left: int) -> np.ndarray:
    height, width = (side - 2 * SHIFT for side in small.shape[1:])
    return small[:, top : top + height, left : left + width]


def _correlation(one: np.ndarray, view: np.ndarray) -> np.ndarray:
    return np.einsum("nij,nij->n", one, _standardised(view))


def _standardised(small: np.ndarray) -> np.ndarray:
    centred = small - small.mean(axis=(1, 2), keepdims=True)
    length = np.sqrt(np.square(centred).sum(axis=(1, 2), keepdims=True))
    return np.divide(centred, length, out=np.zeros_like(centred), where=length > 0)
