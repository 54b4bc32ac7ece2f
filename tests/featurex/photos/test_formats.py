import struct
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from featurex.datasets import people_root
from featurex.exceptions import PhotoError
from featurex.photos import formats
from featurex.photos.images import decode

DATA = Path(__file__).with_name("data")


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


@pytest.mark.parametrize(
    ("brands", "format"),
    [
        ((b"heic", b"mif1", b"heic"), "HEIC"),
        ((b"mif1", b"mif1", b"heix"), "HEIC"),
        ((b"mif1",), "HEIF"),
    ],
)
def test_without_pi_heif_it_is_named(monkeypatch, brands, format):
    monkeypatch.setitem(sys.modules, "pi_heif", None)
    assert reason(boxes(*brands)) == f"unsupported format ({format}: run 'pip install pi-heif')"


def test_a_heic_is_decoded_upright():
    """Encoded on its side, as a phone does that is held upright, with the turn beside it."""
    pytest.importorskip("pi_heif")
    photo = decode((DATA / "person040_0-turned.heic").read_bytes(), "photo")
    with Image.open(people_root() / "person040_0.jpg") as original:
        expected = original.convert("RGB").resize((128, 128)).crop((0, 0, 128, 96))
    assert photo.size == (128, 96)
    assert np.abs(np.asarray(photo, float) - np.asarray(expected, float)).mean() < 3


@pytest.mark.parametrize("n_bytes", [100, 600, 1500])
def test_a_heic_that_was_cut_is_damaged(n_bytes):
    pytest.importorskip("pi_heif")
    data = (DATA / "person040_0-turned.heic").read_bytes()
    assert reason(data[:n_bytes]) == "damaged image"


def test_a_heic_that_is_larger_than_it_says_is_refused(monkeypatch):
    pytest.importorskip("pi_heif")
    data = (DATA / "person040_0-turned.heic").read_bytes()
    with pytest.raises(PhotoError, match="too many pixels"):
        decode(data, "photo", max_pixels=128 * 96 - 1)
    reader = formats.find_reader(data, "photo")
    monkeypatch.setattr(reader, "size", property(lambda image: (16, 16) if image.fp else (9**9, 1)))
    assert reason(data) == "too many pixels"


def test_a_pillow_without_avif_says_so(monkeypatch):
    monkeypatch.setitem(sys.modules, "PIL.AvifImagePlugin", None)
    assert reason(boxes(b"avif", b"mif1")) == "unsupported format (AVIF)"


def test_an_avif_of_the_general_brand_is_read(tmp_path):
    pytest.importorskip("PIL._avif")
    Image.new("RGB", (16, 16), "red").save(tmp_path / "a.avif")
    data = (tmp_path / "a.avif").read_bytes().replace(b"ftypavif", b"ftypmif1", 1)
    assert np.asarray(decode(data, "photo")).mean(axis=(0, 1))[0] > 240
