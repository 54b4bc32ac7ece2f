"""Face detectors by name.

A name stands for one detector, or for several of which the next is asked only about photos in
which the ones before found nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:  # the command line shows the names without loading numpy
    from featurex.detectors.base import Detector

__all__ = ["DEFAULT_DETECTOR", "DETECTORS", "get_detectors"]

HOG, CNN, HOG_THEN_CNN = "dlib-hog", "dlib-cnn", "hog+cnn"
DETECTORS = (HOG, CNN, HOG_THEN_CNN)
# Measured on FG-NET (docs/results.md): 100 % of the faces instead of 98.0 for a tenth more time,
# and 97 % instead of 8 of those turned by 60 degrees.
DEFAULT_DETECTOR = HOG_THEN_CNN


def get_detectors(name: str, device: str = "auto") -> tuple[Detector, ...]:
    """Make the detectors that a name stands for, without loading them.

    Parameters
    ----------
    name : {"dlib-hog", "dlib-cnn", "hog+cnn"}
        HOG is fast and finds upright faces that look at the camera; the CNN finds turned and
        blurred ones too; "hog+cnn" asks the CNN where HOG finds nothing.
    device : str
        Where a network runs, as `featurex.machine.devices.resolve_device` takes it.

    Returns
    -------
    tuple of Detector
        In the order in which they are asked.

    Raises
    ------
    ValueError
        No such detector.
    """
    if name not in DETECTORS:
        raise ValueError(f"Unknown detector {name!r}. The detectors are {', '.join(DETECTORS)}.")
    from featurex.detectors.dlib_cnn import CnnDetector
    from featurex.detectors.hog import HogDetector

    if name == HOG:
        return (HogDetector(),)
    return (CnnDetector(device),) if name == CNN else (HogDetector(), CnnDetector(device))
