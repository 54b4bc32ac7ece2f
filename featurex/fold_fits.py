"""The fits of a cross-validation: making them, telling of them, and going on with killed ones."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from featurex.models import ModelOptions, make_estimator, takes_chips
from pipelines import Task


class FoldFits:
    """The fits of one model on one task, fold after fold: how they are made and what they chose.

    Parameters
    ----------
    task : Task
    model : str
    options : ModelOptions
    on_step, on_epoch : callable
        Called with one line after every fold, and after every epoch of a network.
    checkpoints : Path, optional
        Folder where networks write their state.

    Attributes
    ----------
    chosen : list of dict
        One a finished fold.
    """

    def __init__(
        self,
        task: Task,
        model: str,
        options: ModelOptions,
        on_step: Callable[[str], None],
        on_epoch: Callable[[str], None],
        checkpoints: Path | None,
    ) -> None:
        self.task, self.model, self.options = task, model, options
        self.on_step, self.on_epoch, self.checkpoints = on_step, on_epoch, checkpoints
        self.chosen: list[dict[str, Any]] = []

    def make(self) -> Any:
        """Make the estimator of the next fold."""
        if not takes_chips(self.model):
            self.latest = make_estimator(self.model, self.task, self.options)
            return self.latest
        name = f"{self.task.name} {self.model} {len(self.chosen)}"
        self.latest = make_estimator(
            self.model,
            self.task,
            self.options,
            lambda row, n_epochs: self.on_epoch(f"{name} {epoch_line(row, n_epochs)}"),
            self.checkpoints / f"{name}.safetensors" if self.checkpoints else None,
        )
        return self.latest

    def after_fold(self, line: str) -> None:
        """Keep what the estimator chose."""
        names = {"task": self.task.name, "model": self.model}
        self.chosen.append(names | _chosen(self.latest))
        self.on_step(line)


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
