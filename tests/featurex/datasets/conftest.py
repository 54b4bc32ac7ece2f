import io

import numpy as np
import pytest
from PIL import Image


def photo_bytes(number):
    """Return a small PNG; another number gives other bytes."""
    pixels = np.random.default_rng(number).integers(0, 255, (4, 4, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
def make_photos(tmp_path):
    """Return a function that writes photos: name -> number (equal numbers, equal bytes)."""

    def write(photos, folder=tmp_path):
        for name, number in photos.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"" if number is None else photo_bytes(number))
        return folder

    return write


@pytest.fixture
def write_table(make_photos, tmp_path):
    """Return a function that writes a CSV file beside four photos, a.png to d.png."""

    def write(text, encoding="utf-8"):
        make_photos({f"{name}.png": i for i, name in enumerate("abcd")})
        path = tmp_path / "labels.csv"
        path.write_bytes(text if isinstance(text, bytes) else text.encode(encoding))
        return path

    return write
