"""Age group and gender from face photos.

Photos become aligned faces (dlib), faces become embeddings (a frozen CNN, cached in HDF5),
embeddings become scikit-learn models, and these are compared honestly with CNNs trained end to
end. Importing featurex loads neither torch nor dlib.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from featurex._version import __version__ as __version__

if TYPE_CHECKING:  # a checker doesn't know what __getattr__ gives; "as" makes a name public to it
    from cache.errors import CacheError as CacheError
    from featurex.backbones import get_backbone as get_backbone
    from featurex.datasets.reading import read_dataset as read_dataset
    from featurex.exceptions import BackboneError as BackboneError
    from featurex.exceptions import DatasetError as DatasetError
    from featurex.exceptions import DeviceError as DeviceError
    from featurex.exceptions import FeaturexError as FeaturexError
    from featurex.exceptions import ModelError as ModelError
    from featurex.exceptions import PhotoError as PhotoError
    from featurex.exceptions import RunError as RunError
    from featurex.explanation.explainer import Explainer as Explainer
    from featurex.extraction.alignment import Photo as Photo
    from featurex.extraction.extracting import extract as extract
    from featurex.extraction.face_cache import FaceCache as FaceCache
    from featurex.extraction.face_embedder import FaceEmbedder as FaceEmbedder
    from featurex.faces.aligner import FaceAligner as FaceAligner
    from featurex.labels import AGE_GROUPS as AGE_GROUPS
    from featurex.labels import GENDERS as GENDERS
    from featurex.manifest import Manifest as Manifest
    from featurex.models.finetuning import NetworkClassifier as NetworkClassifier
    from featurex.models.finetuning import NetworkRegressor as NetworkRegressor
    from featurex.prediction.face_predictions import FacePrediction as FacePrediction
    from featurex.prediction.face_predictions import PhotoFaces as PhotoFaces
    from featurex.prediction.predictor import Predictor as Predictor
    from featurex.training.settings import TrainingSettings as TrainingSettings
    from featurex.workflows.comparing import compare as compare
    from featurex.workflows.fitting import fit as fit
    from pipelines.errors import PipelineError as PipelineError

# Public name -> the module that defines it; imported when it is first used.
_PUBLIC = {
    "AGE_GROUPS": "featurex.labels",
    "BackboneError": "featurex.exceptions",
    "CacheError": "cache.errors",
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
    "PipelineError": "pipelines.errors",
    "Predictor": "featurex.prediction.predictor",
    "RunError": "featurex.exceptions",
    "TrainingSettings": "featurex.training.settings",
    "compare": "featurex.workflows.comparing",
    "extract": "featurex.extraction.extracting",
    "fit": "featurex.workflows.fitting",
    "get_backbone": "featurex.backbones",
    "read_dataset": "featurex.datasets.reading",
}

__all__ = ["__version__", *_PUBLIC]


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module 'featurex' has no attribute {name!r}")
    return getattr(import_module(_PUBLIC[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
