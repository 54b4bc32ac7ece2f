"""What a comparison tells of itself: the notes under its table, and the record of the run."""

from __future__ import annotations

import hashlib
import platform
from dataclasses import asdict
from typing import Any

import pandas as pd

from featurex.comparison.design import Design
from featurex.comparison.face_table import FaceTable
from featurex.extraction import spaces
from featurex.machine.cores import core_count
from featurex.models.names import serves, single_models
from pipelines import TEST_SHARE, Folds, SharedPeople

AVERAGE_NOTE = (
    "A+B: the average of what A and B predict out of fold: mean log-odds of classes (the geometric "
    "mean of the probabilities, renormalised), mean years. Its times are the sum of theirs, with "
    "one embedding."
)

MIXED_NOTE = "Averages with a model from outside have no times, since its are not known."

# What the MAE is, of each task that has one.
YEARS_NOTES = {
    "age-group": "MAE of age-group: expected age from the group probabilities, on faces that have "
    "an age group.",
    "age": "MAE of age: a regressor, on all faces.",
}


def notes(faces: FaceTable, design: Design, folds: Folds) -> list[str]:
    """Return what a reader of the table must know, a sentence each."""
    return [
        *faces.count_notes(design.tasks),
        *faces.manifest.notes,
        f"Protocol {folds.protocol}: {folds.note}.",
        f"Embeddings: {faces.cache.label}, frozen. Seed {design.options.seed}.",
        *filter(None, [faces.cache.backbone.provenance]),
        "Predict: embedding (or forward pass) and model, without finding the face.",
        *(YEARS_NOTES[task.name] for task in design.tasks if task.name in YEARS_NOTES),
        *_own_years(design),
        *_only_for(design),
        *(note for model in design.outside for note in model.notes),
        *([AVERAGE_NOTE] if _has_averages(design) else []),
        *([MIXED_NOTE] if design.mixed else []),
    ]


def _own_years(design: Design) -> list[str]:
    """Name the models whose MAE of age-group is not that of an expected age."""
    names = [
        model.name
        for task in design.tasks
        if task.years is not None
        for model in design.outside_for(task)
        if model.has_own_years(task)
    ]
    if not names:
        return []
    return [
        f"MAE of age-group of {', '.join(names)}: the ages that the file gives, or the middles of "
        "its groups, instead."
    ]


def _has_averages(design: Design) -> bool:
    return bool(design.mixed) or list(design.models) != single_models(design.models)


def facts(faces: FaceTable, folds: Folds) -> dict[str, str | None]:
    """Return what holds for every row of every table: data set, protocol, ages, a warning."""
    ages = faces.manifest.ages
    return {
        "dataset": faces.manifest.dataset,
        "protocol": folds.protocol,
        "ages": f"{ages} only" if ages else None,
        "warning": folds.warning,
    }


def _only_for(design: Design) -> list[str]:
    """Say which models are not for all of the tasks."""
    served = {
        model: [task.name for task in design.tasks if serves(model, task.name)]
        for model in design.models
    }
    return [
        f"{model} is only for {', '.join(names)}."
        for model, names in served.items()
        if len(names) < len(design.tasks)
    ]


def record(faces: FaceTable, design: Design, folds: Folds) -> dict[str, Any]:
    """Return every setting, version and hash of a comparison, as JSON."""
    cache = faces.cache
    return {
        "dataset": faces.manifest.dataset,
        "ages": faces.manifest.ages,
        "photos": {
            "found": faces.manifest.found,
            "dropped": faces.manifest.dropped,
            "without_face": faces.n_without_face,
            "faces": len(faces.table),
        },
        "unnamed_faces": int(faces.table["subject_id"].isna().sum()),
        "manifest_sha256": table_sha256(faces.table),
        "tasks": [task.name for task in design.tasks],
        "models": [*design.models, *(average.name for average in design.mixed)],
        "outside": [model.record for model in design.outside],
        "options": asdict(design.options),
        "protocol": folds.protocol,
        "protocol_note": folds.note,
        "warning": folds.warning,
        "shared_people": None if folds.shared is None else _shared(folds.shared),
        "n_folds": folds.n_folds,
        "n_repeats": folds.n_repeats,
        "test_share": _test_share(design, folds),
        "aligner": cache.aligner.settings,
        "backbone": cache.backbone.settings,
        "embedding": cache.options.settings,
        "space": cache.space.id,
        "versions": spaces.made_by()
        | spaces.versions(
            "scikit-learn", "scikit-learn-intelex", "skorch", "pandas", "scipy", "joblib"
        ),
        "machine": {
            "python": platform.python_version(),
            "system": platform.platform(),
            "cores": core_count(),
        },
    }


def _test_share(design: Design, folds: Folds) -> float | None:
    """Return the share that was asked for; None where nothing is held out."""
    if folds.protocol != "holdout":
        return None
    return TEST_SHARE if design.test_share is None else design.test_share


def _shared(people: SharedPeople) -> dict[str, Any]:
    """Return who is on both sides, as JSON: no share where nobody is named."""
    return asdict(people) | {"share": people.share if people.n_named else None}


def table_sha256(table: pd.DataFrame) -> str:
    """Hash who is compared, with which labels: not where they lie, nor what they are called."""
    labels = table.drop(columns=["path", "dataset"]).sort_values("image_id")
    return hashlib.sha256(labels.to_csv(index=False).encode()).hexdigest()
