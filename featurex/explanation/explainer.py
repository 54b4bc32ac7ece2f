"""Maps of every face in a photo: where the models' answers come from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from featurex.exceptions import ModelError
from featurex.explanation.maps import (
    LOG_ODDS,
    METHODS,
    YEARS,
    Box,
    Explanation,
    check_patch,
    log_odds,
    occlusion,
)
from featurex.faces.aligner import Face
from featurex.faces.finding import FoundFaces
from featurex.photos.opening import PhotoLike
from featurex.prediction.predictor import Predictor
from featurex.tasks import AGE

AUTO = "auto"
ATTENTION, GRAD_CAM, OCCLUSION = METHODS


@dataclass(frozen=True, eq=False)
class TaskMap:
    """Where one answer for one face comes from.

    Attributes
    ----------
    task : str
    answer : str or float
        A class, or years.
    probability : float or None
        Of the class.
    explanation : Explanation
        The map, in pixels of the face chip.
    place : tuple of int or None
        Left, top, right, bottom of the map's strongest place, in pixels of the upright photo;
        None where the map is flat.
    """

    task: str
    answer: str | float
    probability: float | None
    explanation: Explanation
    place: Box | None


@dataclass(frozen=True, eq=False)
class ExplainedFace:
    """One face with its maps.

    Attributes
    ----------
    box : tuple of int
        Left, top, right, bottom in pixels of the upright photo.
    chip : ndarray of shape (size, size, 3), uint8
        The aligned face that the models see.
    maps : sequence of TaskMap
        One a task.
    """

    box: Box
    chip: np.ndarray
    maps: Sequence[TaskMap]


@dataclass(frozen=True, eq=False)
class ExplainedPhoto:
    """One photo with its faces, from left to right.

    Attributes
    ----------
    photo : PhotoLike
        What was asked.
    faces : sequence of ExplainedFace
        Empty where no face was found.
    error : str or None
        Why the photo could not be read.
    """

    photo: PhotoLike
    faces: Sequence[ExplainedFace] = ()
    error: str | None = None


class Explainer:
    """Maps of where a predictor's answers come from.

    A map shows where, not why.

    Parameters
    ----------
    predictor : Predictor
    method : {"auto", "attention", "grad-cam", "occlusion"}
        "auto": a network's own attention where it has some, Grad-CAM for other networks (but for
        those without maps in them, such as transformers), and occlusion for everything else.
    patch : int, optional
        Side of the occlusion's grey patch in pixels of the chip; by default a fifth of its side.

    Attributes
    ----------
    methods : dict of str to str
        The method of each task.

    Raises
    ------
    ValueError
        No such method, or a patch that is larger than a chip.
    ModelError
        The method is not to be had for a model, or the package grad-cam is missing.
    """

    def __init__(
        self, predictor: Predictor, method: str = AUTO, *, patch: int | None = None
    ) -> None:
        if method not in (AUTO, *METHODS):
            known = ", ".join((AUTO, *METHODS))
            raise ValueError(f"Unknown method {method!r}. The methods are {known}.")
        if patch is not None:
            check_patch(patch, predictor.backbone.chip_size)
        self.predictor = predictor
        self.patch = patch
        self._method = method
        self._grad_cams: dict[str, Any] = {}
        self.methods = {
            task: self._prepare(task, estimator, method)
            for task, estimator in predictor.estimators.items()
        }

    def __reduce__(self) -> tuple[Any, ...]:
        return partial(Explainer, patch=self.patch), (self.predictor, self._method)

    def explain_each(self, photos: Iterable[PhotoLike]) -> Iterator[ExplainedPhoto]:
        """Explain photo after photo, in their order, with bounded memory.

        A photo that can't be read, or is none, has its `error` set and does not stop the others.

        Raises
        ------
        ValueError
            It is one photo, or no list.
        """
        return (self._explain(found) for found in self.predictor.find_each(photos))

    def explain_chips(self, chips: np.ndarray) -> list[dict[str, Explanation]]:
        """Explain face chips.

        Parameters
        ----------
        chips : ndarray of shape (n, chip_size, chip_size, 3), uint8

        Returns
        -------
        list of dict of str to Explanation
            One a chip, by task.
        """
        return [] if not len(chips) else self._maps(chips, self.predictor.answer_chips(chips))

    def _prepare(self, task: str, estimator: Any, method: str) -> str:
        """Decide on a task's method, and load what it needs before the long work."""
        network = getattr(estimator, "network_", None)
        if method == OCCLUSION or (method == AUTO and network is None):
            return OCCLUSION
        if network is None:
            raise ModelError(
                f"The model for {task} is not one network, which {method} needs: choose "
                "--method occlusion."
            )
        from featurex.explanation.network_maps import GradCam, has_attention, spatial_layer

        network.eval()
        if method != GRAD_CAM and has_attention(network):
            return ATTENTION
        if method == ATTENTION:
            raise ModelError(
                f"The network for {task} has no attention to show: choose --method grad-cam or "
                "occlusion."
            )
        chip_size = self.predictor.backbone.chip_size
        if method == AUTO and spatial_layer(network, chip_size) is None:
            return OCCLUSION
        self._grad_cams[task] = GradCam(network, task, chip_size)
        return GRAD_CAM

    def _explain(self, found: FoundFaces) -> ExplainedPhoto:
        if found.error:
            return ExplainedPhoto(found.photo, error=found.error.reason)
        return ExplainedPhoto(found.photo, self._faces(found))

    def _faces(self, found: FoundFaces) -> list[ExplainedFace]:
        if not found.faces:
            return []
        chips = np.stack(found.chips)
        answers = self.predictor.answer_chips(chips)
        explained = self._maps(chips, answers)
        rows = zip(found.faces, chips, answers, explained, strict=True)
        return [self._face(found, *row) for row in rows]

    def _face(
        self,
        found: FoundFaces,
        face: Face,
        chip: np.ndarray,
        answer: dict[str, Any],
        maps: dict[str, Explanation],
    ) -> ExplainedFace:
        left, top, right, bottom = (int(side) for side in face.box)
        tasks = [
            TaskMap(
                task,
                _answer(answer, task),
                answer["probabilities"][task][_answer(answer, task)] if task != AGE.name else None,
                explanation,
                self._place(found, face, explanation.box),
            )
            for task, explanation in maps.items()
        ]
        return ExplainedFace((left, top, right, bottom), chip, tasks)

    def _place(self, found: FoundFaces, face: Face, box: Box | None) -> Box | None:
        """Return the upright box in the photo around a box of the chip, which may be tilted."""
        if box is None:
            return None
        left, top, right, bottom = box
        corners = np.array([(left, top), (right, top), (left, bottom), (right, bottom)])
        places = self.predictor.place(face, corners - 0.5)  # edges of pixels, not their middles
        first, last = np.clip(
            np.rint([places.min(0) + 0.5, places.max(0) + 0.5]), 0, found.size
        ).astype(int)
        return int(first[0]), int(first[1]), int(last[0]), int(last[1])

    def _maps(
        self, chips: np.ndarray, answers: Sequence[dict[str, Any]]
    ) -> list[dict[str, Explanation]]:
        maps = self._occlusions(chips, answers)
        for task, method in self.methods.items():
            if method != OCCLUSION:
                found = self._network_maps(task, method, chips, answers)
                for by_task, explanation in zip(maps, found, strict=True):
                    by_task[task] = explanation
        return [{task: by_task[task] for task in self.methods} for by_task in maps]

    def _network_maps(
        self, task: str, method: str, chips: np.ndarray, answers: Sequence[dict[str, Any]]
    ) -> list[Explanation]:
        estimator = self.predictor.estimators[task]
        if method == ATTENTION:
            from featurex.explanation.network_maps import attention_maps

            return attention_maps(estimator.network_, chips)
        outputs = [_output(estimator, _answer(answer, task)) for answer in answers]
        return self._grad_cams[task](chips, outputs)

    def _occlusions(
        self, chips: np.ndarray, answers: Sequence[dict[str, Any]]
    ) -> list[dict[str, Explanation]]:
        """Explain all tasks that need it with one pass of the patch over each chip."""
        tasks = [task for task, method in self.methods.items() if method == OCCLUSION]
        if not tasks:
            return [{} for _ in chips]
        units = [YEARS if task == AGE.name else LOG_ODDS for task in tasks]
        found = []
        for chip, answer in zip(chips, answers, strict=True):
            score = partial(self._scores, {task: _answer(answer, task) for task in tasks})
            maps = occlusion(score, chip, units, patch=self.patch)
            found.append(dict(zip(tasks, maps, strict=True)))
        return found

    def _scores(self, chosen: dict[str, Any], chips: np.ndarray) -> np.ndarray:
        """Return years, and the log odds of the chosen classes, ``(n, n_tasks)``."""
        answers = self.predictor.answer_chips(chips)
        return np.column_stack(
            [
                np.array([answer["age"] for answer in answers])
                if task == AGE.name
                else log_odds(np.array([answer["probabilities"][task][name] for answer in answers]))
                for task, name in chosen.items()
            ]
        )


def _answer(answer: dict[str, Any], task: str) -> Any:
    """Return the years, or the most probable class."""
    if task == AGE.name:
        return answer["age"]
    chances = answer["probabilities"][task]
    return max(chances, key=chances.__getitem__)


def _output(estimator: Any, answer: Any) -> int:
    """Return which of a network's outputs stands for an answer: a class's, or a year's."""
    classes = [str(name) for name in getattr(estimator, "classes_", ())]
    return classes.index(answer) if classes else round(answer)
