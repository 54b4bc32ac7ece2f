"""The cache of a folder, opened for backbones that are named."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from featurex.backbones import get_backbone
from featurex.detectors import DEFAULT_DETECTOR
from featurex.extraction.embedding_options import EmbeddingOptions
from featurex.extraction.face_cache import FaceCache


def open_caches(
    root: str | Path,
    backbones: Sequence[str],
    weights: str | Path | None = None,
    device: str = "auto",
    *,
    detector: str = DEFAULT_DETECTOR,
    precision: str = "float32",
    mirror: bool = False,
) -> list[FaceCache]:
    """Open a cache for several backbones; a wrong word makes no folder.

    Parameters
    ----------
    root : path-like
        The cache's folder; made where it is missing.
    backbones : sequence of str
        As `featurex.get_backbone` takes them.
    weights : path-like, optional
        File with the weights of them all.
    device : str
        As `featurex.machine.devices.resolve_device` takes it.
    detector, precision, mirror
        As `featurex.FaceEmbedder` takes them.

    Raises
    ------
    ValueError
        An unknown detector, precision or device.
    BackboneError, DeviceError
        There is no such backbone, or the device is not there.
    CacheError
        The cache can't be opened.
    """
    if device not in ("auto", "cpu"):  # these are there, and need no torch to be found
        from featurex.machine.devices import resolve_device

        resolve_device(device)  # a missing GPU is an error also where nothing is left to do
    found = [get_backbone(name, weights) for name in backbones]
    options = EmbeddingOptions(precision, mirror)
    return [
        FaceCache(root, backbone, detector=detector, device=device, options=options)
        for backbone in found
    ]
