"""dlib's HOG detector: fast, for upright faces that look at the camera."""

from __future__ import annotations

import threading
from typing import Any

import dlib
import numpy as np

from featurex.detectors.base import Detection, Detector


class HogDetector(Detector):
    """dlib's frontal face detector (Dalal and Triggs 2005; King 2015), from 80 pixels.

    Every thread gets a dlib object of its own: one that is shared crashes.
    """

    # HOG's cost grows with the pixels, and the face of a training photo is large.
    ladder = (128, 256, 512)

    def __init__(self) -> None:
        self._local = threading.local()

    @property
    def settings(self) -> dict[str, Any]:
        """The ladder."""
        return {"ladder": list(self.ladder)}

    def detect(self, image: np.ndarray) -> list[Detection]:
        """Find every face of an image."""
        rectangles, scores, _ = self._detector().run(image, 0, 0.0)
        boxes = (np.array([r.left(), r.top(), r.right(), r.bottom()]) for r in rectangles)
        return [Detection(box, score) for box, score in zip(boxes, scores, strict=True)]

    def _detector(self) -> Any:
        if not hasattr(self._local, "detector"):
            self._local.detector = dlib.get_frontal_face_detector()
        return self._local.detector
