"""How dlib lays the levels of an image pyramid out in one large image.

A network that slides over the large image sees the neighbours of every level, so that its numbers
near a level's edge depend on the layout: to find what dlib finds, it must be dlib's own. Source:
dlib's ``image_transforms/image_pyramid.h`` (``compute_tiled_image_pyramid_details``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

RATE = 6  # pyramid_down<6>: a level has 5/6 of the one above
MIN_HEIGHT = 5
# Where the same point is one level up: x * _UP + _SHIFT (dlib's ``point_up``).
_UP, _SHIFT = RATE / (RATE - 1), 0.3


class Tile(NamedTuple):
    """Where a level of the pyramid is in the large image, in pixels."""

    left: int
    top: int
    width: int
    height: int

    def overlaps(self, other: Tile) -> bool:
        """Tell whether two tiles have a pixel in common."""
        return (
            self.left < other.left + other.width
            and other.left < self.left + self.width
            and self.top < other.top + other.height
            and other.top < self.top + self.height
        )


@dataclass(frozen=True)
class TiledPyramid:
    """The large image of all levels.

    Attributes
    ----------
    width, height : int
        Its size in pixels.
    tiles : tuple of Tile
        From the original down; each is the one before, scaled.
    """

    width: int
    height: int
    tiles: tuple[Tile, ...]

    def boxes(self, centres: np.ndarray, window: tuple[int, int]) -> np.ndarray:
        """Map windows of the large image to boxes of the original.

        Parameters
        ----------
        centres : ndarray of shape (n, 2)
            x and y of the windows' centres in the large image.
        window : tuple of int
            Their width and height.

        Returns
        -------
        ndarray of shape (n, 4), int64
            Left, top, right, bottom (inclusive) in pixels of the original.
        """
        levels = self._nearest_tiles(centres)
        reach = (np.array(window) - 1) / 2
        corners = np.stack([centres - reach, centres + reach], 1)
        corners -= np.array([tile[:2] for tile in self.tiles])[levels][:, None]
        factor = _UP ** levels[:, None, None]
        corners = corners * factor + _SHIFT * (factor - 1) / (_UP - 1)
        return np.floor(corners + 0.5).astype(np.int64).reshape(-1, 4)

    def _nearest_tiles(self, points: np.ndarray) -> np.ndarray:
        first = np.array([tile[:2] for tile in self.tiles])
        last = first + np.array([tile[2:] for tile in self.tiles]) - 1
        points = points[:, None]
        outside = np.maximum(np.maximum(first - points, points - last), 0)
        return np.argmin((outside**2).sum(2), 1)


def lay_out(width: int, height: int, padding: int, outer_padding: int) -> TiledPyramid:
    """Lay out the pyramid of an image of this size.

    Levels go down the left edge, and as soon as the next one fits beside the last, up the right
    edge, until the original is in the way.

    Parameters
    ----------
    width, height : int
        Of the image, in pixels; at least 1.
    padding, outer_padding : int
        Pixels between the levels, and around them all.
    """
    sizes = _level_sizes(width, height)
    n_left, column = _left_column(sizes, padding)
    tiles, y = [], outer_padding
    for size in sizes[:n_left]:
        tiles.append(Tile(outer_padding, y, *size))
        y += size[1] + padding
    bottom = outer_padding + column
    for size in sizes[n_left:]:
        tile = Tile(outer_padding + width - size[0], bottom - size[1], *size)
        if tile.overlaps(tiles[0]):
            break
        tiles.append(tile)
        bottom -= size[1] + padding
    return TiledPyramid(width + 2 * outer_padding, column + 2 * outer_padding, tuple(tiles))


def _level_sizes(width: int, height: int) -> list[tuple[int, int]]:
    sizes = [(width, height)]
    while True:
        # In floating point, as dlib: 5/6 of 6 is 5 in both, whatever the rounding.
        width, height = (int((RATE - 1.0) / RATE * side) for side in sizes[-1])
        if not width or height < MIN_HEIGHT:
            return sizes
        sizes.append((width, height))


def _left_column(sizes: list[tuple[int, int]], padding: int) -> tuple[int, int]:
    """Return how many levels stand at the left edge, and how high they are together."""
    width, height = sizes[0]
    total = sum(size[1] + padding for size in sizes) - 2 * padding
    column = last_width = 0
    for count, size in enumerate(sizes):
        fits = size[0] <= width - last_width - padding
        if fits and 2 * (column - height) >= total - height:
            return count, column - padding
        column += size[1] + padding
        last_width = size[0]
    return len(sizes), column - padding
