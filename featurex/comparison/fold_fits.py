"""The fits of a comparison: read where they were finished before, made where not.

Fits of scikit-learn's models are independent and are spread over processes, each with one thread of
linear algebra, so that they come out the same for any number of them; networks use all cores
themselves and are trained one after the other.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from joblib import Parallel, delayed, effective_n_jobs, parallel_config
from threadpoolctl import threadpool_limits

from featurex.comparison.kept import Kept
from featurex.comparison.model_fits import Finished, ModelFits, fit_fold
from featurex.extraction import spaces
from featurex.machine.processes import end_with
from featurex.models.names import takes_chips
from featurex.models.options import ModelOptions
from pipelines import FitJob
from pipelines.report.words import count


def fit_all(
    models: Sequence[ModelFits],
    kept: Kept | None,
    n_jobs: int | None,
    on_step: Callable[[str], None],
    on_epoch: Callable[[str], None],
) -> int:
    """Finish all fits of all models.

    Parameters
    ----------
    models : sequence of ModelFits
    kept : Kept or None
        Where finished fits are read from and written to.
    n_jobs : int or None
        Processes, as in joblib.
    on_step, on_epoch : callable
        Called with one line after every fold, and after every epoch of a network.

    Returns
    -------
    int
        How many fits were finished before.
    """
    n_before = sum(fits.read(kept) for fits in models) if kept else 0
    for fits in models:
        for number in fits.finished:
            on_step(f"{fits.line(number)} (finished before)")
    on_embeddings = [fits for fits in models if not takes_chips(fits.model)]
    for fits, number, done in _fit_spread(on_embeddings, n_jobs):
        fits.finish(number, done, kept)
        on_step(fits.line(number))
    for together in _trainings(models):
        for fits, number in together:
            done = fit_fold(fits.network(number, on_epoch), fits.jobs[number])
            fits.finish(number, done, kept)
            on_step(fits.line(number))
        checkpoint = fits.checkpoint(number)
        if kept and checkpoint:
            checkpoint.unlink(missing_ok=True)  # nobody goes on with it
    return n_before


def _trainings(models: Sequence[ModelFits]) -> list[list[tuple[ModelFits, int]]]:
    """Return the waiting fits of networks, together those that may be of one training.

    The first trains, the others find its checkpoint finished.
    """
    found: dict[str, list[tuple[ModelFits, int]]] = {}
    for fits in models:
        if takes_chips(fits.model):
            for number in fits.waiting:
                found.setdefault(fits.training_name(number), []).append((fits, number))
    return list(found.values())


def sample_notes(chosen: Sequence[dict[str, Any]]) -> list[str]:
    """Say which models learnt from a sample of the training rows."""
    sampled = [row for row in chosen if "n_rows" in row]
    return [
        f"{model} learnt from {max(row['n_rows'] for row in sampled if row['model'] == model)} "
        "training rows of a fold, drawn at random, since its time grows with more than the square "
        "of their number."
        for model in sorted({row["model"] for row in sampled})
    ]


def left_out_notes(models: Sequence[ModelFits]) -> list[str]:
    """Say which classes have too few people to be learnt in some folds."""
    return [
        f"{task}: only one person of {name!r} is in the training of {n_folds} of "
        f"{count(len(jobs), 'fold')}, and nobody is left to tune on: no model learnt it there, and "
        "its faces that were tested there count as wrong."
        for task, jobs in {fits.task.name: fits.jobs for fits in models}.items()
        for name, n_folds in Counter(name for job in jobs for name in job.left_out).items()
    ]


def sharing_notes(chosen: Sequence[dict[str, Any]]) -> list[str]:
    """Say which networks were trained once for several tasks."""
    tasks: dict[tuple[Any, ...], list[str]] = {}
    for row in chosen:
        if "epochs" in row:
            # Data and settings do not tell: two runs may have trained a network for a task each. No
            # two trainings take the same times to the last digit.
            times = tuple(epoch["seconds"] for epoch in row["epochs"])
            tasks.setdefault((row["model"], row["fold"], times), []).append(row["task"])
    shared = {(key[0], " and ".join(names)) for key, names in tasks.items() if len(names) > 1}
    return [
        f"{model} learnt {names} in one training, whose time is told at each of them."
        for model, names in sorted(shared)
    ]


def timing_note(chosen: Sequence[dict[str, Any]], options: ModelOptions) -> list[str]:
    """Say what the fit times of scikit-learn's models are; nothing where there are none."""
    at_once = sorted({row["fits_at_once"] for row in chosen if "fits_at_once" in row})
    if not at_once:
        return []
    number = " or ".join(map(str, at_once))
    note = (
        "Fit: tuning, training and calibration of a fold, by the clock. Models on embeddings: "
        f"{number} fit{'' if number == '1' else 's'} at a time on the machine's cores"
    )
    if options.accelerate is None:
        return [f"{note}."]
    (version,) = spaces.versions("scikit-learn-intelex").values()
    return [f"{note}; SVMs by scikit-learn-intelex {version}, all else by scikit-learn."]


def _fit_spread(
    models: Sequence[ModelFits], n_jobs: int | None
) -> Iterator[tuple[ModelFits, int, Finished]]:
    """Make the waiting fits on embeddings, as many at a time as there are processes for."""
    waiting = [(fits, number) for fits in models for number in fits.waiting]
    if not waiting:
        return
    n_processes = effective_n_jobs(n_jobs)
    at_once = min(n_processes, len(waiting))
    if at_once > 1:
        _read_first(waiting)
        # The longest first, so that no process is left alone with one at the end.
        waiting.sort(key=lambda one: _cost(*one), reverse=True)
    calls = (
        delayed(_fit_alone)(
            position,
            fits.estimator(n_processes // at_once),
            fits.jobs[number],
            at_once,
            os.getpid(),
        )
        for position, (fits, number) in enumerate(waiting)
    )
    for position, done in _each(calls, at_once):
        yield *waiting[position], done


def _read_first(waiting: Sequence[tuple[ModelFits, int]]) -> None:
    """Read what other processes will get: a damaged cache would be an error of pickling there."""
    for fits, number in waiting:
        fits.jobs[number].X[np.zeros(1, np.intp)]


def _each(calls: Iterator[Any], at_once: int) -> Iterator[tuple[int, Finished]]:
    """Yield the results of calls as they come, in processes where several are made at once."""
    if at_once == 1:
        for call, arguments, known in calls:
            yield call(*arguments, **known)
        return
    with parallel_config("loky", n_jobs=at_once, inner_max_num_threads=1):
        yield from Parallel(return_as="generator_unordered", batch_size=1)(calls)


def _fit_alone(
    position: int, estimator: Any, job: FitJob, at_once: int, parent: int
) -> tuple[int, Finished]:
    """Make a fit with one thread of linear algebra, in any process."""
    if parent != os.getpid():
        end_with(parent)
    with threadpool_limits(limits=1):
        done = fit_fold(estimator, job)
    return position, Finished(done.fit, done.chosen | {"fits_at_once": at_once})


# Seconds of a fit on UTKFace, relative to one another: what only decides the order of starting.
_COSTS = {"svm": 3, "random-forest": 5, "mlp": 1}


def _cost(fits: ModelFits, number: int) -> int:
    return _COSTS.get(fits.model, 0) * len(fits.jobs[number].train)


def remove_checkpoints(folder: Path) -> None:
    """Remove the checkpoints in a folder, and the folder if nothing else is in it."""
    if not folder.is_dir():
        return
    for path in [*folder.glob("*.safetensors"), *folder.glob(".*.safetensors.*.tmp")]:
        path.unlink()
    if not any(folder.iterdir()):
        folder.rmdir()
