"""dlib's HOG detector: fast, for upright faces that look at the camera."""

from __future__ import annotations

from typing import Any

import numpy as np

from featurex.backbones.dlib_import import dlib
from featurex.detectors.base import Detection, Detector
from featurex.machine.lending import Lender

# One that two threads use at once crashes, and making one takes 0.3 s.
_DETECTORS: Lender[Any] = Lender(dlib.get_frontal_face_detector)


class HogDetector(Detector):
    """dlib's frontal face detector (Dalal and Triggs 2005; King 2015), from 80 pixels."""

    # HOG's cost grows with the pixels, and the face of a training photo is large.
    ladder = (128, 256, 512)

    @property
    def settings(self) -> dict[str, Any]:
        """The ladder."""
        return {"ladder": list(self.ladder)}

    def detect(self, image: np.ndarray) -> list[Detection]:
        """Find every face of an image."""
        with _DETECTORS.lend() as detector:
            rectangles, scores, _ = detector.run(image, 0, 0.0)
        boxes = (np.array([r.left(), r.top(), r.right(), r.bottom()]) for r in rectangles)
        return [Detection(box, score) for box, score in zip(boxes, scores, strict=True)]
