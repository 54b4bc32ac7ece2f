"""The fits of one model on one task, and where they are kept.

Every finished fit is kept as one file in a folder, under a key of all that decides it (see
`featurex.comparison.fit_keys`), with its answers, what it chose and how long it took. So a
comparison that was killed goes on with the first unfinished fit, and one with another model, task
or fold fits only those. Nothing is ever removed here: a comparison that is run again as it was
finds its fits, also after others; who wants the space back (some hundred KB a fit) deletes the
folder. A file whose key nobody asks for any more does no harm.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from featurex.comparison.face_table import FaceTable
from featurex.comparison.fit_keys import fit_keys
from featurex.comparison.kept import Kept, plain
from featurex.models.names import takes_chips
from featurex.models.options import ModelOptions, learnt_together, make_estimator
from pipelines import CrossValidation, Evaluation, FitJob, FoldFit

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
            self.checkpoint(number),
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

    def training_name(self, number: int) -> str:
        """Name a network's training: two tasks that it may serve alike have the same name."""
        job = self.jobs[number]
        tasks = learnt_together(self.model, self.task, job.known.get("side", ()), self.options)
        return f"{' '.join(tasks)} {self.model} {job.fold}"

    def checkpoint(self, number: int) -> Path | None:
        """Return the file of a network's state."""
        name = f"{self.training_name(number)}.safetensors"
        return self.checkpoints / name if self.checkpoints else None

    def _name(self, number: int) -> str:
        return f"{self.task.name} {self.model} {self.jobs[number].fold}"


def fit_fold(estimator: Any, job: FitJob) -> Finished:
    """Make a fit, here and now."""
    fit = job.run(estimator)
    if hasattr(estimator, "history_"):
        # What an earlier run, or another task's network, had done of the training belongs to it.
        trained = sum(row["seconds"] for row in estimator.history_)
        fit = replace(fit, fit_seconds=max(fit.fit_seconds, trained))
    n_rows = getattr(estimator, "n_rows_", len(job.train))
    sampled = {"n_rows": n_rows} if n_rows < len(job.train) else {}
    return Finished(fit, plain(_chosen(estimator) | sampled))


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
