"""Decode one photo safely, whatever the file holds.

Pillow's settings for the whole process (`MAX_IMAGE_PIXELS`, `LOAD_TRUNCATED_IMAGES`) belong to the
program that imports featurex and stay as they are. So a file's own bytes choose one of a few
Pillow readers, and the size in its header is checked here before any pixel is decoded:
`Image.open` would try some forty formats and warn about, or refuse, the largest of today's
camera photos.
"""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image
from PIL.ImageFile import ImageFile

from featurex.exceptions import PhotoError
from featurex.files import MAX_FILE_BYTES, open_regular
from featurex.photos.formats import find_reader

# The largest camera sensors of today have 200 million pixels.
MAX_PIXELS = 200_000_000
MAX_SIDE = 65_535  # the most that a JPEG can have; longer ones are no photos, and slow

CLOSED = "closed image"

# EXIF 2.32, tag 0x0112: how the stored picture must be turned to be upright.
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# Where a picture in memory may have its orientation from.
_ORIENTATION_IN = ("exif", "Raw profile type exif", "XML:com.adobe.xmp", "xmp")

_READ_REASONS = {
    errno.ENOENT: "missing file",
    errno.EFBIG: "file too large",
    errno.EINVAL: "not a regular file",
    errno.EISDIR: "not a regular file",
}


def read_photo(path: str | Path, max_bytes: int = MAX_FILE_BYTES) -> bytes:
    """Return a photo's bytes.

    Parameters
    ----------
    path : str or Path
        The file; links are followed.
    max_bytes : int
        The largest size accepted.

    Raises
    ------
    PhotoError
        With the reason ``"missing file"``, ``"empty file"``, ``"not a regular file"``,
        ``"file too large"`` or ``"unreadable"``.
    """
    try:
        with open_regular(path, max_bytes) as file:
            data = file.read()
    except OSError as error:
        raise PhotoError(str(path), read_reason(error)) from error
    if not data:
        raise PhotoError(str(path), "empty file")
    return data


def read_reason(error: OSError) -> str:
    """Return the short reason that is counted for a file that can't be read.

    Examples
    --------
    >>> read_reason(FileNotFoundError(2, "No such file or directory"))
    'missing file'
    """
    return _READ_REASONS.get(error.errno or 0, "unreadable")


def decode(data: bytes, name: str, max_pixels: int = MAX_PIXELS) -> Image.Image:
    """Decode a photo to RGB, upright by its EXIF orientation.

    Reads JPEG, PNG, WebP, BMP, GIF, TIFF, and AVIF where Pillow does; of an animation the first
    picture. Transparent pixels are laid on white. Numbers of 16 bits are scaled to 8; integers of
    32 bits and floats are scaled by the smallest usual white (255 or 65535, for floats also 1) that
    holds them.

    Parameters
    ----------
    data : bytes
        The file's bytes.
    name : str
        What to call the photo in errors.
    max_pixels : int
        The most pixels accepted, checked in the header before anything is decoded. No side may
        have more than 65,535.

    Returns
    -------
    PIL.Image.Image
        RGB, its pixels loaded. It is no array yet, since of a camera's photo that takes as long as
        decoding it, and only parts and small copies of it are needed.

    Raises
    ------
    PhotoError
        With the reason ``"empty file"``, ``"not an image"``, ``"unsupported format (HEIC)"`` and
        the like, ``"too many pixels"``, ``"damaged image"`` or ``"unsupported pixel values"``.
    """
    if not data:
        raise PhotoError(name, "empty file")
    with _reasons(name):
        image = _open(data, name, max_pixels)
        image.load()
        _check_size(image, name, max_pixels)  # a HEIC may turn out larger than it says
        return _to_rgb(_upright(image), name)


def to_rgb(image: Image.Image, name: str) -> Image.Image:
    """Return a Pillow picture as :func:`decode` would have decoded its file.

    Parameters
    ----------
    image : PIL.Image.Image
        It stays as it is; only its pixels are loaded.
    name : str
        What to call the photo in errors.

    Returns
    -------
    PIL.Image.Image
        RGB; the picture itself where there is nothing to change.

    Raises
    ------
    PhotoError
        With the reason ``"damaged image"``, ``"closed image"`` or ``"unsupported pixel values"``.
    """
    has_file = getattr(image, "fp", image) is not None  # one whose pixels are loaded needs none
    with _reasons(name, "damaged image" if has_file else CLOSED):
        return _to_rgb(_upright(image), name)


@contextmanager
def _reasons(name: str, fault: str = "damaged image") -> Iterator[None]:
    """Turn whatever Pillow raises into a PhotoError with a reason."""
    try:
        yield
    except (PhotoError, MemoryError):
        raise
    except Image.DecompressionBombError as error:
        raise PhotoError(name, "too many pixels") from error
    except Exception as error:
        # On hostile bytes Pillow raises whatever its parsers happen to meet: OSError, ValueError,
        # SyntaxError, struct.error, zlib.error, KeyError, OverflowError …
        raise PhotoError(name, CLOSED if "closed" in str(error) else fault) from error


def _open(data: bytes, name: str, max_pixels: int) -> ImageFile:
    image = find_reader(data, name)(BytesIO(data))
    _check_size(image, name, max_pixels)
    return image


def _check_size(image: Image.Image, name: str, max_pixels: int) -> None:
    if image.width * image.height > max_pixels or max(image.size) > MAX_SIDE:
        raise PhotoError(name, "too many pixels")


def _upright(image: Image.Image) -> Image.Image:
    # Pillow turns TIFF files itself while it loads them, and then forgets their orientation.
    image.load()
    turn = _UPRIGHT.get(_orientation(image))
    if turn is None:
        return image
    turned = image.transpose(turn)
    for name in _ORIENTATION_IN:  # else who is given the picture would turn it again
        turned.info.pop(name, None)
    return turned


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # a damaged EXIF block doesn't harm the pixels
        return 1


def _to_rgb(image: Image.Image, name: str) -> Image.Image:
    if image.mode.startswith(("I", "F")):
        image = Image.fromarray(_to_8_bits(np.asarray(image), image.mode, name))
    elif image.has_transparency_data:
        image = _on_white(image)
    # Converting an RGB picture to RGB would copy it.
    return image if image.mode == "RGB" else image.convert("RGB")


def _on_white(image: Image.Image) -> Image.Image:
    layer = image.convert("RGBA")
    white = Image.new("RGBA", layer.size, "white")
    return Image.alpha_composite(white, layer)


def _to_8_bits(values: NDArray, mode: str, name: str) -> NDArray[np.uint8]:
    # A dark photo of 16 bits stays dark; only the looser modes have no known white.
    whites = (65535,) if mode.startswith("I;16") else (255, 65535)
    whites = (1, *whites) if mode == "F" else whites
    largest = values.max()
    white = next((white for white in whites if largest <= white), None)
    if white is None or not values.min() >= 0:  # `not >=` also holds for NaN
        raise PhotoError(name, "unsupported pixel values")
    scaled = np.multiply(values, 255.0 / white, dtype=np.float32)  # half the memory of float64
    return np.rint(scaled, out=scaled).astype(np.uint8)
