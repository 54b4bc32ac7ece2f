"""A photo as somebody hands it over (a path, a picture, an array) to an upright RGB picture."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

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


def is_one_photo(photos: Any) -> bool:
    """Tell one photo from several; of arrays, several are paths or have a fourth dimension."""
    if isinstance(photos, np.ndarray):
        return photos.dtype.kind not in "OU" and photos.ndim != 4
    return isinstance(photos, str | os.PathLike | Image.Image)


def check_several(photos: Any, kind: str = "photo") -> None:
    """Refuse what would be read as many photos, and is one, or none.

    Parameters
    ----------
    photos : object
        A string would be its characters, an array its rows, a table its columns.
    kind : str
        What the list is of.

    Raises
    ------
    ValueError
        It is one photo, a mapping, a table, an open file, or nothing to go through.
    """
    if is_one_photo(photos):
        raise ValueError(f"Give a list of {kind}s. Got the one {kind} {_name(photos)}.")
    is_table = isinstance(photos, Mapping) or hasattr(photos, "columns")
    if is_table or hasattr(photos, "read") or not isinstance(photos, Iterable):
        raise ValueError(f"Give a list of {kind}s. Got {type(photos).__name__}.")


def _name(photo: Any) -> str:
    """Return what to call something in errors."""
    if isinstance(photo, np.ndarray):
        return f"array of {photo.dtype} and shape {photo.shape}"
    if isinstance(photo, str | os.PathLike):
        return repr(os.fspath(photo))
    return type(photo).__name__


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
