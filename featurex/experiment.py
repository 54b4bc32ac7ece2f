"""The comparison: every model and task on the same faces, in the same folds."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from featurex import run_record
from featurex.design import Design
from featurex.face_table import FaceTable
from featurex.fold_fits import FoldFits
from featurex.models import parts_of, single_models, takes_embeddings
from featurex.outside import outside_predictions
from featurex.tasks import task_labels
from pipelines import (
    Comparison,
    Evaluation,
    Folds,
    Task,
    compare,
    cross_validate,
    fusion,
    predictions,
)

# Chips whose embedding is timed, for the time a face costs an embedding's model.
TIMED_CHIPS = 64


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
        tables += [
            outside_predictions(model, faces, task, folds)
            for model in design.outside
            if task.name in model.answers
        ]
        times += [evaluation.timings for evaluation in evaluations.values()]
    table = predictions.concat(tables)
    embedding_ms = _embedding_ms(faces)
    timings = pd.concat(times, ignore_index=True)
    # An average embeds a face once, however many of its parts take the embedding.
    on_embeddings = timings["model"].map(takes_embeddings)
    timings.loc[on_embeddings, "predict_ms_per_row"] += embedding_ms
    seed = design.options.seed
    comparison = compare(
        table,
        design.tasks,
        _with_costs(timings, chosen),
        run_record.notes(faces, design, folds),
        facts=run_record.facts(faces, folds),
        random_state=seed,
    )
    record = run_record.record(faces, design, folds) | {
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
        protocol=folds.protocol,
        groups=None if faces.groups is None else faces.groups[rows],
        years=None if task.is_regression else faces.table["age"].to_numpy(float)[rows],
        fit_extras={"side": side} if side else None,
        progress=fits.after_fold,
    )
    numbers = evaluation.timings["fold"].tolist()
    return evaluation, [
        chosen | {"fold": fold} for chosen, fold in zip(fits.chosen, numbers, strict=True)
    ]


def _embedding_ms(faces: FaceTable) -> float:
    """Time the frozen backbone, in milliseconds a face."""
    ids = faces.table["image_id"].head(TIMED_CHIPS).tolist()
    chips = faces.cache.chip_column(ids)[:]
    faces.cache.embedder(chips[:1])  # the first call also prepares the kernels
    started = time.perf_counter()
    faces.cache.embedder(chips)
    return 1000 * (time.perf_counter() - started) / len(chips)
