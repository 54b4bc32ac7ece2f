"""Predicts age group, age and gender of every face in a photo."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, overload

import numpy as np

from featurex.exceptions import ModelError
from featurex.faces.aligner import ChipFormat, Face
from featurex.faces.chips import SharedChips
from featurex.faces.finding import FoundFaces, find, find_each
from featurex.machine.core_workers import core_workers, map_ahead
from featurex.machine.cores import core_count
from featurex.machine.forks import keep_forks_to_one_thread
from featurex.machine.paced import Paced
from featurex.models.averages import Average
from featurex.photos.opening import PhotoLike, check_several, is_one_photo
from featurex.prediction.face_predictions import PhotoFaces, add_ages, add_classes, make_prediction
from featurex.prediction.sources import Source, load_again
from featurex.saved_models.files import load_model
from featurex.saved_models.needs import find_needs
from featurex.saved_models.rejection import thresholds
from featurex.tasks import AGE, find_task
from pipelines.models.kernel_machines import in_blocks

# Photos whose faces are answered together.
PHOTOS_AT_A_TIME = 32


class Predictor:
    """Models with the backbone and the aligner that they were trained with.

    Make one with `Predictor.load`; threads may share it. Pickled, it is the names of its files and
    their hashes: a process that gets it loads them itself. A copy of it is itself.

    Parameters
    ----------
    models : sequence of (estimators, metadata)
        As `featurex.saved_models.files.load_model` returns them. They must agree on the chips
        they take.
    device : str
        As `featurex.machine.devices.resolve_device` takes it.
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
        from featurex.machine.devices import resolve_device

        self._source: Source | None = None
        self._thresholds: dict[str, float] = {}
        self._models: dict[str, tuple[Any, str]] = {}
        self._metadata = [metadata for _, metadata in models]
        self._aligner, self.backbone, self.options = find_needs(self._metadata, device, weights)
        for estimators, metadata in models:
            self._add(estimators, metadata, device)
            self._thresholds |= thresholds(metadata, reject)
        self._embedder = self._load_backbone(device)
        self._on_cpu = resolve_device(device).type == "cpu"
        keep_forks_to_one_thread()

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
        source = Source.of(paths, device, weights, reject)
        predictor = cls([load_model(path) for path in paths], device, weights, reject)
        predictor._source = source
        return predictor

    def __reduce__(self) -> tuple[Any, ...]:
        if self._source is None:
            raise TypeError(
                "A Predictor of models in memory can't be pickled: save them with featurex.saved_"
                "models.files.save_model, and use Predictor.load."
            )
        return load_again, (type(self).load, *self._source)

    def __copy__(self) -> Predictor:
        return self  # nothing changes it

    def __deepcopy__(self, memo: dict[int, Any]) -> Predictor:
        return self

    @property
    def tasks(self) -> list[str]:
        """The tasks that there is a model for."""
        return list(self._models)

    @property
    def classes(self) -> dict[str, tuple[str, ...]]:
        """The classes by task, of those that have some; the keys of a face's probabilities."""
        return {
            task: find_task(task, [str(name) for name in estimator.classes_]).classes or ()
            for task, (estimator, _) in self._models.items()
            if task != AGE.name
        }

    @property
    def estimators(self) -> dict[str, Any]:
        """The fitted estimators by task."""
        return {task: estimator for task, (estimator, _) in self._models.items()}

    @property
    def notes(self) -> list[str]:
        """What the training data asks to be said beside every prediction."""
        return list(dict.fromkeys(note for m in self._metadata for note in m["notes"]))

    @overload
    def predict(  # type: ignore[overload-overlap]  # a string is many strings too
        self, photo: PhotoLike
    ) -> PhotoFaces: ...
    @overload
    def predict(self, photo: Iterable[PhotoLike]) -> list[PhotoFaces]: ...
    def predict(self, photo: Any) -> Any:
        """Predict every face of a photo, or of several.

        Parameters
        ----------
        photo : path, bytes, PIL image, uint8 array, or a list of them
            Bytes are those of a file, such as an upload. An array is ``(h, w, 3)`` in the order
            RGB (OpenCV reads BGR: turn it with ``array[..., ::-1]``) or ``(h, w)`` grey.

        Returns
        -------
        PhotoFaces, or list of PhotoFaces
            Empty where no face was found. In a list, what can't be read or is no photo has its
            `error` set and does not stop the others.

        Raises
        ------
        PhotoError
            A single photo can't be read.
        ValueError
            It is an array of another kind, or neither a photo nor a list, such as a table.
        """
        if is_one_photo(photo):
            found = find(photo, self._aligner, self._format)
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
            Drawn in this thread, ahead of their answers: on two cores at most 96, and some forty
            more for every other core; one or two where each takes a twentieth of a second to come.

        Raises
        ------
        ValueError
            It is one photo, or no list.
        """
        check_several(photos)
        return self._predict_each(photos)

    def find_each(self, photos: Iterable[PhotoLike]) -> Iterator[FoundFaces]:
        """Find and align the faces of photo after photo, in their order, with bounded memory.

        Raises
        ------
        ValueError
            As `predict_each`.
        """
        check_several(photos)
        return self._found(photos)

    def place(self, face: Face, points: np.ndarray) -> np.ndarray:
        """Tell where points of a face's chip lie in the photo, as `FaceAligner.place`."""
        return self._aligner.place(face, *self._format, points)

    @property
    def _format(self) -> ChipFormat:
        return ChipFormat(self.backbone.chip_size, self.backbone.padding)

    def _predict_each(self, photos: Iterable[PhotoLike]) -> Iterator[PhotoFaces]:
        with core_workers() as pool:
            source = Paced(photos)
            blocks = source.blocks_of(self._find_each(source, pool), PHOTOS_AT_A_TIME)
            # A GPU is used by one thread; while it works, the others look for faces.
            answers = (
                map_ahead(pool, self._answer, blocks, max(1, core_count() - 1), source)
                if self._on_cpu
                else map(self._answer, blocks)
            )
            for block in answers:
                yield from block

    def _found(self, photos: Iterable[PhotoLike]) -> Iterator[FoundFaces]:
        with core_workers() as pool:
            yield from self._find_each(Paced(photos), pool)

    def _find_each(
        self, photos: Paced[PhotoLike], pool: ThreadPoolExecutor
    ) -> Iterator[FoundFaces]:
        n_workers = core_count() + 1
        return find_each(photos, self._aligner, self._format, pool, n_workers, PHOTOS_AT_A_TIME)

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
        inputs: dict[str, Any] = {"chips": SharedChips(chips)}
        if self._embedder:
            inputs["embeddings"] = self._embedder(chips)
        answers: list[dict[str, Any]] = [{"probabilities": {}} for _ in chips]
        for task, (estimator, kind) in self._models.items():
            X = inputs if isinstance(estimator, Average) else inputs[kind]
            if task == AGE.name:
                add_ages(answers, estimator.predict(X), self._metadata)
                continue
            rows, threshold = estimator.predict_proba(X), self._thresholds.get(task, 0.0)
            add_classes(answers, task, estimator.classes_, rows, threshold)
        return answers

    def _add(self, estimators: dict[str, Any], metadata: dict[str, Any], device: str) -> None:
        from featurex.machine.devices import resolve_device

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
        from featurex.extraction.embedding import Embedder

        return Embedder(self.backbone, device, options=self.options)
