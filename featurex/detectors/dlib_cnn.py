"""dlib's CNN detector, run in torch: slower than HOG, and it finds turned and blurred faces too."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import nullcontext
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from featurex.backbones.base import file_sha256
from featurex.backbones.dlib_models import FACE_CNN, dlib_model
from featurex.detectors.base import Detection, Detector

if TYPE_CHECKING:
    import torch

    from featurex.detectors.mmod import MmodNetwork, MmodOptions

# Images of one size in one forward pass: what the first convolution keeps grows with it.
BATCH_PIXELS = 4 * 2**20


class CnnDetector(Detector):
    """dlib's ``cnn_face_detection_model_v1`` (King 2015), from 80 pixels: the same boxes.

    Parameters
    ----------
    device : str
        As `featurex.machine.devices.resolve_device` takes it.
    """

    ladder = (256, 512)

    def __init__(self, device: str = "auto") -> None:
        self.device = device
        self._lock = threading.Lock()

    def __reduce__(self) -> tuple[Any, ...]:
        return CnnDetector, (self.device,)  # who gets it loads the network itself

    @cached_property
    def settings(self) -> dict[str, Any]:
        """The ladder, and which weights."""
        weights = file_sha256(dlib_model(FACE_CNN))
        return {"ladder": list(self.ladder), "weights_sha256": weights}

    def detect(self, image: np.ndarray) -> list[Detection]:
        """Find every face of an image."""
        return self.detect_batch([image])[0]

    def detect_batch(self, images: Sequence[np.ndarray]) -> list[list[Detection]]:
        """Find every face of several images; those of one size share forward passes.

        Parameters
        ----------
        images : sequence of ndarray of shape (height, width, 3), uint8
            RGB, of any sizes.

        Returns
        -------
        list of list of Detection
            In the order of `images`; the surest face first.
        """
        by_shape: dict[tuple[int, ...], list[int]] = {}
        for index, image in enumerate(images):
            by_shape.setdefault(image.shape, []).append(index)
        found: dict[int, list[Detection]] = {}
        for shape, indices in by_shape.items():
            n_rows = max(1, BATCH_PIXELS // (shape[0] * shape[1]))
            for start in range(0, len(indices), n_rows):
                part = indices[start : start + n_rows]
                found.update(zip(part, self._same_size([images[i] for i in part]), strict=True))
        return [found[index] for index in range(len(images))]

    def _same_size(self, images: Sequence[np.ndarray]) -> list[list[Detection]]:
        from featurex.detectors.mmod import MIN_SIDE, OFFSET, STRIDE, layout

        height, width, _ = images[0].shape
        pyramid = layout(width, height)
        if min(pyramid.width, pyramid.height) < MIN_SIDE:
            return [[] for _ in images]
        options, scores = self._scores(np.stack(images))
        detections = []
        for map_ in scores:
            rows, columns = np.nonzero(map_ > 0)
            order = np.argsort(-map_[rows, columns], kind="stable")
            centres = np.stack([columns, rows], 1)[order] * STRIDE + OFFSET
            boxes = pyramid.boxes(centres.astype(float), options.window)
            kept = suppressed(boxes, options.max_iou, options.max_covered)
            sure = map_[rows, columns][order]
            detections.append([Detection(boxes[i], float(sure[i])) for i in kept])
        return detections

    def _scores(self, images: np.ndarray) -> tuple[MmodOptions, np.ndarray]:
        import torch

        with self._lock:
            network, device = self._loaded
        # One image at a time takes all cores, unless each thread keeps to one; several at once
        # would fight for them. The flag is the whole process's.
        alone = device.type != "cpu" or torch.get_num_threads() > 1
        with self._lock if alone else nullcontext(), torch.inference_mode():
            batch = torch.from_numpy(images).to(device).permute(0, 3, 1, 2)
            with (
                torch.backends.cudnn.flags(enabled=True, allow_tf32=False)
                if alone
                else nullcontext()
            ):
                return network.options, network(batch.float()).cpu().numpy()

    @cached_property
    def _loaded(self) -> tuple[MmodNetwork, torch.device]:
        import torch

        from featurex.detectors.mmod import load_mmod
        from featurex.machine.devices import resolve_device

        device = resolve_device(self.device)
        network = load_mmod(dlib_model(FACE_CNN)).to(device)
        return network.to(memory_format=torch.channels_last), device  # type: ignore[call-overload]


def suppressed(boxes: np.ndarray, max_iou: float, max_covered: float) -> list[int]:
    """Drop boxes that overlap a surer one too much, as dlib's ``test_box_overlap`` says.

    Parameters
    ----------
    boxes : ndarray of shape (n, 4), int
        Left, top, right, bottom (inclusive); the surest first.
    max_iou : float
        Largest share that two boxes may have in common of the smallest box around both.
    max_covered : float
        Largest share of either box that may be inside the other.

    Returns
    -------
    list of int
        The rows kept.
    """
    kept: list[int] = []
    for row, box in enumerate(boxes):
        others = boxes[kept]
        inner = _area(np.maximum(others[:, :2], box[:2]), np.minimum(others[:, 2:], box[2:]))
        outer = _area(np.minimum(others[:, :2], box[:2]), np.maximum(others[:, 2:], box[2:]))
        smaller = np.minimum(_area(others[:, :2], others[:, 2:]), _area(box[:2], box[2:]))
        if not ((inner > max_iou * outer) | (inner > max_covered * smaller)).any():
            kept.append(row)
    return kept


def _area(first: np.ndarray, last: np.ndarray) -> np.ndarray:
    return np.maximum(last - first + 1, 0).prod(-1)
