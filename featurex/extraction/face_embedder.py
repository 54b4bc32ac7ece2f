"""The frozen backbone as a scikit-learn transformer: photos to embeddings, through the cache."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import Tags

from featurex.detectors import DEFAULT_DETECTOR
from featurex.exceptions import DatasetError
from featurex.extraction.alignment import Photo
from featurex.extraction.extracting import extract
from featurex.extraction.face_cache import FaceCache
from featurex.extraction.opening import open_caches
from featurex.photos.hashing import hash_files
from featurex.photos.images import read_reason
from featurex.photos.opening import check_several

MISSING = ("error", "nan")
_EXAMPLES = 3
NO_FACE = "no face found"


class FaceEmbedder(TransformerMixin, BaseEstimator):
    """Turns photos into the embeddings of their central faces.

    It has nothing to learn: `fit` only checks the parameters. What is in the cache is not done
    again, so that cross-validation over a pipeline embeds every photo once. Photos are known by
    their content: a file that was moved is still in the cache, one that was changed is not.

    Parameters
    ----------
    backbone : str, default="dlib-resnet"
        As `featurex.get_backbone` takes it.
    cache : path-like, default="face-cache"
        The cache's folder, made where it is missing; the one of the command line by default.
    weights : path-like, optional
        File with the backbone's weights.
    detector : {"dlib-hog", "dlib-cnn", "hog+cnn"}, default="hog+cnn"
        What finds faces.
    precision : {"float32", "bfloat16", "float16"}, default="float32"
        Of the backbone; embeddings are float32 in any case.
    mirror : bool, default=False
        Whether to take the mean of a face's embedding and its mirror image's.
    device : str, default="auto"
        Where the backbone runs, as `featurex.machine.devices.resolve_device` takes it.
    missing : {"error", "nan"}, default="error"
        What becomes of a photo without a face, or that can't be read: a `DatasetError` after all
        others are in the cache, or a row of NaN.

    Examples
    --------
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.svm import SVC
    >>> model = make_pipeline(FaceEmbedder("dlib-resnet"), SVC())
    >>> model[0].missing
    'error'
    """

    def __init__(
        self,
        backbone: str = "dlib-resnet",
        *,
        cache: str | os.PathLike[str] = "face-cache",
        weights: str | os.PathLike[str] | None = None,
        detector: str = DEFAULT_DETECTOR,
        precision: str = "float32",
        mirror: bool = False,
        device: str = "auto",
        missing: str = "error",
    ) -> None:
        self.backbone = backbone
        self.cache = cache
        self.weights = weights
        self.detector = detector
        self.precision = precision
        self.mirror = mirror
        self.device = device
        self.missing = missing

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_opened"}

    def fit(self, X: ArrayLike, y: ArrayLike | None = None) -> Self:
        """Check the parameters; no photo is read.

        Parameters
        ----------
        X : array-like of shape (n,)
            Paths of photos.
        y : ignored

        Returns
        -------
        FaceEmbedder
            Itself.

        Raises
        ------
        ValueError
            A parameter or `X` is not as described.
        BackboneError, DeviceError
            There is no such backbone, or the device is not there.
        """
        _paths(X)
        self.open()
        return self

    def transform(self, X: ArrayLike) -> np.ndarray:
        """Return the photos' embeddings; make those that are not in the cache.

        Parameters
        ----------
        X : array-like of shape (n,)
            Paths of photos, str or path-like.

        Returns
        -------
        ndarray of shape (n, n_features), float32
            In the order of `X`; rows of NaN for photos without a face under ``missing="nan"``.

        Raises
        ------
        DatasetError
            A photo has no face or can't be read, under ``missing="error"``. All others are in the
            cache by then.
        ValueError, BackboneError, DeviceError
            As for `fit`.
        CacheError
            The cache can't be written, or is damaged.
        """
        paths, cache = _paths(X), self.open()
        ids, reasons = _embed(paths, cache)
        if reasons and self.missing == "error":
            raise DatasetError(_complaint(paths, reasons))
        rows = [row for row in range(len(paths)) if row not in reasons]
        embeddings = np.full((len(paths), _n_features(cache)), np.nan, np.float32)
        if rows:
            embeddings[rows] = cache.embedding_column([ids[row] for row in rows])[:]
        return embeddings

    def has_face(self, X: ArrayLike) -> np.ndarray:
        """Tell which photos have an embedding; the others have no face or can't be read.

        ``X[has_face]`` and ``y[has_face]`` are what a pipeline can be fitted on.

        Parameters
        ----------
        X : array-like of shape (n,)
            Paths of photos. Those that are not in the cache are embedded.

        Returns
        -------
        ndarray of shape (n,), bool
        """
        paths = _paths(X)
        _, reasons = _embed(paths, self.open())
        return np.array([row not in reasons for row in range(len(paths))], dtype=bool)

    def get_feature_names_out(self, input_features: ArrayLike | None = None) -> np.ndarray:
        """Return a name for each number of an embedding: the backbone's, the layer's, its place.

        Parameters
        ----------
        input_features : ignored

        Returns
        -------
        ndarray of shape (n_features,), object
        """
        cache = self.open()
        names = [f"{cache.label}[{number}]" for number in range(_n_features(cache))]
        return np.array(names, dtype=object)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.requires_fit = False
        tags.input_tags.one_d_array, tags.input_tags.two_d_array = True, False
        tags.input_tags.string = True
        return tags

    def open(self) -> FaceCache:
        """Open the cache of its embeddings.

        Once: a call may be for one photo of many. `featurex.extract` sees what is new.

        Raises
        ------
        ValueError, BackboneError, DeviceError
            As for `fit`.
        """
        chosen = self.get_params(deep=False)
        before, cache = vars(self).get("_opened", (None, None))
        if cache is None or before != chosen or not cache.is_there:
            cache = self._open_anew()
            self._opened = chosen, cache
        return cache

    def _open_anew(self) -> FaceCache:
        if self.missing not in MISSING:
            raise ValueError(
                f"The 'missing' parameter of FaceEmbedder must be 'error' or 'nan'. Got "
                f"{self.missing!r}."
            )
        words = {name: getattr(self, name) for name in ("detector", "precision", "mirror")}
        weights = None if self.weights is None else Path(self.weights)
        return open_caches(Path(self.cache), [self.backbone], weights, self.device, **words)[0]


def _paths(X: Any) -> list[str]:
    """Return the paths as text."""
    if getattr(X, "ndim", 1) != 1:
        raise ValueError(
            f"FaceEmbedder takes paths in one dimension. Got an array of shape {np.shape(X)}."
        )
    check_several(X, "path")
    items = list(X)
    for row, item in enumerate(items):
        if not isinstance(item, str | os.PathLike):
            raise ValueError(
                f"FaceEmbedder takes paths of photos. Got {type(item).__name__} in row {row}."
            )
    return [os.fspath(item) for item in items]


def _embed(paths: Sequence[str], cache: FaceCache) -> tuple[list[str], dict[int, str]]:
    """Embed photos; return their ids, and by row why there is no embedding."""
    hashes = hash_files(paths)
    reasons = {
        row: read_reason(found) for row, found in enumerate(hashes) if isinstance(found, OSError)
    }
    ids = ["" if isinstance(found, OSError) else found for found in hashes]
    known = [row for row in range(len(paths)) if row not in reasons]
    report = extract([Photo(ids[row], paths[row]) for row in known], cache, complete=False)
    why = {path: reason for reason, names in report.unusable.items() for path in names}
    unusable = {ids[row]: why[paths[row]] for row in known if paths[row] in why}
    embedded: Sequence[bool] = []
    if known:
        embedded = cache.embeddings.contains([ids[row] for row in known]).tolist()
    for row, there in zip(known, embedded, strict=True):
        if not there:  # a photo that occurs twice is reported once, under one of its paths
            reasons[row] = unusable.get(ids[row], NO_FACE)
    return ids, reasons


def _complaint(paths: Sequence[str], reasons: dict[int, str]) -> str:
    counts = ", ".join(f"{n} {reason}" for reason, n in Counter(reasons.values()).most_common())
    names = ", ".join(paths[row] for row in sorted(reasons)[:_EXAMPLES])
    more = ", …" if len(reasons) > _EXAMPLES else ""
    return (
        f"{len(reasons)} of {len(paths)} photos have no embedding ({counts}): {names}{more}. "
        "Leave out those that has_face(paths) is False for, or ask for rows of NaN with "
        "missing='nan'."
    )


def _n_features(cache: FaceCache) -> int:
    return int(cache.embeddings.columns[0].shape[0])
