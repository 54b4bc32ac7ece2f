"""Measures of a face from dlib's 68 landmarks: geometry in place of a network's features.

The points are fitted to the aligned chip (Kazemi and Sullivan 2014), not to the photo, so that this
is a backbone as any other: nothing is detected again. Fitting starts from a box as the HOG detector
gives it, and in an aligned chip that box is always about the same.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from featurex.backbones.base import Backbone
from featurex.backbones.dlib_import import dlib
from featurex.backbones.dlib_models import LANDMARKS_68, dlib_model
from featurex.backbones.face_measures import N_POINTS, NAMES, measure, normalised
from featurex.exceptions import BackboneError

NAME = "landmarks"
LAYERS = {"measures": len(NAMES), "points": 2 * N_POINTS}
SIZE, PADDING = 150, 0.25
# The HOG detector's box inside such a chip, in pixels: left, top, right, bottom. The median over
# 985 faces of FG-NET.
BOX = (9, 8, 137, 136)
# dlib gives whole pixels, and half a pixel is a tenth of an eye's opening. On a chip whose pixels
# are repeated they are quarters.
ENLARGEMENT = 4
_BOX = dlib.rectangle(*(ENLARGEMENT * side for side in BOX))
NOTICE = (
    "landmarks: dlib's 68-point model was trained on iBUG 300-W, whose licence excludes commercial "
    "use."
)


class LandmarksBackbone(Backbone):
    """dlib's 68 landmarks of a chip, as measures or as points.

    Parameters
    ----------
    layer : {"measures", "points"}
        74 distances, ratios and angles (`featurex.backbones.face_measures`), or x and y of the 68
        points (136 numbers); both in distances of the eyes, without in-plane rotation.
    weights : Path, optional
        Another file of dlib's with 68 points.

    Raises
    ------
    BackboneError
        No such layer.
    """

    name, chip_size, padding = NAME, SIZE, PADDING
    licence, notice = "training data excludes commercial use", NOTICE
    trainable = False

    def __init__(self, layer: str | None = None, weights: Path | None = None) -> None:
        self.layer = layer or next(iter(LAYERS))
        if self.layer not in LAYERS:
            raise BackboneError(
                f"{NAME} has the layers {' and '.join(LAYERS)}; there is no layer {self.layer!r}."
            )
        self._weights = weights

    @property
    def weights_file(self) -> Path:
        """The ``.dat`` file of dlib."""
        return self._weights or dlib_model(LANDMARKS_68)

    @property
    def preprocessing(self) -> dict[str, Any]:
        """The box that fitting starts from, and the version of what is measured."""
        return {"box": list(BOX), "enlargement": ENLARGEMENT, "version": 1}

    def build(self) -> nn.Module:
        """Load dlib's model."""
        return _Landmarks(self.weights_file, self.layer).eval()


class _Landmarks(nn.Module):
    """A module, so that whatever runs a network runs it too; its work is dlib's, on the CPU."""

    def __init__(self, file: Path, layer: str) -> None:
        super().__init__()
        self._predictor = _load(file)
        self._layer = layer

    def forward(self, chips: Tensor) -> Tensor:
        images = chips.permute(0, 2, 3, 1).to("cpu", torch.uint8).numpy()
        points = np.array([fit_points(self._predictor, image) for image in images])
        rows = measure(points) if self._layer == "measures" else normalised(points)
        return torch.from_numpy(rows).flatten(1).to(chips.device, torch.float32)


def fit_points(predictor: Any, chip: np.ndarray) -> np.ndarray:
    """Fit 68 landmarks to a chip.

    Parameters
    ----------
    predictor : dlib.shape_predictor
    chip : ndarray of shape (150, 150, 3), uint8

    Returns
    -------
    ndarray of shape (68, 2), float64
        x and y in pixels of the chip, in quarters.
    """
    enlarged = np.ascontiguousarray(chip.repeat(ENLARGEMENT, 0).repeat(ENLARGEMENT, 1))
    shape = predictor(enlarged, _BOX)
    points = np.array([(point.x, point.y) for point in shape.parts()], np.float64)
    return (points + 0.5) / ENLARGEMENT - 0.5  # centres of pixels


def _load(file: Path) -> Any:
    try:
        predictor = dlib.shape_predictor(str(file))
        n_points = predictor(np.zeros((SIZE, SIZE), np.uint8), _BOX).num_parts
    except (RuntimeError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise BackboneError(f"{file} is no landmark model of dlib: {reason}") from error
    if n_points != N_POINTS:
        raise BackboneError(f"{file} fits {n_points} landmarks, not {N_POINTS}.")
    return predictor
