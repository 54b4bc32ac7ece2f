"""A photo as somebody hands it over (a path, a picture, an array) to an upright RGB picture."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from PIL import Image

from featurex.photos.images import decode, read_photo, to_rgb

PhotoLike = str | os.PathLike[str] | Image.Image | np.ndarray


def to_image(photo: PhotoLike) -> Image.Image:
    """Return a photo as an upright RGB picture.

    Parameters
    ----------
    photo : path, PIL image, or uint8 array ``(h, w, 3)`` or ``(h, w)``

    Returns
    -------
    PIL.Image.Image

    Raises
    ------
    PhotoError
        It can't be read.
    ValueError
        An array of another shape or dtype, or without pixels.
    """
    if isinstance(photo, np.ndarray):
        _check_array(photo)
        return Image.fromarray(photo).convert("RGB")
    if isinstance(photo, Image.Image):
        _check_pixels((photo.height, photo.width))
        return to_rgb(photo, getattr(photo, "filename", "") or "the image")
    return decode(read_photo(Path(photo)), str(photo))


def _check_array(photo: np.ndarray) -> None:
    is_grey = photo.ndim == 2
    if photo.dtype != np.uint8 or not (is_grey or (photo.ndim == 3 and photo.shape[2] == 3)):
        raise ValueError(
            "A photo as an array must be uint8 of shape (h, w, 3) RGB or (h, w) grey. "
            f"Got {photo.dtype} of shape {photo.shape}."
        )
    _check_pixels(photo.shape)


def _check_pixels(shape: tuple[int, ...]) -> None:
    if 0 in shape:
        raise ValueError(f"The photo has no pixels: its shape is {shape}.")
