"""The contract of a face detector: an image in, boxes with scores out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, NamedTuple

import numpy as np


class Detection(NamedTuple):
    """One face found.

    Attributes
    ----------
    box : ndarray of shape (4,)
        Left, top, right, bottom (inclusive) in pixels of the image; may reach beyond its edge.
    score : float
        Above 0, larger is surer; scores of two detectors can't be compared.
    """

    box: np.ndarray
    score: float


class Detector(ABC):
    """A face detector; safe to share between threads.

    Making one loads nothing.

    Attributes
    ----------
    ladder : tuple of int
        The longest side to scale a photo to, in pixels, at each try to find its face.
    """

    ladder: tuple[int, ...]

    @property
    @abstractmethod
    def settings(self) -> dict[str, Any]:
        """What decides the boxes, beside the image: part of the key of all that is made of them."""

    @abstractmethod
    def detect(self, image: np.ndarray) -> list[Detection]:
        """Find every face of an image.

        Parameters
        ----------
        image : ndarray of shape (height, width, 3), uint8
            RGB.

        Returns
        -------
        list of Detection
            The surest first.
        """
