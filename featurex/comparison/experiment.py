"""The comparison: every model and task on the same faces, in the same folds.

What was computed is kept, where the caller names a folder: the fits
(`featurex.comparison.model_fits`), the time an embedding takes, and the scores with their intervals
and tests. A run that is repeated reads all of it and gives the same result to the last digit.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from featurex.comparison import run_record
from featurex.comparison.design import Design
from featurex.comparison.face_table import FaceTable
from featurex.comparison.fold_fits import (
    fit_all,
    left_out_notes,
    sample_notes,
    sharing_notes,
    timing_note,
)
from featurex.comparison.fold_rows import SharedEmbeddings, SomeRows
from featurex.comparison.kept import Kept
from featurex.comparison.kept_comparison import compare_once
from featurex.comparison.model_fits import ModelFits
from featurex.comparison.outside import outside_predictions
from featurex.digests import digest
from featurex.extraction import spaces
from featurex.models.names import parts_of, takes_chips, takes_embeddings
from featurex.tasks import task_labels
from pipelines import (
    Comparison,
    CrossValidation,
    Evaluation,
    Folds,
    Task,
    fusion,
    predictions,
)

# Chips whose embedding is timed, for the time a face costs an embedding's model.
TIMED_CHIPS = 64
_TIMED = "embedding ms"
# Where all that is compared comes from outside.
_NO_TIMINGS = pd.DataFrame(
    {"task": [], "model": [], "fold": [], "fit_seconds": [], "predict_ms_per_row": []}
)


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
    n_before : int
        Fits that an earlier run had finished.
    """

    comparison: Comparison
    predictions: pd.DataFrame
    timings: pd.DataFrame
    record: dict[str, Any]
    groups: pd.DataFrame
    n_before: int = 0

    def __str__(self) -> str:
        return str(self.comparison)

    def _repr_html_(self) -> str:
        """Return the table as a notebook shows it."""
        return self.comparison._repr_html_()


def run(
    faces: FaceTable,
    design: Design,
    on_step: Callable[[str], None] = lambda step: None,
    *,
    on_epoch: Callable[[str], None] = lambda line: None,
    checkpoints: Path | None = None,
    kept: Kept | None = None,
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
        Folder where networks write their state, from which a killed comparison goes on, and which
        tasks that are learnt together share. The caller removes it.
    kept : Kept, optional
        Where finished fits and scores are read from and written to.

    Returns
    -------
    Result

    Raises
    ------
    ValueError
        The protocol does not fit the data, or there are too few rows for the folds.
    BackboneError
        The backbone was trained on some of the faces.
    """
    faces.cache.backbone.check_unseen(faces.table)
    folds = faces.folds(design)
    outside = _outside_tables(faces, folds, design)
    models = _all_fits(faces, folds, design, checkpoints)
    n_before = fit_all(models, kept, design.options.n_jobs, on_step, on_epoch)
    chosen = [row for fits in models for row in fits.chosen()]
    table, timings = _gather(models, outside, design)
    embedding_ms = _embedding_ms_once(faces, kept)
    # An average embeds a face once, however many of its parts take the embedding.
    on_embeddings = timings["model"].map(takes_embeddings)
    timings.loc[on_embeddings, "predict_ms_per_row"] += embedding_ms
    comparison = compare_once(
        kept,
        table,
        design.tasks,
        _with_costs(timings, chosen),
        [
            *run_record.notes(faces, design, folds),
            *left_out_notes(models),
            *sample_notes(chosen),
            *sharing_notes(chosen),
            *timing_note(chosen, design.options),
        ],
        facts=run_record.facts(faces, folds),
        random_state=design.options.seed,
    )
    record = run_record.record(faces, design, folds) | {
        "embedding_ms_per_face": embedding_ms,
        "parameters": chosen,
        "timings": timings.to_dict("records"),
    }
    return Result(comparison, table, timings, record, faces.labels, n_before)


def _all_fits(
    faces: FaceTable, folds: Folds, design: Design, checkpoints: Path | None
) -> list[ModelFits]:
    """Return the fits of every task and single model, unfinished."""
    shared = SharedEmbeddings(faces)
    return [
        ModelFits(
            faces,
            _validation(faces, folds, task, model, shared),
            design.options,
            checkpoints,
        )
        for task in design.tasks
        for model in design.fitted_for(task)
    ]


def _outside_tables(
    faces: FaceTable, folds: Folds, design: Design
) -> dict[str, dict[str, pd.DataFrame]]:
    """Return the predictions of the models from outside, by task and name.

    Before anything is fitted: what can't be averaged should not show after hours.
    """
    tables = {
        task.name: {
            model.name: outside_predictions(model, faces, task, folds)
            for model in design.outside_for(task)
        }
        for task in design.tasks
    }
    for task in design.tasks:
        for average in design.mixed_for(task):
            for name in average.outside:
                fusion.check_complete(tables[task.name][name], task)
    return tables


def _gather(
    models: Sequence[ModelFits], outside: Mapping[str, Mapping[str, pd.DataFrame]], design: Design
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the predictions of all that is compared, and the timings of all that was fitted."""
    tables, times = [], []
    for task in design.tasks:
        evaluations = {fits.model: fits.evaluation() for fits in models if fits.task is task}
        evaluations |= _averages(evaluations, design, task)
        tables += [evaluations[model].predictions for model in design.models_for(task)]
        single = {name: fitted.predictions for name, fitted in evaluations.items()}
        known = single | dict(outside[task.name])
        tables += [average.predictions(known, task) for average in design.mixed_for(task)]
        tables += outside[task.name].values()
        times += [evaluation.timings for evaluation in evaluations.values()]
    timings = pd.concat(times, ignore_index=True) if times else _NO_TIMINGS
    return predictions.concat(tables), timings


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


def _validation(
    faces: FaceTable, folds: Folds, task: Task, model: str, shared: SharedEmbeddings
) -> CrossValidation:
    rows, y = task_labels(faces.table, task)
    side = faces.side_labels(model, task, rows)
    return CrossValidation(
        faces.features(model, rows) if takes_chips(model) else SomeRows(shared, rows),
        y,
        task=task,
        model=model,
        image_ids=faces.table["image_id"].iloc[rows].tolist(),
        folds=folds.fold[rows],
        protocol=folds.protocol,
        groups=None if faces.groups is None else faces.groups[rows],
        years=None if task.is_regression else faces.table["age"].to_numpy(float)[rows],
        fit_extras={"side": side} if side else None,
    )


def _embedding_ms_once(faces: FaceTable, kept: Kept | None) -> float:
    """Time the frozen backbone, or read how long it took when it was timed."""
    if kept is None:
        return _embedding_ms(faces)
    cache = faces.cache
    n_chips = min(TIMED_CHIPS, len(faces.table))
    key = digest(cache.space.id, cache.device, cache.batch_size, spaces.made_by(), n_chips)
    if found := kept.load(_TIMED, key):
        return found[1]["ms"]
    milliseconds = _embedding_ms(faces)
    kept.save(_TIMED, key, {}, {"ms": milliseconds})
    return milliseconds


def _embedding_ms(faces: FaceTable) -> float:
    """Time the frozen backbone, in milliseconds a face: what a chip shows makes no difference."""
    side = faces.cache.chip_format.size
    shape = (min(TIMED_CHIPS, len(faces.table)), side, side, 3)
    chips = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    faces.cache.embedder(chips[:1])  # the first call also prepares the kernels
    started = time.perf_counter()
    faces.cache.embedder(chips)
    return 1000 * (time.perf_counter() - started) / len(chips)
