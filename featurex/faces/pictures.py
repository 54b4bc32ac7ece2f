"""Face chips as pictures inside a page."""

from __future__ import annotations

import base64
import io

import numpy as np
from PIL import Image

FACE_SIDE, JPEG_QUALITY = 112, 80


def data_uri(chip: np.ndarray) -> str:
    """Return a chip as a small JPEG in a ``data:`` address.

    Parameters
    ----------
    chip : ndarray of shape (height, width, 3), uint8
    """
    buffer = io.BytesIO()
    picture = Image.fromarray(chip).resize((FACE_SIDE, FACE_SIDE), Image.Resampling.LANCZOS)
    picture.save(buffer, "JPEG", quality=JPEG_QUALITY)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
