"""A photo as it is handed over (a path, bytes, a picture, an array) to an upright RGB picture."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from PIL import Image

from featurex.exceptions import NoPhotoError, PhotoError
from featurex.photos.images import decode, read_photo, to_rgb

PhotoLike = str | os.PathLike[str] | bytes | bytearray | memoryview | Image.Image | np.ndarray

_BYTES = (bytes, bytearray, memoryview)

# A Path has lost one slash of a URL's two.
_URL = re.compile(r"(https?|ftp|s3|gs|file|data):", re.IGNORECASE)

_NO_PHOTO = "not a path, bytes, PIL image or array"
_OTHER_ARRAY = "no NumPy array of uint8"
_OPEN_FILE = "an open file: give its bytes, file.read()"


def to_image(photo: PhotoLike) -> Image.Image:
    """Return a photo as an upright RGB picture.

    Parameters
    ----------
    photo : path, bytes, PIL image, or uint8 array ``(h, w, 3)`` RGB or ``(h, w)`` grey
        Bytes are those of a file, such as an upload.

    Returns
    -------
    PIL.Image.Image

    Raises
    ------
    PhotoError
        It can't be read.
    NoPhotoError
        Another type, an array of another shape or dtype, or no pixels. It is a PhotoError and a
        ValueError.
    """
    if isinstance(photo, np.ndarray):
        return to_rgb(_from_array(photo), _name(photo))
    if isinstance(photo, Image.Image):
        _check_pixels(photo, photo.size)
        return to_rgb(photo, _name(photo))
    if isinstance(photo, str | os.PathLike):
        return _from_file(os.fsdecode(photo))
    if isinstance(photo, _BYTES):
        return decode(bytes(photo), _name(photo))
    raise NoPhotoError(_name(photo), _OPEN_FILE if hasattr(photo, "read") else _NO_PHOTO)


def is_one_photo(photos: Any) -> bool:
    """Tell one photo from several; of arrays, several are paths or have a fourth dimension."""
    if isinstance(photos, np.ndarray):
        return photos.dtype.kind not in "OU" and photos.ndim != 4
    return isinstance(photos, (str, os.PathLike, Image.Image, *_BYTES))


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
        It is one photo, a mapping, a table, an open file, nothing to go through, or an array of
        another kind, such as a tensor, whose rows are no photos.
    """
    if is_one_photo(photos):
        raise ValueError(f"Give a list of {kind}s. Got the one {kind} {_name(photos)}.")
    if hasattr(photos, "read"):
        raise ValueError(f"Give a list of {kind}s. Got {_name(photos)}, {_OPEN_FILE}.")
    is_table = isinstance(photos, Mapping) or hasattr(photos, "columns")
    if is_table or not isinstance(photos, Iterable):
        raise ValueError(f"Give a list of {kind}s. Got {_name(photos)}.")
    if getattr(photos, "ndim", 1) not in (1, 4):
        raise ValueError(f"Give a list of {kind}s. Got {_name(photos)}, {_OTHER_ARRAY}.")


def _name(photo: Any) -> str:
    """Return what to call something in errors."""
    if isinstance(photo, np.ndarray):
        return f"array of {photo.dtype} and shape {photo.shape}"
    if isinstance(photo, Image.Image):
        return str(getattr(photo, "filename", "") or "the image")
    if isinstance(photo, str | os.PathLike):
        return repr(os.fspath(photo))
    if isinstance(photo, _BYTES):
        return f"{memoryview(photo).nbytes} bytes"
    return type(photo).__name__


def _from_file(path: str) -> Image.Image:
    try:
        data = read_photo(path)
    except PhotoError as error:
        if _URL.match(path):
            raise PhotoError(path, "URLs are not fetched") from error
        raise
    return decode(data, path)


def _from_array(photo: np.ndarray) -> Image.Image:
    is_grey = photo.ndim == 2
    if photo.dtype != np.uint8 or not (is_grey or (photo.ndim == 3 and photo.shape[2] == 3)):
        reason = "a photo as an array must be uint8 of shape (h, w, 3) RGB or (h, w) grey"
        raise NoPhotoError(_name(photo), reason)
    _check_pixels(photo, photo.shape)
    return Image.fromarray(photo)


def _check_pixels(photo: PhotoLike, shape: tuple[int, ...]) -> None:
    if 0 in shape:
        raise NoPhotoError(_name(photo), "a photo without pixels")
