"""The comparison: every model and task on the same faces, in the same folds."""

from __future__ import annotations

import hashlib
import os
import platform
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from featurex import spaces
from featurex.chips import ChipRows
from featurex.face_cache import FaceCache
from featurex.fold_fits import FoldFits
from featurex.manifest import Manifest
from featurex.models import (
    ModelOptions,
    network_name,
    parts_of,
    serves,
    single_models,
    takes_chips,
    takes_embeddings,
)
from featurex.tasks import side_labels, task_labels
from pipelines import (
    Comparison,
    Evaluation,
    Folds,
    Task,
    assign_folds,
    compare,
    cross_validate,
    fusion,
    predictions,
)

# Chips whose embedding is timed, for the time a face costs an embedding's model.
TIMED_CHIPS = 64
AVERAGE_NOTE = (
    "A+B: the average of what A and B predict out of fold: mean log-odds of classes (the geometric "
    "mean of the probabilities, renormalised), mean years. Its times are the sum of theirs, with "
    "one embedding."
)


@dataclass(frozen=True)
class Design:
    """What is compared, and how.

    Attributes
    ----------
    tasks : sequence of Task
    models : sequence of str
        As `featurex.models.check_model_names` returns them.
    protocol : str
        As `pipelines.assign_folds` takes it.
    n_folds : int
    options : ModelOptions
    """

    tasks: Sequence[Task]
    models: Sequence[str]
    protocol: str = "auto"
    n_folds: int = 5
    options: ModelOptions = field(default_factory=ModelOptions)

    def models_for(self, task: Task) -> list[str]:
        """Return the models that are for a task."""
        return [model for model in self.models if serves(model, task.name)]


@dataclass(frozen=True)
class Result:
    """A comparison and all that it was made from.

    Attributes
    ----------
    comparison : Comparison
    predictions, timings : DataFrame
        Out of fold; one row a task, model and fold, also of models that are only part of an
        average.
    record : dict
        Every setting, version and hash, as JSON.
    groups : DataFrame
        ``gender``, ``age_group`` and ``race`` of every face, where labelled, by `image_id`: what
        errors are looked at by.
    """

    comparison: Comparison
    predictions: pd.DataFrame
    timings: pd.DataFrame
    record: dict[str, Any]
    groups: pd.DataFrame


class FaceTable:
    """The rows of a manifest whose face is in the cache.

    Parameters
    ----------
    manifest : Manifest
    cache : FaceCache
        Already filled by `featurex.extraction.extract`.

    Attributes
    ----------
    table : DataFrame
        The manifest's rows with an embedding.
    n_without_face : int
        The manifest's other rows.

    Raises
    ------
    ValueError
        Not one row has a face.
    """

    def __init__(self, manifest: Manifest, cache: FaceCache) -> None:
        there = cache.embeddings.contains(manifest.table["image_id"].tolist())
        self.manifest = manifest
        self.cache = cache
        self.table = manifest.table[there].reset_index(drop=True)
        self.n_without_face = int((~there).sum())
        if self.table.empty:
            raise ValueError(
                f"No face was found in the {len(manifest)} photos of {manifest.dataset!r}."
            )

    @property
    def groups(self) -> np.ndarray | None:
        """The subject of each row; None where the data set names none."""
        subjects = self.table["subject_id"]
        return subjects.to_numpy(object) if subjects.notna().any() else None

    def features(self, model: str, rows: np.ndarray) -> Any:
        """Return what a model takes, for some rows: embeddings, or chips to be read later."""
        ids = self.table["image_id"].iloc[rows].tolist()
        if takes_chips(model):
            return ChipRows(self.cache.chip_column(ids))
        return self.cache.embedding_column(ids)[:]

    @property
    def labels(self) -> pd.DataFrame:
        """The columns by which errors are looked at, by `image_id`."""
        return self.table.set_index("image_id")[["gender", "age_group", "race"]]

    def folds(self, design: Design) -> Folds:
        """Assign every row to a fold, the same for all tasks and models."""
        return assign_folds(
            design.protocol,
            n_rows=len(self.table),
            labels=_strata(self.table).tolist(),
            groups=None if self.groups is None else self.groups.tolist(),
            fold=self.table["fold"].tolist(),
            n_folds=design.n_folds,
            random_state=design.options.seed,
        )

    def side_labels(self, model: str, task: Task, rows: np.ndarray) -> dict[str, np.ndarray]:
        """Return the labels of other tasks that a network learns beside its own, for some rows."""
        if not takes_chips(model):
            return {}
        from featurex.networks import get_network

        wanted = get_network(network_name(model)).side_heads
        return side_labels(self.table.iloc[rows], task, wanted)


def run(
    faces: FaceTable,
    design: Design,
    on_step: Callable[[str], None] = lambda step: None,
    *,
    on_epoch: Callable[[str], None] = lambda line: None,
    checkpoints: Path | None = None,
) -> Result:
    """Cross-validate every model on every task; average those that are parts of an average.

    Parameters
    ----------
    faces : FaceTable
    design : Design
    on_step : callable
        Called with one line after every fold of every single model.
    on_epoch : callable
        Called with one line after every epoch of every network.
    checkpoints : Path, optional
        Folder where networks write their state, from which a killed comparison goes on. The
        caller removes it.

    Returns
    -------
    Result

    Raises
    ------
    ValueError
        The protocol does not fit the data, or there are too few rows for the folds.
    """
    folds = faces.folds(design)
    tables, times, chosen = [], [], []
    for task in design.tasks:
        evaluations = {}
        for model in single_models(design.models_for(task)):
            fits = FoldFits(task, model, design.options, on_step, on_epoch, checkpoints)
            evaluation, parameters = _evaluate(faces, folds, fits)
            evaluations[model] = evaluation
            chosen += parameters
        evaluations |= _averages(evaluations, design, task)
        tables += [evaluations[model].predictions for model in design.models_for(task)]
        times += [evaluation.timings for evaluation in evaluations.values()]
    table = predictions.concat(tables)
    embedding_ms = _embedding_ms(faces)
    timings = pd.concat(times, ignore_index=True)
    # An average embeds a face once, however many of its parts take the embedding.
    on_embeddings = timings["model"].map(takes_embeddings)
    timings.loc[on_embeddings, "predict_ms_per_row"] += embedding_ms
    notes, seed = _notes(faces, design, folds), design.options.seed
    comparison = compare(
        table, design.tasks, _with_costs(timings, chosen), notes, random_state=seed
    )
    record = _record(faces, design, folds) | {
        "embedding_ms_per_face": embedding_ms,
        "parameters": chosen,
        "timings": timings.to_dict("records"),
    }
    return Result(comparison, table, timings, record, faces.labels)


def _with_costs(timings: pd.DataFrame, chosen: list[dict[str, Any]]) -> pd.DataFrame:
    """Put beside the timings of networks what each fold's has and took."""
    fit, costs = ["task", "model", "fold"], ["n_parameters", "seconds_per_epoch"]
    known = pd.DataFrame(chosen).reindex(columns=fit + costs)
    return timings.merge(known.astype(dict.fromkeys(costs, float)), on=fit, how="left")


def _averages(
    evaluations: dict[str, Evaluation], design: Design, task: Task
) -> dict[str, Evaluation]:
    return {
        model: fusion.average([evaluations[part] for part in parts_of(model)], task, model)
        for model in design.models_for(task)
        if model not in evaluations
    }


def _evaluate(
    faces: FaceTable, folds: Folds, fits: FoldFits
) -> tuple[Evaluation, list[dict[str, Any]]]:
    task, model = fits.task, fits.model
    rows, y = task_labels(faces.table, task)
    side = faces.side_labels(model, task, rows)
    evaluation = cross_validate(
        fits.make,
        faces.features(model, rows),
        y,
        task=task,
        model=model,
        image_ids=faces.table["image_id"].iloc[rows].tolist(),
        folds=folds.fold[rows],
        groups=None if faces.groups is None else faces.groups[rows],
        years=None if task.is_regression else faces.table["age"].to_numpy(float)[rows],
        fit_extras={"side": side} if side else None,
        progress=fits.after_fold,
    )
    numbers = evaluation.timings["fold"].tolist()
    return evaluation, [
        chosen | {"fold": fold} for chosen, fold in zip(fits.chosen, numbers, strict=True)
    ]


def _strata(table: pd.DataFrame) -> pd.Series:
    """Return the labels that the folds are balanced by: gender and age group, or decade."""
    decades = (table["age"] // 10).astype(str)
    ages = table["age_group"].astype(object).where(table["age_group"].notna(), decades)
    return ages.astype(str) + " " + table["gender"].astype(str)


def _embedding_ms(faces: FaceTable) -> float:
    """Time the frozen backbone, in milliseconds a face."""
    ids = faces.table["image_id"].head(TIMED_CHIPS).tolist()
    chips = faces.cache.chip_column(ids)[:]
    faces.cache.embedder(chips[:1])  # the first call also prepares the kernels
    started = time.perf_counter()
    faces.cache.embedder(chips)
    return 1000 * (time.perf_counter() - started) / len(chips)


def _notes(faces: FaceTable, design: Design, folds: Folds) -> list[str]:
    n = len(faces.table)
    return [
        f"Data set {faces.manifest.dataset}: {n} faces, {faces.n_without_face} photos without one.",
        *faces.manifest.notes,
        folds.note,
        f"Embeddings: {faces.cache.label}, frozen. Seed {design.options.seed}.",
        "Predict: embedding (or forward pass) and model, without finding the face.",
        "MAE of age-group: expected age from the group probabilities, on faces inside the groups; "
        "of age: a regressor, on all faces.",
        *_only_for(design),
        *([AVERAGE_NOTE] if list(design.models) != single_models(design.models) else []),
    ]


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


def _record(faces: FaceTable, design: Design, folds: Folds) -> dict[str, Any]:
    cache = faces.cache
    return {
        "dataset": faces.manifest.dataset,
        "photos": {
            "found": faces.manifest.found,
            "dropped": faces.manifest.dropped,
            "without_face": faces.n_without_face,
            "faces": len(faces.table),
        },
        "manifest_sha256": _table_sha256(faces.table),
        "tasks": [task.name for task in design.tasks],
        "models": list(design.models),
        "options": asdict(design.options),
        "protocol": folds.protocol,
        "n_folds": folds.n_folds,
        "aligner": cache.aligner.settings,
        "backbone": cache.backbone.settings,
        "embedding": cache.options.settings,
        "space": cache.space.id,
        "versions": spaces.made_by()
        | spaces.versions("scikit-learn", "skorch", "pandas", "scipy", "joblib"),
        "machine": {
            "python": platform.python_version(),
            "system": platform.platform(),
            "cores": os.cpu_count(),
        },
    }


def _table_sha256(table: pd.DataFrame) -> str:
    """Hash who is in the comparison, with which labels; paths don't matter."""
    labels = table.drop(columns="path").sort_values("image_id")
    return hashlib.sha256(labels.to_csv(index=False).encode()).hexdigest()
