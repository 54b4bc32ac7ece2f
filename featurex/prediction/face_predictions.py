"""What is said of a face, and of the faces of a photo."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from featurex.faces.aligner import Face
from featurex.labels import UNDEFINED
from featurex.photos.opening import PhotoLike
from featurex.saved_models.age_bounds import intervals_of
from featurex.saved_models.rejection import reason
from featurex.tasks import AGE, AGE_GROUP, GENDER, find_task


@dataclass(frozen=True)
class FacePrediction:
    """What the models say of one face.

    Attributes
    ----------
    box : tuple of int
        Left, top, right, bottom in pixels of the upright photo.
    detection_score : float
        dlib's; above 0, larger is surer.
    age_group, gender : str or None
        The most probable class; None without a model for it; ``"undefined"`` where its probability
        is below the threshold of the model (see `featurex.prediction.predictor.Predictor`).
    age : float or None
        Years: a regressor's, or else the expected age from the group probabilities.
    age_error : float or None
        The regressor's mean absolute error in years on people set aside in its training, over all
        ages; None where it is unknown. People unlike those it was trained on are further off.
    probabilities : dict of str to dict of str to float
        By task, by class; each sums to 1. They are as certain as the training data is like the
        photo, and say how faces look, not who somebody is.
    undefined : dict of str to str
        Why the model declines to answer, by task.
    age_low, age_high : float or None
        The ends, in years, of the interval around a regressor's age in which 80 % of the faces lay
        that it predicted about as old, out of fold; None where that was not measured. Of people
        unlike those fewer lie inside.
    """

    box: tuple[int, int, int, int]
    detection_score: float
    age_group: str | None = None
    age: float | None = None
    age_error: float | None = None
    gender: str | None = None
    probabilities: dict[str, dict[str, float]] = field(default_factory=dict)
    undefined: dict[str, str] = field(default_factory=dict)
    age_low: float | None = None
    age_high: float | None = None

    @property
    def answers(self) -> dict[str, str]:
        """The answer of every task with classes, race and gender-3 too, by task."""
        named = {GENDER.name: self.gender, AGE_GROUP.name: self.age_group}
        answers = {task: name for task, name in named.items() if name}
        for task, chances in self.probabilities.items():
            best = max(chances, key=chances.__getitem__)
            answers.setdefault(task, UNDEFINED if task in self.undefined else best)
        return answers


class PhotoFaces(list[FacePrediction]):
    """The faces of one photo, from left to right.

    Attributes
    ----------
    photo : PhotoLike
        What was asked.
    error : str or None
        Why the photo could not be read.
    """

    def __init__(
        self, photo: PhotoLike, faces: Iterable[FacePrediction] = (), error: str | None = None
    ) -> None:
        super().__init__(faces)
        self.photo = photo
        self.error = error


def add_classes(
    answers: Sequence[dict[str, Any]],
    task: str,
    classes: np.ndarray,
    rows: np.ndarray,
    threshold: float = 0.0,
) -> None:
    """Add a classifier's answers to those of each face.

    Parameters
    ----------
    answers : sequence of dict
        One a face, each with ``"probabilities"``; changed in place.
    task : str
    classes : ndarray of shape (n_classes,)
        In the order of the columns of `rows`.
    rows : ndarray of shape (n, n_classes), float
        Probabilities.
    threshold : float, default=0
        A less probable class is no answer, but "undefined".
    """
    order = [str(name) for name in classes]
    names = find_task(task, order).classes or ()
    for answer, row in zip(answers, rows, strict=True):
        by_class = dict(zip(order, map(float, row), strict=True))
        answer["probabilities"][task] = {c: by_class.get(c, 0.0) for c in names}
        best = max(by_class, key=by_class.__getitem__)
        # Confidences are cut at 1 where thresholds are chosen.
        declined = min(by_class[best], 1.0) < threshold
        if declined:
            answer.setdefault("undefined", {})[task] = reason(by_class[best], threshold)
        if task in (AGE_GROUP.name, GENDER.name):
            answer[task.replace("-", "_")] = UNDEFINED if declined else best


def add_ages(
    answers: Sequence[dict[str, Any]], years: np.ndarray, models: Sequence[Mapping[str, Any]]
) -> None:
    """Add a regressor's ages to the answers of each face, with how far off they may be.

    Parameters
    ----------
    answers : sequence of dict
        One a face; changed in place.
    years : ndarray of shape (n,), float
    models : sequence of mapping
        The metadata of all models, of which one predicts ages.
    """
    (told,) = (metadata for metadata in models if AGE.name in metadata["training"])
    error = told["training"][AGE.name].get("inner_mean_absolute_error_years")
    intervals = intervals_of(told)
    for answer, age in zip(answers, np.maximum(years, 0), strict=True):
        answer |= {"age": float(age), "age_error": error}
        if intervals:
            low, high = intervals.of(age)
            answer |= {"age_low": float(low), "age_high": float(high)}


def make_prediction(face: Face, answer: Mapping[str, Any]) -> FacePrediction:
    """Put a face and the models' answers together; without an age the groups' expected one."""
    answer = dict(answer)
    groups = answer["probabilities"].get(AGE_GROUP.name)
    if "age" not in answer and groups:
        answer["age"] = float(AGE_GROUP.expected_years(np.array([list(groups.values())]))[0])
    left, top, right, bottom = (int(value) for value in face.box)
    return FacePrediction((left, top, right, bottom), face.score, **answer)
