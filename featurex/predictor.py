"""Predicts age group, age and gender of every face in a photo."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from featurex.averages import Average
from featurex.backbones import Backbone, named_backbone
from featurex.core_workers import core_workers, map_ahead
from featurex.embedding_options import EmbeddingOptions
from featurex.exceptions import ModelError, PhotoError
from featurex.face_predictions import PhotoFaces, add_classes, make_prediction
from featurex.faces import Face, FaceAligner
from featurex.model_files import load_model
from featurex.network_files import trunk_name
from featurex.photo_input import PhotoLike, to_pixels
from featurex.rejection import thresholds
from featurex.tasks import AGE
from pipelines.kernel_machines import in_blocks

# Photos whose faces are answered together.
PHOTOS_AT_A_TIME = 32
# Photos drawn beyond those that are answered: memory does not grow with their number.
PHOTOS_AHEAD = 3 * PHOTOS_AT_A_TIME


@dataclass(frozen=True, eq=False)
class FoundFaces:
    """A photo after alignment.

    Attributes
    ----------
    photo : PhotoLike
        What was asked.
    faces : sequence of Face
        From left to right.
    chips : sequence of ndarray of shape (chip_size, chip_size, 3), uint8
        One a face.
    size : tuple of int
        Width and height of the upright photo in pixels.
    error : PhotoError or None
        Why the photo could not be read.
    """

    photo: PhotoLike
    faces: Sequence[Face] = ()
    chips: Sequence[np.ndarray] = ()
    size: tuple[int, int] = (0, 0)
    error: PhotoError | None = None


class Predictor:
    """Models with the backbone and the aligner that they were trained with.

    Make one with `Predictor.load`.

    Parameters
    ----------
    models : sequence of (estimators, metadata)
        As `featurex.model_files.load_model` returns them. They must agree on the chips they take.
    device : str
        As `featurex.devices.resolve_device` takes it.
    weights : path-like, optional
        The backbone's weights, if they were given by file in training.
    reject : bool or float, default=True
        When to answer "undefined": below the thresholds that the models were saved with, never
        (False), or below a probability in [0, 1] that all tasks with classes share.

    Raises
    ------
    ModelError
        Two models for one task, models of different backbones or aligners, or a backbone or an
        aligner that is not the one at hand.
    BackboneError, DeviceError
        The backbone or the device is not there.
    """

    def __init__(
        self,
        models: Sequence[tuple[dict[str, Any], dict[str, Any]]],
        device: str = "auto",
        weights: str | Path | None = None,
        reject: bool | float = True,
    ) -> None:
        from featurex.devices import resolve_device

        self._thresholds: dict[str, float] = {}
        self._models: dict[str, tuple[Any, str]] = {}
        self._metadata = [metadata for _, metadata in models]
        self._aligner = self._make_aligner(device)
        self._embeds = any("embeddings" in metadata["input"] for metadata in self._metadata)
        self.backbone = self._find_backbone(weights)
        self.options = _options(self._metadata[0]["embedding"])
        for estimators, metadata in models:
            self._check(metadata)
            self._add(estimators, metadata, device)
            self._thresholds |= thresholds(metadata, reject)
        self._embedder = self._load_backbone(device)
        self._on_cpu = resolve_device(device).type == "cpu"

    @classmethod
    def load(
        cls,
        *paths: str | Path,
        device: str = "auto",
        weights: str | Path | None = None,
        reject: bool | float = True,
    ) -> Predictor:
        """Load models from files that ``featurex fit`` wrote.

        Parameters
        ----------
        *paths : path-like
            One file, or several for different tasks.
        device, weights, reject
            As in the class.

        Raises
        ------
        ModelError
            As in the class, and for files that are missing, damaged, or not ours.
        """
        if not paths:
            raise ValueError("Predictor.load needs at least one model file.")
        return cls([load_model(path) for path in paths], device, weights, reject)

    @property
    def tasks(self) -> list[str]:
        """The tasks that there is a model for."""
        return list(self._models)

    @property
    def estimators(self) -> dict[str, Any]:
        """The fitted estimators by task."""
        return {task: estimator for task, (estimator, _) in self._models.items()}

    @property
    def notes(self) -> list[str]:
        """What the training data asks to be said beside every prediction."""
        return list(dict.fromkeys(note for m in self._metadata for note in m["notes"]))

    def predict(self, photo: PhotoLike | Sequence[PhotoLike]) -> Any:
        """Predict every face of a photo, or of several.

        Parameters
        ----------
        photo : path, PIL image, uint8 array ``(h, w, 3)`` or ``(h, w)``, or a list of them

        Returns
        -------
        PhotoFaces, or list of PhotoFaces
            Empty where no face was found. In a list, a photo that can't be read has its `error`
            set and does not stop the others.

        Raises
        ------
        PhotoError
            A single photo can't be read.
        """
        if isinstance(photo, str | os.PathLike | Image.Image | np.ndarray):
            found = self._find(photo)
            if found.error:
                raise found.error
            return self._answer([found])[0]
        return list(self.predict_each(photo))

    def predict_each(self, photos: Iterable[PhotoLike]) -> Iterator[PhotoFaces]:
        """Predict photo after photo, in their order, with bounded memory.

        Every core looks for faces or answers for those found, whatever there is to do.

        Parameters
        ----------
        photos : iterable of photos as `predict` takes them
            Drawn at most `PHOTOS_AHEAD` ahead of their answers.
        """
        with core_workers() as pool:
            found = map_ahead(pool, self._find, photos, PHOTOS_AT_A_TIME)
            blocks = _blocks(found)
            # A GPU is used by one thread; while it works, the others look for faces.
            answers = (
                map_ahead(pool, self._answer, blocks, 1)
                if self._on_cpu
                else map(self._answer, blocks)
            )
            for block in answers:
                yield from block

    def find_each(self, photos: Iterable[PhotoLike]) -> Iterator[FoundFaces]:
        """Find and align the faces of photo after photo, in their order, with bounded memory."""
        with core_workers() as pool:
            yield from map_ahead(pool, self._find, photos, PHOTOS_AT_A_TIME)

    def place(self, face: Face, points: np.ndarray) -> np.ndarray:
        """Tell where points of a face's chip lie in the photo, as `FaceAligner.place`."""
        backbone = self.backbone
        return self._aligner.place(face, backbone.chip_size, backbone.padding, points)

    def _find(self, photo: PhotoLike) -> FoundFaces:
        try:
            pixels = to_pixels(photo)
        except PhotoError as error:
            return FoundFaces(photo, error=error)
        faces = self._aligner.faces(pixels)
        size, padding = self.backbone.chip_size, self.backbone.padding
        chips = [self._aligner.chip(pixels, face, size, padding) for face in faces]
        return FoundFaces(photo, faces, chips, (pixels.shape[1], pixels.shape[0]))

    def _answer(self, found: Sequence[FoundFaces]) -> list[PhotoFaces]:
        chips = [chip for one in found for chip in one.chips]
        answers = iter(self.answer_chips(np.stack(chips)) if chips else [])
        return [
            PhotoFaces(
                one.photo,
                [make_prediction(face, next(answers)) for face in one.faces],
                one.error.reason if one.error else None,
            )
            for one in found
        ]

    def answer_chips(self, chips: np.ndarray) -> list[dict[str, Any]]:
        """Answer for face chips.

        Parameters
        ----------
        chips : ndarray of shape (n, chip_size, chip_size, 3), uint8

        Returns
        -------
        list of dict
            One a chip, with the attributes of `FacePrediction` that the models give.
        """
        inputs = {"chips": chips}
        if self._embedder:
            inputs["embeddings"] = self._embedder(chips)
        answers: list[dict[str, Any]] = [{"probabilities": {}} for _ in chips]
        for task, (estimator, kind) in self._models.items():
            X = inputs if isinstance(estimator, Average) else inputs[kind]
            if task == AGE.name:
                for answer, years in zip(answers, estimator.predict(X), strict=True):
                    answer["age"] = max(0.0, float(years))
                    answer["age_error"] = self._age_error()
                continue
            rows, threshold = estimator.predict_proba(X), self._thresholds.get(task, 0.0)
            add_classes(answers, task, estimator.classes_, rows, threshold)
        return answers

    def _age_error(self) -> float | None:
        for metadata in self._metadata:
            if AGE.name in metadata["training"]:
                return metadata["training"][AGE.name].get("inner_mean_absolute_error_years")
        return None

    def _make_aligner(self, device: str) -> FaceAligner:
        names = [metadata["aligner"].get("detector") for metadata in self._metadata]
        if any(name != names[0] for name in names):
            raise ModelError(
                "The models were trained on faces that different detectors found, "
                f"{' and '.join(map(str, names))}: load them one by one."
            )
        try:
            return FaceAligner(names[0], device)
        except ValueError as error:
            raise ModelError(f"The model needs another version of featurex: {error}") from error

    def _find_backbone(self, weights: str | Path | None) -> Backbone:
        described = self._metadata[0]["backbone"]
        if weights is None and self._embeds and "file" in described:
            sha256 = described["settings"].get("weights_sha256")
            raise ModelError(
                f"The model was fitted on the features of a network, {described['file']} (SHA-256 "
                f"{str(sha256)[:16]}…): name that file with --weights FILE."
            )
        return named_backbone(self._backbone_name(described), weights)

    def _backbone_name(self, described: dict[str, Any]) -> str:
        """Return what must be found: of networks, which bring their weights, only the trunk."""
        return str(described["name"] if self._embeds else trunk_name(described))

    def _check(self, metadata: dict[str, Any]) -> None:
        wanted, backbone = metadata["backbone"], self.backbone
        name = self._backbone_name(wanted)
        if name != str(backbone):
            raise ModelError(
                f"The models use different backbones, {name} and {backbone}: load them one by one."
            )
        if metadata["embedding"] != self.options.settings:
            raise ModelError(
                f"The models use embeddings of different kinds, {metadata['embedding']} and "
                f"{self.options.settings}: load them one by one."
            )
        chips = (wanted["chip_size"], wanted["padding"])
        here = (backbone.chip_size, backbone.padding)
        if chips != here or metadata["aligner"] != self._aligner.settings:
            raise ModelError(
                "The model was trained on faces that were aligned in another way: fit it again "
                "with this version of featurex."
            )
        if "embeddings" in metadata["input"] and wanted["settings"] != backbone.settings:
            raise ModelError(_another(backbone, wanted["settings"]))

    def _add(self, estimators: dict[str, Any], metadata: dict[str, Any], device: str) -> None:
        from featurex.devices import resolve_device

        for task, estimator in estimators.items():
            if task in self._models:
                raise ModelError(f"There are two models for the task {task!r}: load one of them.")
            kind = metadata["input"]
            parts = estimator.parts if isinstance(estimator, Average) else [(estimator, kind)]
            for part, taken in parts:
                if taken == "chips":
                    part.device = str(resolve_device(device))
            if isinstance(estimator, Average):
                estimator.parts = [(in_blocks(part), taken) for part, taken in estimator.parts]
            self._models[task] = (in_blocks(estimator), kind)

    def _load_backbone(self, device: str) -> Any:
        if all(kind == "chips" for _, kind in self._models.values()):
            return None
        from featurex.embedding import Embedder

        return Embedder(self.backbone, device, options=self.options)


def _blocks(found: Iterable[FoundFaces]) -> Iterator[list[FoundFaces]]:
    remaining = iter(found)  # itertools.batched needs Python 3.12
    while block := list(islice(remaining, PHOTOS_AT_A_TIME)):
        yield block


def _options(settings: Mapping[str, Any]) -> EmbeddingOptions:
    try:
        return EmbeddingOptions(settings["precision"], settings["mirror"])
    except ValueError as error:
        raise ModelError(f"The model was trained by another version of featurex: {error}") from None


def _another(backbone: Backbone, trained: dict[str, Any]) -> str:
    """Say in what the backbone of a model's training differs from the one at hand."""
    there, here = (s.get("weights_sha256") for s in (trained, backbone.settings))
    if there == here:
        return (
            f"The model was trained on {backbone} with other settings: fit it again with this "
            "version of featurex."
        )
    return (
        f"The model was trained on another {backbone}: its weights have the SHA-256 "
        f"{str(there)[:16]}…, those here {str(here)[:16]}…. Name the right file with --weights."
    )
