"""Which format a photo has, and what reads it, told by its first bytes."""

from collections.abc import Callable
from io import BytesIO

from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile

from featurex.exceptions import PhotoError

Reader = Callable[[BytesIO], ImageFile]

# How the reason of a photo begins that another Pillow or another version may read.
UNSUPPORTED = "unsupported format"

# First bytes of a file -> its reader. A multi-picture JPEG (MPO) begins with its main picture.
_READERS: dict[bytes, Reader] = {
    b"\xff\xd8\xff": JpegImageFile,
    b"\x89PNG\r\n\x1a\n": PngImageFile,
    b"RIFF": WebPImageFile,
    b"BM": BmpImageFile,
    b"GIF8": GifImageFile,
    b"II*\0": TiffImageFile,
    b"MM\0*": TiffImageFile,
    b"II+\0": TiffImageFile,  # BigTIFF
    b"MM\0+": TiffImageFile,
}
# First bytes of photos that are not read.
_OTHERS = {
    b"\0\0\0\x0cJXL ": "JPEG XL",
    b"\xff\x0a": "JPEG XL",
    b"\0\0\0\x0cjP  ": "JPEG 2000",
    b"\xff\x4f\xff\x51": "JPEG 2000",
    b"8BPS": "PSD",
    b"FUJIFILMCCD-RAW": "RAF",
}
# Of files in boxes (ISO 14496-12) the brands tell. A camera's HEIC may also be of the brand mif1,
# which any format of the family may name.
_BRANDS = {
    **dict.fromkeys((b"avif", b"avis"), "AVIF"),
    **dict.fromkeys((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx"), "HEIC"),
    b"crx ": "CR3",
    **dict.fromkeys((b"mif1", b"msf1"), "HEIF"),
}
_MOST_BRANDS = 32


def _avif_reader() -> Reader | None:
    """Return what reads AVIF: Pillow since 11.3, unless it was built without."""
    try:
        from PIL.AvifImagePlugin import SUPPORTED, AvifImageFile
    except ImportError:
        return None
    return AvifImageFile if SUPPORTED else None


def _heif_reader() -> Reader | None:
    """Return what reads HEIC: the package pi-heif, which decodes only and turns photos upright."""
    try:
        from pi_heif import HeifImageFile
    except ImportError:
        return None
    return HeifImageFile


# What may read a format of the family, and what to do where nothing does.
_FAMILY = {
    "AVIF": (_avif_reader, ""),
    "HEIC": (_heif_reader, ": run 'pip install pi-heif'"),
    "HEIF": (_heif_reader, ": run 'pip install pi-heif'"),
}


def find_reader(data: bytes, name: str) -> Reader:
    """Return the Pillow reader of a photo's bytes.

    Raises
    ------
    PhotoError
        With the reason ``"not an image"``, or ``"unsupported format (JPEG XL)"`` and the like.
    """
    reader = next((r for magic, r in _READERS.items() if data.startswith(magic)), None)
    if reader:
        return reader
    other = next((f for magic, f in _OTHERS.items() if data.startswith(magic)), None)
    format = other or _format_of_boxes(data)
    if format is None:
        raise PhotoError(name, "not an image")
    find, advice = _FAMILY.get(format, (lambda: None, ""))
    if found := find():
        return found
    raise PhotoError(name, f"{UNSUPPORTED} ({format}{advice})")


def _format_of_boxes(data: bytes) -> str | None:
    if data[4:8] != b"ftyp":
        return None
    end = min(int.from_bytes(data[:4], "big"), 16 + 4 * _MOST_BRANDS)
    brands = {data[start : start + 4] for start in (8, *range(16, end, 4))}
    return next((format for brand, format in _BRANDS.items() if brand in brands), None)
