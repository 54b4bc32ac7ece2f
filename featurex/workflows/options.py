"""What a Python program says, as the command line has it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from featurex.extraction.face_embedder import FaceEmbedder
from featurex.manifest import Manifest
from featurex.models.options import ModelOptions


def model_options(embedder: FaceEmbedder, **others: Any) -> ModelOptions:
    """Return the options of models on an embedder's backbone, trained on its device.

    Parameters
    ----------
    embedder : FaceEmbedder
    **others : any
        The other attributes of `ModelOptions`.
    """
    file = None if embedder.weights is None else str(embedder.weights)
    return ModelOptions(embedder.backbone, file, device=embedder.device, **others)


def words(given: str | Sequence[str]) -> tuple[str, ...]:
    """Return several words, of which a single one may stand alone."""
    return (given,) if isinstance(given, str) else tuple(given)


def check_data(*data: object) -> None:
    """Raise ValueError where something is no data set, such as the path of one."""
    for given in data:
        if not isinstance(given, Manifest):
            raise ValueError(
                "The data are a Manifest, as featurex.read_dataset('csv', 'labels.csv') returns "
                f"it. Got {type(given).__name__}: {str(given)[:60]!r}."
            )
