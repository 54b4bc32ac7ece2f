"""Maps of one face chip: where a model's answer depends on it.

A map shows where, not why: which places the answer hangs on, not what the model sees there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

METHODS = ("attention", "grad-cam", "occlusion")
# The patch of an occlusion: its grey level; its default side as a share of the chip's, about an
# eye with its brow; and how many of its steps make up that side.
GREY, PATCH_SHARE, STEPS_A_PATCH = 128, 0.2, 3
# Beyond 1 in 10,000 a model's probability is not calibrated, and a forest's is 0 or 1.
SMALLEST_PROBABILITY = 1e-4
# Changes below this are rounding: a chip's numbers differ in the last digits between batches.
SMALLEST_CHANGE = 1e-3
LOG_ODDS, YEARS, RELATIVE = "log2 odds", "years", "relative"

Box = tuple[int, int, int, int]


@dataclass(frozen=True, eq=False)
class Explanation:
    """One map of one chip for one answer.

    Attributes
    ----------
    method : {"attention", "grad-cam", "occlusion"}
    values : ndarray of shape (h, w), float32
        One number a pixel of the chip, in `unit`.
    unit : {"log2 odds", "years", "relative"}
        An occlusion's values are signed: by how much the answer's odds (in doublings) or the years
        are higher with the place than without it. The others' are relative, from 0 at the face's
        weakest place to 1 at its strongest.
    box : tuple of int or None
        Left, top, right, bottom of the strongest place, in pixels of the chip; None where the map
        is flat.
    change : float or None
        What covering just this box takes from the answer, in `unit`; None without an occlusion.
    """

    method: str
    values: np.ndarray
    unit: str
    box: Box | None
    change: float | None = None


def occlusion(
    score: Callable[[np.ndarray], np.ndarray],
    chip: np.ndarray,
    units: Sequence[str],
    *,
    patch: int | None = None,
    stride: int | None = None,
    batch_size: int = 64,
) -> list[Explanation]:
    """Slide a grey patch over a chip and note how far the answers move.

    Zeiler and Fergus 2014, "Visualizing and understanding convolutional networks", section 4.2. A
    pixel's value is the mean over the patches that cover it. It needs answers only, so it serves
    every model: a network, a scikit-learn model behind a frozen backbone, or an average of both.

    Parameters
    ----------
    score : callable
        Maps chips ``(n, h, w, 3)`` uint8 to scores ``(n, n_scores)``: years, or the log odds of a
        class (see `log_odds`).
    chip : ndarray of shape (h, w, 3), uint8
    units : sequence of str, length n_scores
        `LOG_ODDS` or `YEARS`.
    patch : int, optional
        Side of the patch in pixels; by default a fifth of the chip's.
    stride : int, optional
        Largest distance of two patches in pixels; by default a third of the patch.
    batch_size : int
        Chips in one call of `score`; it does not change the map.

    Returns
    -------
    list of Explanation
        One a score. Values are positive where covering lowers the score.

    Raises
    ------
    ValueError
        A patch that the chip has no room for, or a stride that leaves gaps.
    """
    side = min(chip.shape[:2])
    patch = max(1, round(PATCH_SHARE * side)) if patch is None else patch
    stride = -(-patch // STEPS_A_PATCH) if stride is None else stride
    check_patch(patch, side)
    if not 1 <= stride <= patch:
        raise ValueError(f"The stride must be from 1 to the patch's {patch} pixels. Got {stride}.")
    corners = _corners(chip.shape[0], chip.shape[1], patch, stride)
    parts = [corners[i : i + batch_size] for i in range(0, len(corners), batch_size)]
    covered = np.concatenate([score(_cover(chip, part, patch)) for part in parts])
    changes = score(chip[None])[0] - covered
    return [
        _occlusion_map(changes[:, i], corners, patch, chip.shape[:2], unit)
        for i, unit in enumerate(units)
    ]


def check_patch(patch: int, side: int) -> None:
    """Raise ValueError where a chip of a side has no room for a patch.

    Parameters
    ----------
    patch, side : int
        Pixels.
    """
    if not 1 <= patch <= side:
        raise ValueError(
            f"The patch must be from 1 to {side} pixels, the side of the model's face chip. "
            f"Got {patch}."
        )


def log_odds(probability: np.ndarray) -> np.ndarray:
    """Return log2(p / (1 - p)): 1 more is twice the odds.

    Parameters
    ----------
    probability : ndarray of float
        Clipped to 1 in 10,000 from either end.

    Returns
    -------
    ndarray of float64

    Examples
    --------
    >>> log_odds(np.array([0.5, 0.8]))
    array([0., 2.])
    """
    p = np.clip(np.asarray(probability, np.float64), SMALLEST_PROBABILITY, 1 - SMALLEST_PROBABILITY)
    return np.log2(p / (1 - p))


def relative_map(
    places: np.ndarray, size: tuple[int, int], method: str, seen: float = 1.0
) -> Explanation:
    """Turn a network's coarse map into one of the chip's pixels, from 0 to 1.

    Parameters
    ----------
    places : ndarray of shape (rows, columns), float
        One number a place of a network's layer.
    size : tuple of int
        Height and width of the chip in pixels.
    method : str
    seen : float
        The share of the chip's sides that the network saw, in its middle; around it the map is 0.

    Returns
    -------
    Explanation
        Interpolated linearly; its box is the strongest place's share of the chip.

    Raises
    ------
    ValueError
        Not a map, or numbers that are not finite.
    """
    places = np.asarray(places, np.float64)
    if places.ndim != 2 or not places.size or not np.isfinite(places).all():
        raise ValueError(
            f"A map of {method} must be finite numbers of shape (rows, columns). Got an array of "
            f"shape {places.shape}."
        )
    values = np.zeros(size, np.float32)
    spread = np.ptp(places)
    if spread <= 1e-6 * np.abs(places).max():
        return Explanation(method, values, RELATIVE, None)
    scaled = ((places - places.min()) / spread).astype(np.float32)
    height, width = (max(1, round(seen * side)) for side in size)
    top, left = (size[0] - height) // 2, (size[1] - width) // 2
    image = Image.fromarray(scaled).resize((width, height), Image.Resampling.BILINEAR)
    values[top : top + height, left : left + width] = np.asarray(image)
    x, y, right, bottom = _cell(scaled, (height, width))
    return Explanation(method, values, RELATIVE, (left + x, top + y, left + right, top + bottom))


def _corners(height: int, width: int, patch: int, stride: int) -> np.ndarray:
    """Return top and left of every patch, from edge to edge, ``(n, 2)``."""
    tops, lefts = (
        np.rint(np.linspace(0, room, -(-room // stride) + 1)).astype(int)
        for room in (height - patch, width - patch)
    )
    return np.stack(np.meshgrid(tops, lefts, indexing="ij"), -1).reshape(-1, 2)


def _cover(chip: np.ndarray, corners: np.ndarray, patch: int) -> np.ndarray:
    chips = np.repeat(chip[None], len(corners), 0)
    for covered, (top, left) in zip(chips, corners, strict=True):
        covered[top : top + patch, left : left + patch] = GREY
    return chips


def _occlusion_map(
    changes: np.ndarray, corners: np.ndarray, patch: int, size: tuple[int, int], unit: str
) -> Explanation:
    total, count = np.zeros(size), np.zeros(size)
    for change, (top, left) in zip(changes, corners, strict=True):
        area = np.s_[top : top + patch, left : left + patch]
        total[area] += change
        count[area] += 1
    strongest = int(np.abs(changes).argmax())
    box, change = None, float(changes[strongest])
    if abs(change) >= SMALLEST_CHANGE:
        top, left = corners[strongest].tolist()
        box = (left, top, left + patch, top + patch)
    return Explanation("occlusion", (total / count).astype(np.float32), unit, box, change)


def _cell(places: np.ndarray, size: tuple[int, int]) -> Box:
    row, column = np.unravel_index(int(places.argmax()), places.shape)
    down, across = size[0] / places.shape[0], size[1] / places.shape[1]
    edges = (column * across, row * down, (column + 1) * across, (row + 1) * down)
    left, top, right, bottom = (round(float(edge)) for edge in edges)
    return left, top, right, bottom
