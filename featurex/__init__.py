"""Age group and gender from face photos.

Photos become aligned faces (dlib), faces become embeddings (a frozen CNN, cached in HDF5),
embeddings become scikit-learn models, and these are compared honestly with CNNs trained end to
end. Importing featurex loads neither torch nor dlib.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from featurex._version import __version__

# Public name -> the module that defines it; imported when it is first used.
_PUBLIC = {
    "AGE_GROUPS": "featurex.labels",
    "BackboneError": "featurex.exceptions",
    "DatasetError": "featurex.exceptions",
    "DeviceError": "featurex.exceptions",
    "Explainer": "featurex.explanation.explainer",
    "FaceAligner": "featurex.faces.aligner",
    "FaceCache": "featurex.extraction.face_cache",
    "FaceEmbedder": "featurex.extraction.face_embedder",
    "FacePrediction": "featurex.prediction.face_predictions",
    "FeaturexError": "featurex.exceptions",
    "GENDERS": "featurex.labels",
    "Manifest": "featurex.manifest",
    "ModelError": "featurex.exceptions",
    "NetworkClassifier": "featurex.models.finetuning",
    "NetworkRegressor": "featurex.models.finetuning",
    "Photo": "featurex.extraction.alignment",
    "PhotoError": "featurex.exceptions",
    "PhotoFaces": "featurex.prediction.face_predictions",
    "Predictor": "featurex.prediction.predictor",
    "RunError": "featurex.exceptions",
    "TrainingSettings": "featurex.training.settings",
    "extract": "featurex.extraction.extracting",
    "get_backbone": "featurex.backbones",
    "read_dataset": "featurex.datasets",
}

__all__ = ["__version__", *_PUBLIC]


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module 'featurex' has no attribute {name!r}")
    return getattr(import_module(_PUBLIC[name]), "read" if name == "read_dataset" else name)


def __dir__() -> list[str]:
    return sorted(__all__)
