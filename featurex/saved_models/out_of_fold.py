"""A model's honest scores: what it predicted of people that it had not seen in training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from featurex.comparison.experiment import Result
from featurex.comparison.face_table import FaceTable
from featurex.comparison.run_record import table_sha256
from featurex.models.names import parts_of, takes_chips
from featurex.models.options import ModelOptions
from featurex.report.run_folder import read_record
from featurex.tasks import task_labels
from pipelines import Comparison, Task, compare, predictions
from pipelines.out_of_fold.contract import repeats_of

# What a comparison's record has at least.
_RECORD = {"protocol": str, "n_folds": int, "models": list, "tasks": list, "options": dict}
# What changes a network; scikit-learn's models tune themselves.
_NETWORK_OPTIONS = ("epochs", "batch_size", "training")


@dataclass(frozen=True)
class OutOfFold:
    """The out-of-fold predictions of one model.

    Attributes
    ----------
    model : str
    tasks : sequence of Task
        Those that it was measured on.
    comparison : Comparison
        Its scores alone.
    predictions : DataFrame
        Its rows of the out-of-fold table.
    groups : DataFrame
        As of `featurex.comparison.experiment.Result`.
    protocol : str
    n_folds : int
    source : str
        Where they come from, in words.
    """

    model: str
    tasks: Sequence[Task]
    comparison: Comparison
    predictions: pd.DataFrame
    groups: pd.DataFrame
    protocol: str
    n_folds: int
    source: str

    @property
    def names_people(self) -> bool:
        """Whether any photo names its person; without, each photo counts as a person of its own."""
        return "subject_id" in self.predictions and bool(
            self.predictions["subject_id"].notna().any()
        )

    @property
    def names_everybody(self) -> bool:
        """Whether every photo names its person."""
        return "subject_id" in self.predictions and bool(
            self.predictions["subject_id"].notna().all()
        )

    @property
    def n_repeats(self) -> int:
        """How often the photos were put into folds."""
        return len(np.unique(repeats_of(self.predictions)))

    @property
    def keeps_people_apart(self) -> bool:
        """Whether every photo names its person, and no person is in two folds of a repeat."""
        if not self.names_everybody:
            return False
        people = self.predictions.groupby(["subject_id", repeats_of(self.predictions)])
        return bool((people["fold"].nunique() == 1).all())


def from_result(result: Result, tasks: Sequence[Task], model: str, source: str) -> OutOfFold:
    """Take one model's part of a comparison.

    Parameters
    ----------
    result : Result
    tasks : sequence of Task
        Those that the comparison lacks are left out.
    model : str
    source : str
        As of `OutOfFold`.

    Raises
    ------
    ValueError
        The model was not compared on any of the tasks.
    """
    record = result.record
    measured = _only(result.predictions, tasks, model)
    seed = record["options"]["seed"]
    return _make(measured, tasks, model, result.groups, record, seed, source)


def read_comparison(folder: Path) -> dict[str, Any]:
    """Read the record of a comparison that was written into a folder.

    Raises
    ------
    ValueError
        It is not that of a comparison.
    RunError
        It can't be read.
    """
    record = read_record(folder)
    if not all(isinstance(record.get(name), kind) for name, kind in _RECORD.items()):
        raise ValueError(
            f"{folder / 'run.json'} is not the record of a comparison: name the folder that "
            "'featurex compare' wrote."
        )
    return record


def from_folder(
    folder: Path, faces: FaceTable, tasks: Sequence[Task], model: str, options: ModelOptions
) -> OutOfFold:
    """Take one model's part of a comparison that was written into a folder.

    Parameters
    ----------
    folder : Path
        As `featurex.report.files.write_result` wrote it.
    faces : FaceTable
    tasks : sequence of Task
    model : str
    options : ModelOptions

    Raises
    ------
    ValueError
        The comparison is of other data, embeddings, models, tasks or training settings.
    RunError
        Its record can't be read.
    PredictionTableError
        Its predictions are damaged.
    """
    record = read_comparison(folder)
    differences = list(_differences(record, faces, tasks, model, options))
    if differences:
        raise ValueError(
            f"The comparison in {folder} says nothing of this model: {'; '.join(differences)}."
        )
    measured = _only(predictions.read(folder / "predictions.csv"), tasks, model)
    predictions.validate(measured, tasks)
    for task in tasks:
        _check_labels(measured, faces, task, folder)
    source = f"taken from the comparison in {folder.resolve().name}"
    return _make(measured, tasks, model, faces.labels, record, options.seed, source)


def _make(
    measured: pd.DataFrame,
    tasks: Sequence[Task],
    model: str,
    groups: pd.DataFrame,
    record: dict[str, Any],
    seed: int,
    source: str,
) -> OutOfFold:
    known = [task for task in tasks if (measured["task"] == task.name).any()]
    if not known:
        names = ", ".join(task.name for task in tasks)
        raise ValueError(f"The comparison has no predictions of {model!r} for {names}.")
    scores = compare(measured, known, random_state=seed)
    protocol, n_folds = str(record["protocol"]), int(record["n_folds"])
    return OutOfFold(model, known, scores, measured, groups, protocol, n_folds, source)


def _only(table: pd.DataFrame, tasks: Sequence[Task], model: str) -> pd.DataFrame:
    """Return a model's rows, with the probabilities of these tasks only."""
    names = [task.name for task in tasks]
    rows = table[(table["model"] == model) & table["task"].isin(names)]
    wanted = {column for task in tasks for column in task.probability_columns}
    others = [name for name in table if name.startswith("p_") and name not in wanted]
    return rows.drop(columns=others).reset_index(drop=True)


def _differences(
    record: dict[str, Any],
    faces: FaceTable,
    tasks: Sequence[Task],
    model: str,
    options: ModelOptions,
) -> Any:
    """Yield in what a comparison differs from a fit, in words."""
    here = {"manifest_sha256": table_sha256(faces.table), "space": faces.cache.space.id}
    for name, value in here.items():
        if record.get(name) != value:
            what = "other faces or labels" if name == "manifest_sha256" else "other embeddings"
            yield f"it is of {what} ({name} {str(record.get(name))[:16]}, here {value[:16]})"
    if model not in record["models"]:
        yield f"it has no {model}, but {', '.join(map(str, record['models']))}"
    if missing := [task.name for task in tasks if task.name not in record["tasks"]]:
        yield f"it lacks the task {', '.join(missing)} (name those to fit with --task)"
    if any(map(takes_chips, parts_of(model))):
        there, wanted = record["options"], asdict(options) | {"training": list(options.training)}
        for name in _NETWORK_OPTIONS:
            if there.get(name) != wanted[name]:
                yield f"its networks have {name} {there.get(name)!r}, here {wanted[name]!r}"


def _check_labels(measured: pd.DataFrame, faces: FaceTable, task: Task, folder: Path) -> None:
    """Raise ValueError unless every labelled face was tested, against the label it has here."""
    rows, y = task_labels(faces.table, task)
    here = pd.Series(y, index=faces.table["image_id"].iloc[rows])
    column = "years_true" if task.is_regression else "y_true"
    part = measured[measured["task"] == task.name]
    there = part.set_index("image_id")[column].groupby(repeats_of(part))
    if not len(part) or not all(_same_labels(here, labels) for _, labels in there):
        raise ValueError(
            f"The predictions in {folder} are of other faces or labels than the rows for "
            f"{task.name!r}: compare again, or leave --comparison out."
        )


def _same_labels(here: pd.Series, there: pd.Series) -> bool:
    matching = there.reindex(here.index) if there.index.is_unique else there
    return len(there) == len(here) and bool((matching.to_numpy() == here.to_numpy()).all())
