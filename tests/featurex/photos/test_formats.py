import struct
import sys

import numpy as np
import pytest
from PIL import Image

from featurex.exceptions import PhotoError
from featurex.photos import formats
from featurex.photos.images import decode


def boxes(major, *compatible):
    """Return the beginning of a file in boxes."""
    body = b"ftyp" + major + bytes(4) + b"".join(compatible)
    return struct.pack(">I", 4 + len(body)) + body + bytes(100)


def reason(data):
    with pytest.raises(PhotoError) as caught:
        decode(data, "photo")
    return caught.value.reason


@pytest.mark.parametrize(
    ("data", "format"),
    [
        (boxes(b"heic", b"mif1", b"heic"), "HEIC"),
        (boxes(b"mif1", b"mif1", b"heix"), "HEIC"),
        (boxes(b"mif1"), "HEIF"),
        (boxes(b"crx ", b"isom"), "CR3"),
        (b"\0\0\0\x0cJXL \r\n\x87\n" + bytes(50), "JPEG XL"),
        (b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(50), "JPEG 2000"),
        (b"8BPS" + bytes(50), "PSD"),
    ],
)
def test_a_photo_that_can_not_be_decoded_is_told_from_what_is_none(data, format):
    assert reason(data) == f"unsupported format ({format})"


@pytest.mark.parametrize("data", [boxes(b"isom", b"mp42"), b"\0\0\0\x18ftyp", b"\xff\xfe\0\0ftyp"])
def test_a_film_is_not_an_image(data):
    assert reason(data) == "not an image"


def test_a_pillow_without_avif_says_so(monkeypatch):
    monkeypatch.setattr(formats, "_AVIF", None)
    assert reason(boxes(b"avif", b"mif1")) == "unsupported format (AVIF)"


def test_a_pillow_from_before_avif_is_enough(monkeypatch):
    monkeypatch.setitem(sys.modules, "PIL.AvifImagePlugin", None)
    assert formats._avif_reader() is None


def test_an_avif_of_the_general_brand_is_read(tmp_path):
    pytest.importorskip("PIL._avif")
    Image.new("RGB", (16, 16), "red").save(tmp_path / "a.avif")
    data = (tmp_path / "a.avif").read_bytes().replace(b"ftypavif", b"ftypmif1", 1)
    assert np.asarray(decode(data, "photo")).mean(axis=(0, 1))[0] > 240
