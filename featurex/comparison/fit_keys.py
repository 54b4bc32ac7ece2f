"""Names a fit by all that decides what it answers.

In a key are: what the fit gets (ids, labels and subjects of its training rows in their order, the
ids of its test rows, the space of its embeddings or chips); its settings (the model's parameters
and its search space, not the number of processes); and the code (`FITS`, and the versions of what
computes). Not in it are the labels of its test rows, which no fit sees.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from featurex.comparison.face_table import FaceTable
from featurex.digests import digest
from featurex.extraction import spaces
from featurex.models.names import takes_chips
from featurex.models.options import ModelOptions
from pipelines import FitJob

# To be raised by who changes what a fit computes in a way that no parameter shows.
FITS = 3

_BY_ALL = ("featurex", "numpy", "scikit-learn", "scipy")
_BY_ACCELERATOR = {None: (), "intelex": ("scikit-learn-intelex", "daal")}
_BY_NETWORKS = ("torch", "torchvision", "timm", "skorch")
# Where a network's fit writes and tells is no part of what it computes.
_ASIDE = ("checkpoint", "on_epoch", "device", "weights")


def fit_keys(
    faces: FaceTable,
    model: str,
    options: ModelOptions,
    estimator: Any,
    jobs: Sequence[FitJob],
    image_ids: np.ndarray,
) -> list[str]:
    """Return a name for each fit, which two share only if they would give the same answers.

    Parameters
    ----------
    faces : FaceTable
        Where the rows come from.
    model : str
        A single one.
    options : ModelOptions
    estimator : estimator
        Unfitted, as `featurex.models.options.make_estimator` makes it.
    jobs : sequence of FitJob
    image_ids : ndarray of shape (n,), str
        Ids of all rows.

    Returns
    -------
    list of str
        64 hexadecimal digits each.
    """
    shared = _shared(faces, model, options, estimator)
    return [
        digest(shared, job.task, image_ids[job.train], image_ids[job.test], job.y, job.known)
        for job in jobs
    ]


def _shared(faces: FaceTable, model: str, options: ModelOptions, estimator: Any) -> str:
    """Return a digest of what all folds of a model have in common."""
    of_networks = takes_chips(model)
    packages = _BY_ALL + (_BY_NETWORKS if of_networks else _BY_ACCELERATOR[options.accelerate])
    return digest(
        FITS,
        spaces.versions(*packages),
        model,
        _network_recipe(faces, estimator, options) if of_networks else estimator.recipe(),
        _input_space(faces, of_networks),
    )


def _input_space(faces: FaceTable, of_networks: bool) -> str:
    cache = faces.cache
    if of_networks:
        return spaces.chips_space(cache.aligner, cache.backbone).id
    return cache.space.id


def _network_recipe(faces: FaceTable, estimator: Any, options: ModelOptions) -> dict[str, Any]:
    """Return a network's settings; those of the backbone hold the hash of its weights."""
    from featurex.machine.devices import resolve_device

    own = {
        name: value
        for name, value in estimator.get_params(deep=False).items()
        if name not in _ASIDE
    }
    return own | {
        "kind": type(estimator).__name__,
        "backbone": faces.cache.backbone.settings,
        "device": resolve_device(options.device).type,
    }
