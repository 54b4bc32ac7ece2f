import contextlib
import io
import struct
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFile, features

from featurex.exceptions import PhotoError
from featurex.photos.images import MAX_PIXELS, decode, read_photo, to_rgb

AVIF = ["AVIF"] * features.check("avif")
FORMATS = ["JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", *AVIF]


def gradient(height=24, width=32):
    """Return an RGB picture without a symmetry: red grows to the right, green downwards."""
    rows, columns = np.mgrid[0:height, 0:width]
    return np.stack(
        [columns * 255 // width, rows * 255 // height, np.full_like(rows, 60)], axis=2
    ).astype(np.uint8)


def pixels_of(data, **options):
    """Decode bytes and return the picture's pixels."""
    image = decode(data, "x", **options)
    assert image.mode == "RGB"
    return np.asarray(image)


def encode(image, format, **options):
    image = image if isinstance(image, Image.Image) else Image.fromarray(image)
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def png_header(width, height, depth=8, colour=0):
    """Return a PNG that promises this size and holds one byte of pixels."""

    def chunk(kind, body):
        crc = struct.pack(">I", zlib.crc32(kind + body))
        return struct.pack(">I", len(body)) + kind + body + crc

    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0")) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def reason(data, **options):
    with pytest.raises(PhotoError) as caught:
        decode(data, "photo.jpg", **options)
    assert str(caught.value) == f"photo.jpg: {caught.value.reason}"
    return caught.value.reason


@pytest.mark.parametrize("format", ["PNG", "BMP", "TIFF"])
def test_lossless_formats_give_the_pixels_back(format):
    np.testing.assert_array_equal(pixels_of(encode(gradient(), format)), gradient())


def test_lossless_webp_gives_the_pixels_back():
    data = encode(gradient(), "WEBP", lossless=True)
    np.testing.assert_array_equal(pixels_of(data), gradient())


@pytest.mark.parametrize("format", ["JPEG", "WEBP", "GIF", "MPO", *AVIF])
def test_lossy_formats_come_near(format):
    pixels = pixels_of(encode(gradient(), format))
    assert pixels.shape == (24, 32, 3)
    assert np.abs(pixels.astype(int) - gradient()).mean() < 8


# EXIF orientation -> what a viewer shows of the stored pixels.
SHOWN = {
    1: lambda p: p,
    2: lambda p: p[:, ::-1],
    3: lambda p: p[::-1, ::-1],
    4: lambda p: p[::-1],
    5: lambda p: p.transpose(1, 0, 2),
    6: lambda p: np.rot90(p, -1),
    7: lambda p: p[::-1, ::-1].transpose(1, 0, 2),
    8: lambda p: np.rot90(p, 1),
}


@pytest.mark.parametrize("orientation", SHOWN)
@pytest.mark.parametrize("format", ["PNG", "TIFF", "WEBP"])
def test_photos_come_upright(orientation, format):
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"lossless": True} if format == "WEBP" else {}
    data = encode(gradient(), format, exif=exif, **options)
    np.testing.assert_array_equal(pixels_of(data), SHOWN[orientation](gradient()))


@pytest.mark.skipif(not AVIF, reason="this Pillow reads no AVIF")
@pytest.mark.parametrize("orientation", SHOWN)
def test_an_avif_comes_upright(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    pixels = pixels_of(encode(gradient(), "AVIF", exif=exif, quality=95))
    expected = SHOWN[orientation](gradient())
    assert pixels.shape == expected.shape
    assert np.abs(pixels.astype(int) - expected).mean() < 8


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_an_orientation_that_does_not_exist_is_ignored(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    assert pixels_of(encode(gradient(), "JPEG", exif=exif)).shape == (24, 32, 3)


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
@pytest.mark.parametrize(
    "exif", [b"Exif\0\0", b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0garbage!"]
)
def test_a_damaged_exif_block_does_not_harm_the_photo(exif):
    assert pixels_of(encode(gradient(), "JPEG", exif=exif)).shape == (24, 32, 3)


def test_grey_becomes_rgb():
    grey = gradient()[:, :, 0]
    np.testing.assert_array_equal(pixels_of(encode(grey, "PNG")), np.dstack([grey] * 3))


def test_one_bit_becomes_black_and_white():
    image = Image.fromarray(gradient()[:, :, 0] > 100)
    assert set(np.unique(pixels_of(encode(image, "PNG")))) == {0, 255}


def test_sixteen_bits_are_scaled_not_clipped():
    values = np.array([[0, 257, 32896, 65535]] * 16, dtype=np.uint16)
    pixels = pixels_of(encode(values, "PNG"))
    np.testing.assert_array_equal(pixels[0, :, 0], [0, 1, 128, 255])


def test_a_dark_photo_of_sixteen_bits_stays_dark():
    assert pixels_of(encode(np.full((16, 16), 200, np.uint16), "PNG")).max() == 1


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.array([[0, 128, 255]], np.int32), [0, 128, 255]),
        (np.array([[0, 32896, 65535]], np.int32), [0, 128, 255]),
        (np.array([[0.0, 0.5, 1.0]], np.float32), [0, 128, 255]),
        (np.array([[0.0, 128.0, 255.0]], np.float32), [0, 128, 255]),
        (np.array([[0.0, 32896.0, 65535.0]], np.float32), [0, 128, 255]),
    ],
)
def test_integers_and_floats_are_scaled_by_the_white_that_holds_them(values, expected):
    pixels = pixels_of(encode(values, "TIFF"))
    np.testing.assert_array_equal(pixels[0, :, 0], expected)


@pytest.mark.parametrize("value", [np.nan, np.inf, -1.0, 70000.0])
def test_floats_that_are_no_picture_are_refused(value):
    values = np.array([[0.5, value]], np.float32)
    assert reason(encode(values, "TIFF")) == "unsupported pixel values"


def test_transparent_pixels_lie_on_white():
    layer = np.zeros((16, 16, 4), np.uint8)
    layer[:, 8:, 3] = 255
    pixels = pixels_of(encode(layer, "PNG"))
    assert (pixels[:, :8] == 255).all()
    assert (pixels[:, 8:] == 0).all()


def test_a_palettes_transparent_colour_lies_on_white():
    image = Image.fromarray(np.repeat([[0, 1]], 16, axis=0).astype(np.uint8), "P")
    image.putpalette([0, 0, 0, 200, 10, 20])
    pixels = pixels_of(encode(image, "PNG", transparency=0))
    np.testing.assert_array_equal(pixels[0], [[255, 255, 255], [200, 10, 20]])


def test_grey_with_alpha_lies_on_white():
    image = Image.fromarray(np.full((16, 16), 50, np.uint8)).convert("LA")
    image.putalpha(0)
    assert (pixels_of(encode(image, "PNG")) == 255).all()


def test_cmyk_becomes_rgb():
    image = Image.fromarray(np.full((16, 16, 3), (200, 30, 30), np.uint8)).convert("CMYK")
    pixels = pixels_of(encode(image, "JPEG", quality=95))
    assert np.abs(pixels.astype(int) - (200, 30, 30)).max() < 12


@pytest.mark.parametrize("format", ["GIF", "WEBP", "TIFF", "PNG", "MPO"])
def test_of_an_animation_the_first_picture_counts(format):
    frames = [Image.new("RGB", (20, 20), colour) for colour in ("red", "blue")]
    data = encode(frames[0], format, save_all=True, append_images=frames[1:])
    red, _, blue = pixels_of(data).mean(axis=(0, 1))
    assert red > 240
    assert blue < 15


def test_a_face_chip_of_one_pixel_is_a_picture():
    assert pixels_of(encode(gradient(1, 1), "PNG")).shape == (1, 1, 3)


@pytest.mark.parametrize(
    "data", [b"abc", b"<html>not found</html>", b"%PDF-1.4", b"%!PS-Adobe-3.0", b"P6 1 1 255 abc"]
)
def test_what_is_no_photo_is_not_an_image(data):
    assert reason(data) == "not an image"


def test_no_bytes_are_an_empty_file():
    assert reason(b"") == "empty file"


@pytest.mark.parametrize("format", FORMATS)
def test_half_a_file_is_damaged(format):
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    data = encode(noise, format)
    assert reason(data[: len(data) // 2]) == "damaged image"


def test_too_many_pixels_are_refused_before_they_are_decoded():
    # Twenty kilobytes of pixels would be missing: the header alone decides.
    assert reason(png_header(20_000, 10_001)) == "too many pixels"
    assert MAX_PIXELS < 20_000 * 10_001


def test_a_side_that_no_photo_has_is_refused():
    assert reason(png_header(65_536, 1)) == "too many pixels"
    assert pixels_of(encode(gradient(1, 65_535), "PNG")).shape == (1, 65_535, 3)


def test_the_limit_counts_pixels():
    data = encode(gradient(10, 10), "PNG")
    assert pixels_of(data, max_pixels=100).shape == (10, 10, 3)
    assert reason(data, max_pixels=99) == "too many pixels"


def test_a_large_photo_within_the_limit_raises_no_warning_of_pillow():
    data = png_header(12_000, 16_000)  # above Pillow's own limit, below ours
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert reason(data) == "damaged image"


def test_pillows_settings_stay_as_the_program_left_them(monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 50)
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", False)
    decode(encode(gradient(), "PNG"), "x")
    assert Image.MAX_IMAGE_PIXELS == 50
    assert ImageFile.LOAD_TRUNCATED_IMAGES is False


@pytest.mark.filterwarnings("ignore::UserWarning")
@settings(max_examples=150, deadline=None)
@given(st.sampled_from(FORMATS), st.data())
def test_damaged_bytes_give_a_picture_or_a_photo_error(format, data):
    photo = bytearray(encode(gradient(), format))
    for _ in range(data.draw(st.integers(1, 8))):
        photo[data.draw(st.integers(4, len(photo) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(PhotoError):
        pixels = pixels_of(bytes(photo), max_pixels=10**6)
        assert pixels.ndim == 3
        assert pixels.shape[2] == 3


def test_threads_do_not_disturb_each_other():
    photos = [encode(np.full((40, 40, 3), i, np.uint8), "PNG") for i in range(100)]
    with ThreadPoolExecutor(4) as pool:
        decoded = list(pool.map(decode, photos, map(str, range(100))))
    assert [image.getpixel((0, 0))[0] for image in decoded] == list(range(100))


def test_a_photo_is_read(tmp_path):
    (tmp_path / "a b\nç.jpg").write_bytes(b"abc")
    assert read_photo(tmp_path / "a b\nç.jpg") == b"abc"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("missing.jpg", "missing file"),
        ("empty.jpg", "empty file"),
        ("folder.jpg", "not a regular file"),
        ("large.jpg", "file too large"),
        ("a.jpg/b.jpg", "unreadable"),
    ],
)
def test_a_photo_that_cannot_be_read_has_a_reason(tmp_path, name, expected):
    (tmp_path / "a.jpg").write_bytes(b"abc")
    (tmp_path / "empty.jpg").touch()
    (tmp_path / "folder.jpg").mkdir()
    (tmp_path / "large.jpg").write_bytes(b"abcd")
    with pytest.raises(PhotoError) as caught:
        read_photo(tmp_path / name, max_bytes=3)
    assert caught.value.reason == expected
    assert caught.value.name == str(tmp_path / name)


@pytest.mark.parametrize("ending", ["png", "jpg", "tiff", "webp"])
def test_a_turned_photo_is_not_turned_again(tmp_path, ending):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (8, 6)).save(tmp_path / f"photo.{ending}", exif=exif)
    turned = decode((tmp_path / f"photo.{ending}").read_bytes(), "photo")
    assert turned.size == to_rgb(turned, "photo").size == (6, 8)
