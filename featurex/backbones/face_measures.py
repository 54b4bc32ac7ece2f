"""Distances, ratios and angles of a face from its 68 landmarks.

Measures that age and gender were read from before networks: Kwon and da Vitoria Lobo 1999 ("Age
classification from facial images") take ratios of the distances between eyes, nose, mouth and chin;
Burton, Bruce and Dench 1993 ("What's the difference between men and women?") distances, ratios and
angles around brows, eyes, nose, mouth and jaw. The 68 points are those of iBUG 300-W (Sagonas et
al. 2013), counted from 0: jaw 0-16, brows 17-26, nose 27-35, eyes 36-47, outer lips 48-59, inner
lips 60-67. "Right" is the right side of the person, on the left of the photo.
"""

from __future__ import annotations

import numpy as np

N_POINTS = 68
# A place on the face is one point, or the centre of several.
Place = tuple[int, ...]
RIGHT_EYE, LEFT_EYE = tuple(range(36, 42)), tuple(range(42, 48))
BETWEEN_EYES: Place = (*RIGHT_EYE, *LEFT_EYE)
RIGHT_BROW, LEFT_BROW = tuple(range(17, 22)), tuple(range(22, 27))
NOSE_BASE: Place = (33,)
MOUTH: Place = (48, 54)
CHIN: Place = (8,)

# In distances of the eyes' centres.
DISTANCES: dict[str, tuple[Place, Place]] = {
    "inner eye corners": ((39,), (42,)),
    "outer eye corners": ((36,), (45,)),
    "right eye width": ((36,), (39,)),
    "left eye width": ((42,), (45,)),
    "right eye opening": ((37, 38), (40, 41)),
    "left eye opening": ((43, 44), (46, 47)),
    "right brow length": ((17,), (21,)),
    "left brow length": ((22,), (26,)),
    "between brows": ((21,), (22,)),
    "right brow to eye": (RIGHT_BROW, RIGHT_EYE),
    "left brow to eye": (LEFT_BROW, LEFT_EYE),
    "nose length": ((27,), NOSE_BASE),
    "nose bridge": ((27,), (30,)),
    "nose tip to base": ((30,), NOSE_BASE),
    "nose width": ((31,), (35,)),
    "mouth width": ((48,), (54,)),
    "inner mouth width": ((60,), (64,)),
    "mouth height": ((51,), (57,)),
    "mouth opening": ((62,), (66,)),
    "upper lip": ((50, 51, 52), (61, 62, 63)),
    "lower lip": ((65, 66, 67), (56, 57, 58)),
    "nose to lip": (NOSE_BASE, (51,)),
    "lip to chin": ((57,), CHIN),
    "eyes to nose": (BETWEEN_EYES, NOSE_BASE),
    "eyes to mouth": (BETWEEN_EYES, MOUTH),
    "eyes to chin": (BETWEEN_EYES, CHIN),
    "nose to mouth": (NOSE_BASE, MOUTH),
    "nose to chin": (NOSE_BASE, CHIN),
    "mouth to chin": (MOUTH, CHIN),
    "face width at eyes": ((0,), (16,)),
    "face width at nose": ((2,), (14,)),
    "face width at mouth": ((4,), (12,)),
    "face width at chin": ((6,), (10,)),
    "right eye to jaw": ((36,), (0,)),
    "left eye to jaw": ((45,), (16,)),
    "right mouth corner to jaw": ((48,), (4,)),
    "left mouth corner to jaw": ((54,), (12,)),
    "right eye to mouth corner": (RIGHT_EYE, (48,)),
    "left eye to mouth corner": (LEFT_EYE, (54,)),
}
# Of two distances.
RATIOS: tuple[tuple[str, str], ...] = (
    ("eyes to nose", "eyes to mouth"),
    ("eyes to mouth", "eyes to chin"),
    ("eyes to nose", "eyes to chin"),
    ("face width at eyes", "eyes to chin"),
    ("face width at mouth", "face width at eyes"),
    ("face width at chin", "face width at mouth"),
    ("right eye opening", "right eye width"),
    ("left eye opening", "left eye width"),
    ("inner eye corners", "outer eye corners"),
    ("nose width", "nose length"),
    ("nose width", "mouth width"),
    ("mouth height", "mouth width"),
    ("upper lip", "lower lip"),
    ("mouth width", "face width at mouth"),
    ("lip to chin", "nose to chin"),
)
# At the second of three places, in radians.
ANGLES: dict[str, tuple[Place, Place, Place]] = {
    "right eye inner corner": ((38,), (39,), (40,)),
    "right eye outer corner": ((37,), (36,), (41,)),
    "left eye inner corner": ((43,), (42,), (47,)),
    "left eye outer corner": ((44,), (45,), (46,)),
    "right brow": ((17,), (19,), (21,)),
    "left brow": ((22,), (24,), (26,)),
    "nostrils at bridge": ((31,), (27,), (35,)),
    "nostrils at tip": ((31,), (30,), (35,)),
    "eyes at nose": (RIGHT_EYE, NOSE_BASE, LEFT_EYE),
    "eyes at mouth": (RIGHT_EYE, MOUTH, LEFT_EYE),
    "eyes at chin": (RIGHT_EYE, CHIN, LEFT_EYE),
    "mouth at nose": ((48,), NOSE_BASE, (54,)),
    "mouth at upper lip": ((48,), (51,), (54,)),
    "mouth at lower lip": ((48,), (57,), (54,)),
    "right mouth corner": ((51,), (48,), (57,)),
    "left mouth corner": ((51,), (54,), (57,)),
    "right jaw": ((0,), (4,), CHIN),
    "left jaw": ((16,), (12,), CHIN),
    "chin": ((6,), CHIN, (10,)),
    "jaw at chin": ((4,), CHIN, (12,)),
}
NAMES = (*DISTANCES, *(f"{a} : {b}" for a, b in RATIOS), *(f"angle {name}" for name in ANGLES))
# Least divisor, in pixels or in distances of the eyes: a blank chip must not give infinity.
_LEAST = 1e-3


def normalised(points: np.ndarray) -> np.ndarray:
    """Move, turn and scale faces so that the eyes' centres lie at (-0.5, 0) and (0.5, 0).

    Parameters
    ----------
    points : ndarray of shape (n, 68, 2)
        x to the right and y down, in pixels.

    Returns
    -------
    ndarray of shape (n, 68, 2), float64
        In distances of the eyes' centres; free of position, size and in-plane rotation.
    """
    points = np.asarray(points, np.float64)
    # As complex numbers, a division by the vector between the eyes both turns and scales.
    z = points[..., 0] + 1j * points[..., 1]
    right, left = z[:, RIGHT_EYE].mean(1), z[:, LEFT_EYE].mean(1)
    between = np.where(abs(left - right) > _LEAST, left - right, 1)
    z = (z - (right + left)[:, None] / 2) / between[:, None]
    return np.stack([z.real, z.imag], -1)


def measure(points: np.ndarray) -> np.ndarray:
    """Measure faces.

    Parameters
    ----------
    points : ndarray of shape (n, 68, 2)
        As in `normalised`.

    Returns
    -------
    ndarray of shape (n, len(NAMES)), float64
        `DISTANCES`, `RATIOS` and `ANGLES`, in this order; unchanged by moving, turning or scaling
        the points.
    """
    points = normalised(points)
    distances = {
        name: np.linalg.norm(_centre(points, a) - _centre(points, b), axis=1)
        for name, (a, b) in DISTANCES.items()
    }
    ratios = [distances[a] / np.maximum(distances[b], _LEAST) for a, b in RATIOS]
    angles = [_angle(*(_centre(points, place) for place in abc)) for abc in ANGLES.values()]
    return np.stack([*distances.values(), *ratios, *angles], 1)


def _centre(points: np.ndarray, place: Place) -> np.ndarray:
    return points[:, place].mean(1)


def _angle(a: np.ndarray, vertex: np.ndarray, b: np.ndarray) -> np.ndarray:
    (ax, ay), (bx, by) = (a - vertex).T, (b - vertex).T
    return np.arctan2(np.abs(ax * by - ay * bx), ax * bx + ay * by)
