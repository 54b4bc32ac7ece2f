"""The fits of a comparison: read where they were finished before, made where not.

Every finished fit is kept as one file in a folder, under a key of all that decides it (see
`featurex.fit_keys`), with its answers, what it chose and how long it took. So a comparison that was
killed goes on with the first unfinished fit, and one with another model, task or fold fits only
those. Nothing is ever removed here: a comparison that is run again as it was finds its fits, also
after others; who wants the space back (some hundred KB a fit) deletes the folder. A file whose
key nobody asks for any more does no harm.

Fits of scikit-learn's models are independent and are spread over processes, each with one thread of
linear algebra, so that they come out the same for any number of them; networks use all cores
themselves and are trained one after the other.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np
from joblib import Parallel, delayed, effective_n_jobs, parallel_config
from threadpoolctl import threadpool_limits

from featurex import spaces
from featurex.face_table import FaceTable
from featurex.fit_keys import fit_keys
from featurex.kept import Kept, plain
from featurex.models import ModelOptions, make_estimator, takes_chips
from pipelines import CrossValidation, Evaluation, FitJob, FoldFit

_WATCH_SECONDS = 1.0
_TIMES = ("fit_seconds", "predict_seconds")


@dataclass(frozen=True)
class Finished:
    """A finished fit, and what it tells of itself.

    Parameters
    ----------
    fit : FoldFit
    chosen : dict
        JSON: tuned values, or how long it trained.
    """

    fit: FoldFit
    chosen: dict[str, Any]


class ModelFits:
    """The fits of one model on one task.

    Parameters
    ----------
    faces : FaceTable
    validation : CrossValidation
    options : ModelOptions
    checkpoints : Path, optional
        Folder where networks write their state.

    Attributes
    ----------
    jobs : list of FitJob
        One a fold.
    finished : dict of int to Finished
        By position in `jobs`.
    """

    def __init__(
        self,
        faces: FaceTable,
        validation: CrossValidation,
        options: ModelOptions,
        checkpoints: Path | None = None,
    ) -> None:
        self.faces, self.validation, self.options = faces, validation, options
        self.checkpoints = checkpoints
        self.task, self.model = validation.task, validation.model
        self.jobs = validation.jobs()
        self.finished: dict[int, Finished] = {}

    @property
    def waiting(self) -> list[int]:
        """Positions of the fits that are still to be made."""
        return [number for number in range(len(self.jobs)) if number not in self.finished]

    def estimator(self, n_jobs: int | None = None) -> Any:
        """Make the estimator of a fit on embeddings."""
        return make_estimator(self.model, self.task, replace(self.options, n_jobs=n_jobs))

    def network(self, number: int, on_epoch: Callable[[str], None]) -> Any:
        """Make the estimator of a fit on chips, which goes on from its checkpoint."""
        name = f"{self.task.name} {self.model} {number}"
        return make_estimator(
            self.model,
            self.task,
            self.options,
            lambda row, n_epochs: on_epoch(f"{name} {epoch_line(row, n_epochs)}"),
            self._checkpoint(number),
        )

    @cached_property
    def keys(self) -> list[str]:
        """The key of each fit."""
        chips = takes_chips(self.model)
        estimator = self.network(0, lambda line: None) if chips else self.estimator()
        ids = self.validation.image_ids
        return fit_keys(self.faces, self.model, self.options, estimator, self.jobs, ids)

    def read(self, kept: Kept) -> int:
        """Take what was finished before; return how many fits that were."""
        columns = [*self.task.probability_columns, "years_pred"]
        for number, key in enumerate(self.keys):
            if found := kept.load(self._name(number), key):
                stored, record = found
                answers = {name: stored[name] for name in columns}
                times = {name: record[name] for name in _TIMES}
                job = self.jobs[number]
                fit = FoldFit(job.fold, answers, n_train=len(job.train), **times)
                self.finished[number] = Finished(fit, record["chosen"])
        return len(self.finished)

    def finish(self, number: int, done: Finished, kept: Kept | None) -> None:
        """Take a fit that was just made, and keep it."""
        self.finished[number] = done
        if kept:
            times = {name: getattr(done.fit, name) for name in _TIMES}
            record = times | {"chosen": done.chosen}
            kept.save(self._name(number), self.keys[number], done.fit.answers, record)
            if checkpoint := self._checkpoint(number):
                checkpoint.unlink(missing_ok=True)  # nobody goes on with it

    def line(self, number: int) -> str:
        """Say in one line what a fit took."""
        return self.validation.line(self.finished[number].fit)

    def evaluation(self) -> Evaluation:
        """Put all fits together."""
        return self.validation.gather([done.fit for _, done in sorted(self.finished.items())])

    def chosen(self) -> list[dict[str, Any]]:
        """Return what each fit chose, in the order of the folds."""
        names = {"task": self.task.name, "model": self.model}
        return [
            names | done.chosen | {"fold": done.fit.fold}
            for _, done in sorted(self.finished.items())
        ]

    def _name(self, number: int) -> str:
        return f"{self.task.name} {self.model} {self.jobs[number].fold}"

    def _checkpoint(self, number: int) -> Path | None:
        if self.checkpoints is None:
            return None
        return self.checkpoints / f"{self.task.name} {self.model} {number}.safetensors"


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
    for fits in models:
        if takes_chips(fits.model):
            for number in fits.waiting:
                estimator = fits.network(number, on_epoch)
                fits.finish(number, _fit(estimator, fits.jobs[number]), kept)
                on_step(fits.line(number))
    return n_before


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
        _end_with(parent)
    with threadpool_limits(limits=1):
        done = _fit(estimator, job)
    return position, Finished(done.fit, done.chosen | {"fits_at_once": at_once})


@cache
def _end_with(parent: int) -> None:
    """End this process soon after the one that asked for its work: joblib's outlive a kill -9."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_WATCH_SECONDS)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _fit(estimator: Any, job: FitJob) -> Finished:
    fit = job.run(estimator)
    return Finished(fit, plain(_chosen(estimator)))


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


def epoch_line(row: dict[str, Any], n_epochs: int) -> str:
    """Say in a few words how a network's epoch went."""
    losses = f"loss {row['train_loss']:.3f}, validation {row['valid_loss']:.3f}"
    return f"epoch {row['epoch']}/{n_epochs}: {losses}, {row['seconds']:.1f} s"


def _chosen(estimator: Any) -> dict[str, Any]:
    """Return what a fitted estimator chose for itself: tuned values, or how long it trained."""
    if hasattr(estimator, "best_params_"):
        score = estimator.best_score_  # NaN where there was nothing to choose from
        known = None if np.isnan(score) else score
        return {"best_params": dict(estimator.best_params_), "inner_score": known}
    return {
        "n_parameters": estimator.n_parameters_,
        "seconds_per_epoch": float(np.median([row["seconds"] for row in estimator.history_])),
        "epochs": estimator.history_,
    }
