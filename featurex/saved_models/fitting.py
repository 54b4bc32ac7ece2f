"""Trains one kind of model on all rows, or the parts of an average, and describes it for a file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from featurex.backbones.seen_faces import SeenFaces
from featurex.comparison.face_table import FaceTable
from featurex.comparison.model_fits import epoch_line
from featurex.extraction import spaces
from featurex.models.averages import average_models
from featurex.models.names import parts_of, takes_chips
from featurex.models.options import ModelOptions, learnt_together, make_estimator
from featurex.tasks import task_labels
from pipelines import Task
from pipelines.folds.splits import lone_classes
from pipelines.folds.subjects import subject_codes
from pipelines.models.families import sets_nobody_aside


def fit_models(
    faces: FaceTable,
    tasks: Sequence[Task],
    model: str,
    options: ModelOptions,
    on_task: Callable[[str], None] = lambda task: None,
    *,
    on_epoch: Callable[[str], None] = lambda line: None,
    checkpoints: Path | None = None,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Fit a model for each task on every labelled face.

    Parameters
    ----------
    faces : FaceTable
    tasks : sequence of Task
    model : str
        As `featurex.models.names.check_model_names` returns it.
    options : ModelOptions
    on_task : callable
        Called with the task's name after each fit of a single model.
    on_epoch : callable
        Called with one line after every epoch of a network.
    checkpoints : Path, optional
        Folder where networks write their state, from which a killed fit goes on, and which tasks
        that are learnt together share.

    Returns
    -------
    estimators : dict of str to estimator
        By task.
    metadata : dict
        What `featurex.saved_models.files.save_model` writes beside them: the backbone's and the
        aligner's settings, and a summary of the training.

    Raises
    ------
    BackboneError
        The backbone was trained on some of the faces: tuning and calibration would measure there.
    """
    faces.cache.backbone.check_unseen(faces.table)

    def make(part: str, task: Task, side: Iterable[str]) -> Any:
        return _make(part, task, side, options, on_epoch, checkpoints)

    parts = [_fit_part(faces, tasks, part, options, make, on_task) for part in parts_of(model)]
    return parts[0] if len(parts) == 1 else average_models(parts)


def check_classes(faces: FaceTable, tasks: Sequence[Task], model: str) -> None:
    """Check that a model can be tuned on all faces, which are fitted after its evaluation.

    Parameters
    ----------
    faces, tasks, model
        As `fit_models` takes them.

    Raises
    ------
    ValueError
        A class has one person only.
    """
    if sets_nobody_aside(model):
        return
    for task in tasks:
        rows, y = task_labels(faces.table, task)
        codes = subject_codes(None if faces.groups is None else faces.groups[rows], len(rows))
        if not task.is_regression and (lone := lone_classes(y, codes)):
            raise ValueError(
                f"The task {task.name!r} has one person only of {', '.join(map(repr, lone))}, and "
                "nobody else to tune a model on. Leave the task out with --task, leave the class "
                "out of the data (an age group with --ages), or add people."
            )


def _fit_part(
    faces: FaceTable,
    tasks: Sequence[Task],
    model: str,
    options: ModelOptions,
    make: Callable[[str, Task, Iterable[str]], Any],
    on_task: Callable[[str], None],
) -> tuple[dict[str, Any], dict[str, Any]]:
    estimators, summaries = {}, {}
    for task in tasks:
        rows, y = task_labels(faces.table, task)
        groups = None if faces.groups is None else faces.groups[rows]
        side = faces.side_labels(model, task, rows)
        estimator = make(model, task, side)
        extras = {"side": side} if side else {}
        X = faces.features(model, rows)
        estimators[task.name] = estimator.fit(X, y, groups=groups, **extras)
        if takes_chips(model):
            estimator.seen_faces_ = _seen_faces(faces, rows)
        n_faces = getattr(estimator, "n_rows_", len(rows))  # an SVM learns from a sample of many
        summaries[task.name] = _summary(estimator, task, n_faces)
        on_task(task.name)
    return estimators, _metadata(faces, model, options) | {"training": summaries}


def _seen_faces(faces: FaceTable, rows: np.ndarray) -> SeenFaces:
    """Record what a network was trained on, and its trunk before."""
    here, before = SeenFaces.of(faces.table["image_id"].iloc[rows]), faces.cache.backbone.seen
    return here | before if before else here


def _make(
    model: str,
    task: Task,
    side: Iterable[str],
    options: ModelOptions,
    on_epoch: Callable[[str], None],
    checkpoints: Path | None,
) -> Any:
    if not takes_chips(model):
        return make_estimator(model, task, options)

    def tell(row: dict[str, Any], n_epochs: int) -> None:
        on_epoch(f"{task.name} {model} {epoch_line(row, n_epochs)}")

    name = f"{' '.join(learnt_together(model, task, side, options))} {model}.safetensors"
    path = checkpoints / name if checkpoints else None
    return make_estimator(model, task, options, tell, path)


def _summary(estimator: Any, task: Task, n_rows: int) -> dict[str, Any]:
    """Say on how many faces it was trained, and how far it can be trusted.

    The score is measured inside the training rows, on subjects set aside: a hint, not a test.
    """
    score = float(estimator.best_score_)
    known = score == score
    measure = "mean_absolute_error_years" if task.is_regression else "accuracy"
    value = (-score if task.is_regression else score) if known else None
    return {"n_faces": n_rows, f"inner_{measure}": value}


def _metadata(faces: FaceTable, model: str, options: ModelOptions) -> dict[str, Any]:
    cache = faces.cache
    return {
        "model": model,
        "input": "chips" if takes_chips(model) else "embeddings",
        "aligner": cache.aligner.settings,
        "embedding": cache.options.settings,
        "backbone": {
            "name": str(cache.backbone),
            "chip_size": cache.backbone.chip_size,
            "padding": cache.backbone.padding,
            "settings": cache.backbone.settings,
            **cache.backbone.origin,
        },
        "dataset": faces.manifest.dataset,
        "notes": list(dict.fromkeys((*faces.manifest.notes, *cache.backbone.notes))),
        "seed": options.seed,
        "versions": spaces.made_by() | spaces.versions("scikit-learn"),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }
