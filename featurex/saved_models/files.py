"""Model files: scikit-learn models as skops, networks as safetensors; no pickle in either.

Both hold one estimator a task, and metadata that says which backbone and aligner belong to them. An
average is one file that holds those of its parts (`featurex.saved_models.fused_files`).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from featurex.backbones.network_files import (
    MAX_BYTES,
    fits,
    prefix_of,
    read_header,
    trunk_name,
    write_networks,
)
from featurex.exceptions import BackboneError, ModelError
from featurex.files import open_regular
from featurex.models.averages import average_models, parts_of_average
from featurex.saved_models import age_bounds, fused_files, rejection
from featurex.tasks import find_task
from pipelines import ModelFileError, persistence

# What reading a network from a crafted file can raise.
_DAMAGE = (BackboneError, KeyError, TypeError, ValueError, AttributeError, RuntimeError)
# What the metadata of every model file must hold for a prediction, and of which type.
_METADATA = {
    "input": str,
    "aligner": dict,
    "embedding": {"precision": str, "mirror": bool},
    "backbone": {"name": str, "chip_size": int, "padding": int | float, "settings": dict},
    "notes": [str],
    "training": dict,
}
_NETWORK = {"network": str, "heads": dict, "classes": [str]}
_TRAINING = {"inner_mean_absolute_error_years": int | float | None}


def save_model(
    path: str | Path, estimators: Mapping[str, Any], metadata: Mapping[str, Any]
) -> None:
    """Write fitted estimators to one file, complete or not at all.

    Parameters
    ----------
    path : path-like
        Its folder must exist.
    estimators : mapping of str to estimator
        By task: all tuned scikit-learn models, all fine-tuned networks, or all averages.
    metadata : mapping of str to JSON value

    Raises
    ------
    ModelError
        The file can't be written.
    """
    try:
        _save(Path(path), estimators, metadata)
    except OSError as error:
        raise ModelError(f"Can't write the model file {path}: {error.strerror}.") from error


def load_model(path: str | Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Read a model file safely.

    Returns
    -------
    estimators : dict of str to estimator
        By task; each with `predict`, and `predict_proba` and `classes_` for classes. Those of an
        average are `featurex.models.averages.Average`.
    metadata : dict

    Raises
    ------
    ModelError
        The file is missing, damaged, too large, or not one of ours.
    """
    path = Path(path)
    try:
        if fused_files.is_fused(path):
            return _load_average(path)
        with open_regular(path, MAX_BYTES) as file:
            is_zip = file.read(4) == b"PK\x03\x04"
        estimators, metadata = persistence.load(path) if is_zip else _load_networks(path)
    except OSError as error:
        raise ModelError(f"Can't read the model file {path}: {error.strerror}.") from error
    except ModelFileError as error:
        raise ModelError(str(error)) from error
    kind = "embeddings" if is_zip else "chips"
    known = _is_complete(metadata, estimators, kind)
    if not known or not all(_predicts(e, task) for task, e in estimators.items()):
        raise ModelError(f"{path} is not a model of faces, or of another version of featurex.")
    if not rejection.is_sound(metadata):
        raise ModelError(
            f"{path} is damaged: its thresholds for the answer 'undefined' are not probabilities."
        )
    if not age_bounds.is_sound(metadata):
        raise ModelError(f"{path} is damaged: its intervals of ages are none.")
    return estimators, metadata


def _save(path: Path, estimators: Mapping[str, Any], metadata: Mapping[str, Any]) -> None:
    if "parts" in metadata:
        _save_average(path, estimators, metadata)
    elif metadata["input"] == "chips":
        _save_networks(path, estimators, metadata)
    else:
        plain = {task: tuned.estimator_ for task, tuned in estimators.items()}
        persistence.save(path, plain, metadata)


def _save_average(path: Path, averages: Mapping[str, Any], metadata: Mapping[str, Any]) -> None:
    with TemporaryDirectory(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent) as folder:
        parts: list[Path] = []
        for estimators, said in parts_of_average(averages, metadata):
            parts.append(Path(folder) / str(len(parts)))
            _save(parts[-1], estimators, said)
        fused_files.pack(path, parts)


def _load_average(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    # Networks stay mapped to their files, which POSIX keeps so long and Windows does not delete.
    with TemporaryDirectory(prefix="featurex-", ignore_cleanup_errors=True) as folder:
        try:
            parts = fused_files.unpack(path, Path(folder))
            if any(map(fused_files.is_fused, parts)):
                raise ModelError("an average can't hold another average.")
            return average_models([load_model(part) for part in parts])
        except ModelError as error:
            reason = str(error).replace(f"{folder}{os.sep}", "")  # of which nobody has heard
            named = reason.startswith(str(path))
            raise ModelError(reason if named else f"{path}: {reason}") from error


def _is_complete(metadata: dict[str, Any], estimators: Mapping[str, Any], kind: str) -> bool:
    return (
        fits(metadata, _METADATA)
        and metadata["input"] == kind
        and set(metadata["training"]) == set(estimators)
        and fits(list(metadata["training"].values()), [_TRAINING])
    )


def _predicts(estimator: Any, name: str) -> bool:
    """Tell whether an estimator predicts years, or probabilities of classes that the task has."""
    names = np.asarray(getattr(estimator, "classes_", []))
    try:
        task = find_task(name, names.astype(str).tolist())
    except (TypeError, ValueError):
        return False
    if task.classes is None:
        return hasattr(estimator, "predict")
    return names.ndim == 1 and len(names) > 0 and hasattr(estimator, "predict_proba")


def _save_networks(path: Path, networks: Mapping[str, Any], metadata: Mapping[str, Any]) -> None:
    described = {task: _description(estimator) for task, estimator in networks.items()}
    write_networks(
        path,
        {task: estimator.network_.state_dict() for task, estimator in networks.items()},
        {task: e.seen_faces_ for task, e in networks.items() if hasattr(e, "seen_faces_")},
        dict(metadata) | {"networks": described},
    )


def _load_networks(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    from featurex.saved_models.restoring import share_networks

    metadata = read_header(path)
    try:
        tensors = load_file(path)
        networks = {
            task: _network(task, description, tensors, metadata)
            for task, description in metadata["networks"].items()
        }
        share_networks(networks.values())
        return networks, metadata
    except (SafetensorError, *_DAMAGE) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ModelError(f"{path} is a damaged network file: {reason}") from error


def _description(estimator: Any) -> dict[str, Any]:
    """Say what a network is rebuilt from, and how it was trained."""
    settings = estimator.settings
    return {
        "network": estimator.network,
        "heads": estimator.network_.heads,
        "classes": getattr(estimator, "classes_", np.array([])).tolist(),
        "age_answer": estimator.head_.answer,
        "settings": None if settings is None else asdict(settings),
    }


def _network(task: str, description: dict[str, Any], tensors: dict[str, Any], metadata: Any) -> Any:
    from featurex.saved_models.restoring import restore

    if not fits(description, _NETWORK):
        raise ValueError(f"the network of {task!r} is not described")
    prefix = prefix_of(task, metadata)
    state = {name[len(prefix) :]: t for name, t in tensors.items() if name.startswith(prefix)}
    return restore(
        description["network"],
        trunk_name(metadata["backbone"]),
        task,
        description["heads"],
        description["classes"],
        state,
        description.get("age_answer", "mean"),  # files from before there was another one lack it
    )
