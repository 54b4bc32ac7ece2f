"""Models that average others: several fitted models that answer as one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from featurex.exceptions import ModelError
from featurex.tasks import AGE
from pipelines.evaluation.fusion import average_probabilities, average_years

Model = tuple[dict[str, Any], dict[str, Any]]
# What the parts must have in common: faces are found, cut out and embedded once for all.
SHARED = ("aligner", "embedding", "backbone", "dataset", "notes")


class Average:
    """The average of fitted estimators for one task, as `pipelines.evaluation.fusion` has it.

    Parameters
    ----------
    parts : sequence of (estimator, str)
        Each with what it takes, as the ``"input"`` of its metadata: ``"chips"`` or
        ``"embeddings"``.
    is_regression : bool
        Whether they predict years, and no classes.

    Attributes
    ----------
    classes_ : ndarray of str
        All that a part knows, sorted; empty for years.
    """

    def __init__(self, parts: Sequence[tuple[Any, str]], *, is_regression: bool) -> None:
        self.parts = list(parts)
        known = [] if is_regression else [list(map(str, part.classes_)) for part, _ in parts]
        self.classes_ = np.array(sorted(set().union(*known)), dtype=str)

    def predict_proba(self, inputs: Mapping[str, Any]) -> np.ndarray:
        """Return averaged probabilities, ``(n, n_classes)`` in the order of `classes_`.

        Parameters
        ----------
        inputs : mapping of str to array
            The same n faces in each form that a part takes.
        """
        return average_probabilities(
            [self._in_order(part, part.predict_proba(inputs[kind])) for part, kind in self.parts]
        )

    def predict(self, inputs: Mapping[str, Any]) -> np.ndarray:
        """Return the most probable class of each face, or its averaged age in years."""
        if len(self.classes_):
            return self.classes_[self.predict_proba(inputs).argmax(1)]
        return average_years([part.predict(inputs[kind]) for part, kind in self.parts])

    def _in_order(self, estimator: Any, rows: np.ndarray) -> np.ndarray:
        """Put an estimator's columns in the order of `classes_`; a class it lacks gets 0."""
        ordered = np.zeros((len(rows), len(self.classes_)))
        ordered[:, np.searchsorted(self.classes_, estimator.classes_.astype(str))] = rows
        return ordered


def average_models(parts: Sequence[Model]) -> Model:
    """Make one model of several that were fitted on the same faces.

    Parameters
    ----------
    parts : sequence of (estimators, metadata)
        Two or more, as `featurex.saved_models.fitting.fit_models` and
        `featurex.saved_models.files.load_model` return them, of single models.

    Returns
    -------
    estimators : dict of str to Average
        By task.
    metadata : dict
        What the parts have in common, as of a single model; ``"parts"`` holds that of each. No
        inner score is known of an average: its parts' were measured on different faces.

    Raises
    ------
    ModelError
        There are fewer than two parts, two of one name, or they differ in their tasks, aligner,
        backbone, embeddings or data set.
    """
    all_metadata = [metadata for _, metadata in parts]
    _check(parts, [metadata.get("model") for metadata in all_metadata])
    first_estimators, first = parts[0]
    estimators = {
        task: Average(
            [(part[task], metadata["input"]) for part, metadata in parts],
            is_regression=task == AGE.name,
        )
        for task in first_estimators
    }
    common = {
        key: value
        for key, value in first.items()
        if all(metadata.get(key) == value for metadata in all_metadata)
    }
    return estimators, common | {
        "model": "+".join(metadata["model"] for metadata in all_metadata),
        "input": "+".join(sorted({metadata["input"] for metadata in all_metadata})),
        "training": {task: _unknown(first["training"][task]) for task in first_estimators},
        "parts": all_metadata,
    }


def parts_of_average(estimators: Mapping[str, Any], metadata: Mapping[str, Any]) -> list[Model]:
    """Undo `average_models`: return each part's estimators and metadata."""
    return [
        ({task: average.parts[number][0] for task, average in estimators.items()}, part)
        for number, part in enumerate(metadata["parts"])
    ]


def _check(parts: Sequence[Model], names: Sequence[Any]) -> None:
    if len(parts) < 2:
        raise ModelError(f"An average needs two models or more. Got {len(parts)}.")
    if not all(isinstance(name, str) for name in names) or len(set(names)) < len(names):
        raise ModelError(f"The parts of an average need names of their own. Got {names}.")
    (first_estimators, first), *others = parts
    for estimators, metadata in others:
        differ = [key for key in SHARED if metadata.get(key) != first.get(key)]
        if set(estimators) != set(first_estimators):
            differ.append("tasks")
        if differ:
            raise ModelError(
                f"{first['model']} and {metadata['model']} can't be averaged: they differ in "
                f"{', '.join(differ)}. Fit them together, as --model "
                f"{first['model']}+{metadata['model']}."
            )


def _unknown(summary: Mapping[str, Any]) -> dict[str, Any]:
    scores = dict.fromkeys(name for name in summary if name.startswith("inner_"))
    return {"n_faces": summary.get("n_faces")} | scores
