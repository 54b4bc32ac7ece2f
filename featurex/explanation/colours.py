"""Colours of a map over a face.

The face is grey and the map in colour, the stronger the more opaque, so that a face's own colours
are not taken for the map's. They are mixed in a perceptually uniform space, so that equal steps of
the map look equal on any grey. Orange and blue are told apart by all kinds of colour-blind eyes.
"""

from __future__ import annotations

import numpy as np

from featurex.explanation.maps import Explanation

# In OKLab (Ottosson 2020, "A perceptual color space for image processing"): lightness, green-red,
# blue-yellow. Equally light, so that neither direction looks stronger.
ORANGE, BLUE = (0.65, 0.09, 0.12), (0.65, -0.05, -0.14)
OPACITY = 0.9  # of the strongest place


def overlay(chip: np.ndarray, explanation: Explanation, scale: float) -> np.ndarray:
    """Lay a map over a grey face.

    Parameters
    ----------
    chip : ndarray of shape (h, w, 3), uint8
    explanation : Explanation
        With values of shape ``(h, w)``.
    scale : float
        The value that is drawn in full colour; larger ones are too.

    Returns
    -------
    ndarray of shape (h, w, 3), uint8
        Grey where the map is 0.
    """
    strength = np.clip(explanation.values / scale, -1, 1)[..., None]
    opacity = OPACITY * np.abs(strength)
    colour = np.where(strength < 0, BLUE, ORANGE)
    mixed = (1 - opacity) * _grey(chip) + opacity * colour
    return np.rint(255 * _srgb(mixed)).astype(np.uint8)


def _grey(chip: np.ndarray) -> np.ndarray:
    """Return a face without its colours in OKLab, ``(h, w, 3)``."""
    luma = (chip / 255) @ np.array([0.299, 0.587, 0.114])
    linear = np.where(luma > 0.04045, ((luma + 0.055) / 1.055) ** 2.4, luma / 12.92)
    return np.cbrt(linear)[..., None] * np.array([1.0, 0.0, 0.0])


def _srgb(oklab: np.ndarray) -> np.ndarray:
    """Turn OKLab into sRGB, with the matrices that Ottosson gives."""
    cones = oklab @ np.array(
        [
            [1, 1, 1],
            [0.3963377774, -0.1055613458, -0.0894841775],
            [0.2158037573, -0.0638541728, -1.2914855480],
        ]
    )
    linear = cones**3 @ np.array(
        [
            [4.0767416621, -1.2684380046, -0.0041960863],
            [-3.3077115913, 2.6097574011, -0.7034186147],
            [0.2309699292, -0.3413193965, 1.7076147010],
        ]
    )
    linear = linear.clip(0, 1)
    return np.where(linear > 0.0031308, 1.055 * linear ** (1 / 2.4) - 0.055, 12.92 * linear)
