"""What decides a model, from what a Python program says."""

from __future__ import annotations

from typing import Any

from featurex.extraction.face_embedder import FaceEmbedder
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
