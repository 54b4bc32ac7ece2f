from io import BytesIO
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from featurex.exceptions import NoPhotoError, PhotoError
from featurex.photos.opening import check_several, is_one_photo, to_image


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((8, 8, 3)),
        np.zeros((8, 8, 4), np.uint8),
        np.zeros(8, np.uint8),
        np.zeros((0, 8, 3), np.uint8),
    ],
)
def test_arrays_that_are_no_photo_are_an_error(array):
    with pytest.raises(NoPhotoError, match=f"array of {array.dtype} and shape .*: a photo"):
        to_image(array)


def test_bytes_are_those_of_a_file(tmp_path):
    Image.effect_noise((8, 6), 50).save(tmp_path / "photo.png")
    data = (tmp_path / "photo.png").read_bytes()
    np.testing.assert_array_equal(to_image(data), to_image(tmp_path / "photo.png"))
    for damaged, reason in ((data[:60], "damaged image"), (b"", "empty file"), (b"x", "not an")):
        with pytest.raises(PhotoError, match=f"^{len(damaged)} bytes: {reason}"):
            to_image(damaged)


@pytest.mark.parametrize("kind", [bytearray, memoryview])
def test_bytes_may_lie_in_memory_of_another_kind(kind):
    file = BytesIO()
    Image.effect_noise((8, 6), 50).save(file, "PNG")
    photo = kind(file.getvalue())
    np.testing.assert_array_equal(to_image(photo), to_image(file.getvalue()))
    assert is_one_photo(photo)
    with pytest.raises(PhotoError, match=r"^1 bytes: not an image"):
        to_image(kind(b"x"))


def test_a_file_takes_its_bytes_to_be_read():
    with pytest.raises(NoPhotoError, match=r"BytesIO: an open file: .* file\.read\(\)"):
        to_image(BytesIO(b"x"))


def test_urls_are_not_fetched():
    address = "https://example.org/photo.jpg"
    with pytest.raises(PhotoError, match=f"^{address}: URLs are not fetched"):
        to_image(address)
    with pytest.raises(PhotoError, match="URLs are not fetched"):
        to_image(Path(address))
    with pytest.raises(PhotoError, match="missing file"):
        to_image("no/https:")


@pytest.mark.parametrize("photo", [None, 3, ["a.jpg"], BytesIO(b"x")])
def test_other_types_are_no_photos(photo):
    with pytest.raises(NoPhotoError, match=f"^{type(photo).__name__}: "):
        to_image(photo)


def test_a_picture_without_pixels_is_an_error():
    with pytest.raises(NoPhotoError, match="the image: a photo without pixels"):
        to_image(Image.new("RGB", (0, 8)))


def test_a_closed_picture_says_so(tmp_path):
    Image.new("RGB", (8, 8)).save(tmp_path / "photo.png")
    with Image.open(tmp_path / "photo.png") as from_file:
        pass
    closed = Image.new("RGB", (8, 8))
    closed.close()
    with (tmp_path / "photo.png").open("rb") as file:
        of_closed_file = Image.open(file)
    for photo in (from_file, closed, of_closed_file):
        with pytest.raises(PhotoError, match="closed image"):
            to_image(photo)


def test_an_array_is_its_pixels_whatever_its_strides():
    array = np.random.default_rng(0).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    array.setflags(write=False)
    for view in (array, array[:, ::-1], array[::2, 1:5]):
        np.testing.assert_array_equal(to_image(view), view)
    np.testing.assert_array_equal(to_image(array[..., 1]), np.dstack([array[..., 1]] * 3))


def test_a_pillow_picture_is_read_as_its_file_is(tmp_path):
    """Transparency on white, 16 bits scaled, and upright by EXIF."""
    rng = np.random.default_rng(0)
    pictures = {
        "clear.png": Image.fromarray(rng.integers(0, 256, (6, 8, 4), dtype=np.uint8)),
        "deep.png": Image.fromarray(rng.integers(0, 65536, (6, 8), dtype=np.uint16)),
        "turned.png": Image.fromarray(rng.integers(0, 256, (6, 8, 3), dtype=np.uint8)),
        "palette.png": Image.fromarray(rng.integers(0, 256, (6, 8), dtype=np.uint8)).convert("P"),
    }
    for name, picture in pictures.items():
        exif = Image.Exif()
        exif[0x0112] = 6
        picture.save(tmp_path / name, exif=exif if name == "turned.png" else None)
        with Image.open(tmp_path / name) as opened:
            pixels = to_image(opened)
        np.testing.assert_array_equal(pixels, to_image(tmp_path / name))
    assert to_image(tmp_path / "turned.png").size == (6, 8)


@pytest.mark.parametrize(
    ("photos", "message"),
    [
        ("a.jpg", "Got the one photo 'a.jpg'"),
        (Path("a.jpg"), "Got the one photo 'a.jpg'"),
        (np.zeros((8, 8, 3), np.uint8), r"one photo array of uint8 and shape \(8, 8, 3\)"),
        (np.zeros((8, 8)), "one photo array of float64"),
        (Image.new("L", (8, 8)), "Got the one photo the image"),
        ({"a.jpg": 3}, "Got dict"),
        (pd.DataFrame({"path": ["a.jpg"]}), "Got DataFrame"),
        (b"\xff\xd8", "Got the one photo 2 bytes"),
        (BytesIO(b"x"), r"Got BytesIO, an open file: give its bytes, file\.read\(\)"),
        (None, "Got NoneType"),
        (torch.zeros(8, 8, 3), "Got Tensor, no NumPy array of uint8"),
        (np.zeros((8, 8, 3), object), r"shape \(8, 8, 3\), no NumPy array of uint8"),
    ],
)
def test_what_is_no_list_of_photos_is_refused(photos, message):
    with pytest.raises(ValueError, match=f"Give a list of photos\\. .*{message}"):
        check_several(photos)


@pytest.mark.parametrize(
    "photos",
    [
        ["a.jpg"],
        ("a.jpg" for _ in range(2)),
        np.array(["a.jpg", "b.jpg"]),
        pd.Series(["a.jpg"]),
        np.zeros((2, 8, 8, 3), np.uint8),
        [],
    ],
)
def test_what_gives_photo_after_photo_is_taken(photos):
    check_several(photos)
