"""A photo as somebody hands it over (a path, a picture, an array) to its upright pixels."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from PIL import Image

from featurex.images import decode, read_photo, to_rgb

PhotoLike = str | os.PathLike[str] | Image.Image | np.ndarray


def to_pixels(photo: PhotoLike) -> np.ndarray:
    """Return a photo as an upright RGB array.

    Parameters
    ----------
    photo : path, PIL image, or uint8 array ``(h, w, 3)`` or ``(h, w)``

    Returns
    -------
    ndarray of shape (h, w, 3), uint8

    Raises
    ------
    PhotoError
        It can't be read.
    ValueError
        An array of another shape or dtype, or without pixels.
    """
    if isinstance(photo, np.ndarray):
        return _checked_array(photo)
    if isinstance(photo, Image.Image):
        return _checked_array(to_rgb(photo, getattr(photo, "filename", "") or "the image"))
    return decode(read_photo(Path(photo)), str(photo))


def _checked_array(photo: np.ndarray) -> np.ndarray:
    is_grey = photo.ndim == 2
    if photo.dtype != np.uint8 or not (is_grey or (photo.ndim == 3 and photo.shape[2] == 3)):
        raise ValueError(
            "A photo as an array must be uint8 of shape (h, w, 3) RGB or (h, w) grey. "
            f"Got {photo.dtype} of shape {photo.shape}."
        )
    if not photo.size:
        raise ValueError(f"The photo has no pixels: its shape is {photo.shape}.")
    return np.ascontiguousarray(np.repeat(photo[:, :, None], 3, 2) if is_grey else photo)
