"""A decoded photo of which parts become arrays when they are needed."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from PIL import Image

from featurex.photos.opening import PhotoLike, to_image


class Box(NamedTuple):
    """Pixels of a photo: the first column and row, and the first beyond the last."""

    left: int
    top: int
    right: int
    bottom: int


class Picture:
    """A photo, RGB and upright.

    An array of all of a camera's photo takes as long to make as the photo to decode. So it stays
    Pillow's picture, and of what is cut out the last part is kept: the landmarks of a face and its
    chips read the same pixels.

    Parameters
    ----------
    image : PIL.Image.Image
        RGB. It must stay as it is.
    """

    def __init__(self, image: Image.Image) -> None:
        self._image = image
        self._box = Box(0, 0, 0, 0)
        self._part = np.empty((0, 0, 3), np.uint8)

    @classmethod
    def of(cls, photo: Picture | PhotoLike) -> Picture:
        """Make one of what `featurex.photos.opening.to_image` takes, where it is none yet."""
        return photo if isinstance(photo, Picture) else cls(to_image(photo))

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self._image.size

    def part(self, box: Box) -> np.ndarray:
        """Return the pixels of a box inside the picture.

        Returns
        -------
        ndarray of shape (height, width, 3), uint8
            Perhaps a view of what is kept: to be read only.
        """
        if not _contains(self._box, box):
            size = (box.right - box.left, box.bottom - box.top)
            # As `crop`, which refuses more pixels than the program allows Pillow to open.
            part = self._image.resize(size, Image.Resampling.NEAREST, box=box)
            self._box, self._part = box, np.asarray(part)
        left, top = self._box.left, self._box.top
        return self._part[box.top - top : box.bottom - top, box.left - left : box.right - left]

    def scaled(self, scale: float) -> np.ndarray:
        """Return a smaller or larger copy.

        Returns
        -------
        ndarray of shape (height, width, 3), uint8
            To be read only.
        """
        width, height = self.size
        size = max(1, round(width * scale)), max(1, round(height * scale))
        if size == self.size:
            return np.asarray(self._image)
        image = self._image.resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0)
        return np.asarray(image)


def _contains(outer: Box, inner: Box) -> bool:
    return (
        outer.left <= inner.left
        and outer.top <= inner.top
        and inner.right <= outer.right
        and inner.bottom <= outer.bottom
    )
