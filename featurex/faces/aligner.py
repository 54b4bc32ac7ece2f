"""Finds faces and aligns them to face chips.

Detection is one of `featurex.detectors`, alignment dlib's 5-point landmarks (Kazemi and Sullivan
2014) and ``get_face_chip``, which is what all of dlib's networks expect. Detection runs on a small
copy of the photo first and on larger ones only where nothing was found: a detector's cost grows
with the pixels, and the face of a training photo is large.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from featurex.backbones.dlib_import import dlib
from featurex.backbones.dlib_models import LANDMARKS_5, dlib_model
from featurex.detectors import DEFAULT_DETECTOR, get_detectors
from featurex.detectors.base import Detection, Detector
from featurex.machine.lending import Lender
from featurex.photos.edges import repeat_edges
from featurex.photos.opening import PhotoLike
from featurex.photos.picture import Box, Picture

# A `Picture` is the fastest in several calls: it is upright and RGB, and keeps what was cut out.
Pixels = Picture | PhotoLike

# For every face of a photo: the longest side looked at, and the magnifications tried in turn.
# A detector's cost grows with the square of the magnification.
SCAN_SIDE, MAGNIFICATIONS = 1280, (1.0, 2.0)
# Edge pixels repeated around the photo, as a share of its longer side: without them HOG misses
# faces at the border of tight crops.
BORDER = 0.1
# Half the region that a chip is cut from, in sides of the chip: half the diagonal of a tilted one,
# and what dlib's pyramid reads around it.
_REACH = 0.75
_PREDICTORS: Lender[Any] = Lender(lambda: dlib.shape_predictor(str(dlib_model(LANDMARKS_5))))


@dataclass(frozen=True, eq=False)
class Face:
    """One face of a photo.

    Attributes
    ----------
    box : ndarray of shape (4,), int32
        Left, top, right, bottom in pixels of the photo; may reach beyond its edge.
    landmarks : ndarray of shape (5, 2), int32
        x and y in pixels: the corners of one eye, of the other, and the base of the nose.
    score : float
        The detector's score; above 0, larger is surer.
    """

    box: np.ndarray
    landmarks: np.ndarray
    score: float


class ChipFormat(NamedTuple):
    """What a face chip looks like: its side in pixels, and the border as a share of the face."""

    size: int
    padding: float


class FaceAligner:
    """Finds and aligns faces; safe to share between threads.

    Parameters
    ----------
    detector : {"dlib-hog", "dlib-cnn", "hog+cnn"}
        As `featurex.detectors.get_detectors` takes it.
    device : str
        Where the CNN runs, as `featurex.machine.devices.resolve_device` takes it.

    Raises
    ------
    ValueError
        No such detector.

    Examples
    --------
    >>> import numpy as np
    >>> FaceAligner().central_face(np.zeros((64, 64, 3), np.uint8)) is None
    True
    """

    def __init__(self, detector: str = DEFAULT_DETECTOR, device: str = "auto") -> None:
        self.detector = detector
        self.device = device
        self._detectors = get_detectors(detector, device)

    @property
    def settings(self) -> dict[str, Any]:
        """What decides a training photo's face: part of the key of all that is made from it."""
        stages = [detector.settings for detector in self._detectors]
        return {
            "detector": self.detector,
            **(stages[0] if len(stages) == 1 else {"stages": stages}),
            "landmarks": LANDMARKS_5,
            "border": BORDER,
            "face": "central",
            "version": 1,
        }

    def central_face(self, photo: Pixels) -> Face | None:
        """Find the face that a training photo is of.

        Parameters
        ----------
        photo : Picture, or a photo as `Predictor.predict` takes it
            It is turned upright by its EXIF orientation first; the face's pixels are those of the
            upright photo.

        Returns
        -------
        Face or None
            Of the faces that the first detector finds at the first scale that shows any, the one
            with the largest difference of its size and its distance from the photo's centre; None
            where there is no face.

        Raises
        ------
        PhotoError
            The photo can't be read, or is none.
        """
        picture = Picture.of(photo)
        for detector in self._detectors:
            for side in detector.ladder:
                if found := _detect(detector, picture, side / max(picture.size)):
                    central = max(found, key=lambda face: _prominence(face.box, picture.size))
                    return self._with_landmarks(picture, *central)
        return None

    def faces(self, photo: Pixels) -> list[Face]:
        """Find every face of a photo, from left to right.

        Parameters
        ----------
        photo : Picture, or a photo as `central_face` takes it

        Returns
        -------
        list of Face
            From 80 pixels, once the photo's longer side is brought to at most 1,280. Smaller ones
            are looked for only where there is none of these.
        """
        picture = Picture.of(photo)
        return self.scan(picture) or self.lone(picture)

    def lone(self, photo: Pixels) -> list[Face]:
        """Find what `faces` finds where `scan` finds nothing: the central face, or none."""
        face = self.central_face(photo)
        return [face] if face else []

    def scan(self, photo: Pixels) -> list[Face]:
        """Find what `faces` finds, but for what only the small copies of `central_face` show."""
        picture = Picture.of(photo)
        for detector in self._detectors:
            for scale in _scales(picture):
                if detections := _detect(detector, picture, scale):
                    found = [self._with_landmarks(picture, *face) for face in detections]
                    return sorted(found, key=lambda face: (face.box[0], face.box[1]))
        return []

    def chip(self, photo: Pixels, face: Face, size: int, padding: float) -> np.ndarray:
        """Cut a face out, upright and centred.

        Parameters
        ----------
        photo : Picture, or a photo as `central_face` takes it
            The photo that `face` was found in.
        face : Face
            Only its landmarks are used, so a stored face gives the same chip.
        size : int
            Side of the chip in pixels.
        padding : float
            Border around the face as a share of its size.

        Returns
        -------
        ndarray of shape (size, size, 3), uint8
        """
        details = dlib.get_face_chip_details(_dlib_shape(face.landmarks), size, padding)
        centre, side = details.rect.center(), details.rect.width()
        middle = np.array([centre.x, centre.y])
        region, offset = _region(Picture.of(photo), middle, _REACH * side + 8)
        shape = _dlib_shape(face.landmarks - offset)
        return dlib.get_face_chip(region, shape, size=size, padding=padding)

    def place(self, face: Face, size: int, padding: float, points: np.ndarray) -> np.ndarray:
        """Tell where points of a chip lie in the photo.

        Parameters
        ----------
        face : Face
        size, padding
            As `chip` was called with.
        points : ndarray of shape (n, 2)
            x and y in pixels of the chip.

        Returns
        -------
        ndarray of shape (n, 2), float64
            x and y in pixels of the photo; may lie outside it.
        """
        details = dlib.get_face_chip_details(_dlib_shape(face.landmarks), size, padding)
        area = details.rect
        first = np.array([area.left(), area.top()])
        span = np.array([area.width() - 1, area.height() - 1]) / max(1, size - 1)
        centre = np.array([(area.left() + area.right()) / 2, (area.top() + area.bottom()) / 2])
        cosine, sine = np.cos(details.angle), np.sin(details.angle)
        turn = np.array([[cosine, sine], [-sine, cosine]])
        return (first + np.asarray(points) * span - centre) @ turn + centre

    def _with_landmarks(self, picture: Picture, box: np.ndarray, score: float) -> Face:
        corners = box.reshape(2, 2)
        region, offset = _region(picture, corners.mean(0), np.ptp(corners, 0).max() + 8)
        left, top, right, bottom = (np.rint(box).astype(int) - np.tile(offset, 2)).tolist()
        with _PREDICTORS.lend() as predictor:
            shape = predictor(region, dlib.rectangle(left, top, right, bottom))
        points = np.array([(p.x, p.y) for p in shape.parts()]) + offset
        return Face(np.rint(box).astype(np.int32), points.astype(np.int32), float(score))


def _detect(detector: Detector, picture: Picture, scale: float) -> list[Detection]:
    """Look at a scaled copy with a border; boxes in the photo's pixels."""
    seen = _bordered(picture.scaled(scale))
    border = (seen.shape[1] - max(1, round(picture.size[0] * scale))) // 2
    return [Detection((box - border) / scale, score) for box, score in detector.detect(seen)]


def _scales(picture: Picture) -> list[float]:
    """Return the scales at which every face of a photo is looked for, each once."""
    largest = SCAN_SIDE / max(picture.size)
    return list(dict.fromkeys(min(largest, scale) for scale in MAGNIFICATIONS))


def _prominence(box: np.ndarray, size: tuple[int, int]) -> float:
    width, height = size
    centre = box.reshape(2, 2).mean(0)
    return float(box[2] - box[0] - np.hypot(*(centre - (width / 2, height / 2))))


def _bordered(image: np.ndarray) -> np.ndarray:
    border = round(BORDER * max(image.shape[:2]))
    return repeat_edges(image, (border, border), (border, border))


def _dlib_shape(landmarks: np.ndarray) -> Any:
    points = [dlib.point(int(x), int(y)) for x, y in landmarks]
    return dlib.full_object_detection(dlib.rectangle(), points)


def _region(picture: Picture, centre: np.ndarray, reach: float) -> tuple[np.ndarray, np.ndarray]:
    """Cut out the square of `reach` around a point, repeating the photo's edge pixels outside.

    Returns the region and the photo's coordinates (x, y) of its first pixel.
    """
    first, last = np.floor(centre - reach).astype(int), np.ceil(centre + reach).astype(int)
    width, height = picture.size
    (left, right), left_right = _span(first[0], last[0], width)
    (top, bottom), above_below = _span(first[1], last[1], height)
    inside = picture.part(Box(left, top, right, bottom))
    if any(above_below + left_right):  # of a large photo a second copy would take long
        return repeat_edges(inside, above_below, left_right), first
    return np.ascontiguousarray(inside), first


def _span(first: int, last: int, length: int) -> tuple[tuple[int, int], tuple[int, int]]:
    """Tell from which pixel of an axis to which, and how often to repeat the first and the last."""
    start, stop = (min(max(i, 0), length - 1) for i in (first, last - 1))
    before = min(max(-first, 0), last - first - 1)
    return (start, stop + 1), (before, last - first - before - (stop + 1 - start))
