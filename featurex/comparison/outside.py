"""Models from outside: their predictions, from a file, on the faces of a comparison.

What a file may hold is said in `featurex.comparison.outside_file`. Such a model is scored on
exactly the faces of the others. A face that it gives no answer for stays in its rows as unanswered,
and `pipelines.out_of_fold.tallies` says how that counts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from featurex.comparison.face_table import FaceTable
from featurex.comparison.outside_answers import Answer
from featurex.comparison.outside_file import Line, PredictionFile
from featurex.comparison.outside_model import OutsideModel
from featurex.files import open_regular
from featurex.manifest import Manifest
from featurex.photos.hashing import image_id
from featurex.photos.names import PhotoNames
from featurex.printable import printable
from featurex.tasks import task_labels
from pipelines import Folds, PredictionTableError, Task, predictions

_NAME = re.compile(r"[A-Za-z0-9][\w.@-]{0,59}", re.ASCII)


def outside_names(words: Sequence[str]) -> list[str]:
    """Return what models from outside are called, of which `read_outside` takes the same words."""
    return [_split(word)[0] for word in words]


def read_outside(
    words: Sequence[str], manifest: Manifest, tasks: Sequence[Task], models: Sequence[str]
) -> tuple[OutsideModel, ...]:
    """Read the predictions of models from outside.

    Parameters
    ----------
    words : sequence of str
        ``NAME=FILE`` each, or ``NAME:MODEL=FILE`` for one of several models of a table that
        `featurex compare` wrote.
    manifest : Manifest
        Whose photos are tested.
    tasks : sequence of Task
    models : sequence of str
        Names that are taken.

    Returns
    -------
    tuple of OutsideModel

    Raises
    ------
    ValueError
        Words that are not so, or a name that is taken or can't be part of a file name.
    DatasetError
        A file can't be read.
    PredictionTableError
        A file, or a line in it, can't be used.
    """
    found: list[OutsideModel] = []
    for word in words:
        name, model, path = _split(word)
        if name in [*models, *(other.name for other in found)]:
            raise ValueError(f"The name {name!r} of --predictions {word} is taken: choose another.")
        found.append(_read(name, model, path, manifest, tasks))
    return tuple(found)


def outside_predictions(
    model: OutsideModel, faces: FaceTable, task: Task, folds: Folds
) -> pd.DataFrame:
    """Return a model's rows of the out-of-fold table: one for every face that is tested.

    Parameters
    ----------
    model : OutsideModel
    faces : FaceTable
    task : Task
        One that the model has an answer for.
    folds : Folds
        Of `faces`.

    Returns
    -------
    DataFrame
        As `pipelines.out_of_fold.predictions` describes; ``y_pred`` and ``answered`` only where
        needed.
    """
    rows, y = task_labels(faces.table, task)
    return predictions.concat(
        _rows(model, faces, task, rows[tested], y[tested], fold[tested], repeat)
        for repeat, fold, tested in _repeats(folds.fold[rows])
    )


def _repeats(folds: np.ndarray) -> Iterator[tuple[int | None, np.ndarray, np.ndarray]]:
    """Yield the number of each repeat, None of the only one, its folds, and what it tests."""
    for number, column in enumerate(folds.reshape(len(folds), -1).T):
        yield (number if folds.ndim > 1 else None), column, column >= 0


def _rows(
    model: OutsideModel,
    faces: FaceTable,
    task: Task,
    rows: np.ndarray,
    y: np.ndarray,
    fold: np.ndarray,
    repeat: int | None,
) -> pd.DataFrame:
    labelled = faces.table.iloc[rows]
    given = model.answers[task.name]
    answers = [given.get(found) for found in labelled["image_id"]]
    ages = labelled["age"].to_numpy(np.float64)
    table = pd.DataFrame(
        {
            "image_id": labelled["image_id"].to_numpy(object),
            "task": task.name,
            "model": model.name,
            "fold": fold,
            "y_true": pd.array([None] * len(y) if task.is_regression else y, dtype="str"),
            "years_true": y if task.is_regression else ages,
            "years_pred": [np.nan if a is None else a.years for a in answers],
        }
    )
    if faces.groups is not None:
        table["subject_id"] = faces.groups[rows]
    if repeat is not None:
        table["repeat"] = repeat
    if any(answer is None for answer in answers):
        table["answered"] = [int(answer is not None) for answer in answers]
    if any(answer is not None and answer.y_pred is not None for answer in answers):
        table["y_pred"] = [None if a is None else a.y_pred for a in answers]
    return table.join(_probabilities(answers, task))


def _probabilities(answers: Sequence[Answer | None], task: Task) -> pd.DataFrame:
    columns = task.probability_columns
    silent = (np.nan,) * len(columns)
    values = [silent if a is None or a.probabilities is None else a.probabilities for a in answers]
    shape = (len(values), len(columns))
    return pd.DataFrame(np.array(values, dtype=np.float64).reshape(shape), columns=columns)


def _split(word: str) -> tuple[str, str | None, Path]:
    names, sign, path = word.partition("=")
    name, colon, model = names.partition(":")
    if not (sign and path and _NAME.fullmatch(name)) or (colon and not model):
        raise ValueError(
            "Predictions are NAME=FILE.csv, the name of letters, digits and . _ - @ (at most 60). "
            f"Got {printable(word)!r}."
        )
    return name, model or None, Path(path)


def _read(
    name: str, model: str | None, path: Path, manifest: Manifest, tasks: Sequence[Task]
) -> OutsideModel:
    file = PredictionFile(path, tasks)
    chosen = _choose(name, model, file)
    answers: dict[str, dict[str, Answer]] = {task.name: {} for task in tasks}
    n_lines = n_others = 0
    for line, found in _find_photos(file, chosen, manifest):
        n_lines += 1
        n_others += found is None
        if found is not None:
            for task, answer in line.answers.items():
                answers[task][found] = answer
    answers = {task: given for task, given in answers.items() if given}
    if not answers:
        raise _nothing_found(file, n_lines, n_others, manifest)
    _check_probabilities(file, answers)
    with open_regular(path) as opened:
        sha256 = image_id(opened.read())
    record: dict[str, Any] = {"name": name, "model": chosen, "file": path.name, "sha256": sha256}
    record |= {"lines": n_lines, "of_other_photos": n_others, "tasks": list(answers)}
    return OutsideModel(name, answers, _notes(record, tasks), record)


def _choose(name: str, model: str | None, file: PredictionFile) -> str | None:
    """Return which model of an out-of-fold table is meant; None for other files."""
    wanted = model or (file.models[0] if len(file.models) == 1 else name)
    if not file.own:
        if model:
            raise ValueError(
                f"{file.path} is not a table of several models: leave out {':' + model!r}."
            )
        return None
    if wanted not in file.models:
        raise ValueError(
            f"{file.path} has predictions of {', '.join(file.models)}: name one of them, as in "
            f"{name}:{file.models[0]}={file.path}."
        )
    return wanted


def _find_photos(
    file: PredictionFile, model: str | None, manifest: Manifest
) -> Iterator[tuple[Line, str | None]]:
    """Yield every line with the `image_id` of its photo; None where it is of another photo."""
    ids = manifest.table["image_id"].tolist()
    known, names = set(ids), PhotoNames(manifest.table["path"].tolist())
    seen: dict[tuple[str, str], int] = {}
    for line in file.lines(model):
        found = line.image_id if line.image_id in known else None
        if not line.image_id:
            rows = names.find(line.path)
            if len(rows) > 1:
                raise file.error(
                    line.number,
                    f"{line.path!r} is the name of {len(rows)} photos; write more of its path",
                )
            found = ids[rows[0]] if rows else None
        if found is not None:
            first = seen.setdefault((found, line.task), line.number)
            if first != line.number:
                raise file.error(
                    line.number, f"the photo {line.path or found!r} was named in line {first} too"
                )
        yield line, found


def _nothing_found(
    file: PredictionFile, n_lines: int, n_others: int, manifest: Manifest
) -> PredictionTableError:
    if n_others < n_lines:
        return PredictionTableError(f"{file.path} has no answer for any photo that is compared.")
    example = Path(manifest.table["path"].iloc[0]).name
    return PredictionTableError(
        f"{file.path} names none of the {len(manifest)} photos of {manifest.dataset!r}. A path is "
        f"the end of a photo's path, such as {printable(example)!r}; an image_id is the SHA-256 of "
        "its bytes."
    )


def _check_probabilities(file: PredictionFile, answers: dict[str, dict[str, Answer]]) -> None:
    """Refuse a task with probabilities for some answers only: half a calibration is none."""
    for task, given in answers.items():
        n_without = sum(answer.probabilities is None for answer in given.values())
        if 0 < n_without < len(given):
            raise PredictionTableError(
                f"{file.path} has probabilities of {task} for {len(given) - n_without} of "
                f"{len(given)} answers. Give them for every answer or for none."
            )


def _notes(record: dict[str, Any], tasks: Sequence[Task]) -> tuple[str, ...]:
    name, file = record["name"], printable(record["file"])
    if record["model"] is None:
        note = (
            f"{name}: a model from outside, as its predictions in {file} say. What it was trained "
            "on is not known here; if it saw these photos or people, its scores are too good."
        )
    else:
        note = (
            f"{name}: {record['model']} as another comparison predicted it out of fold, from "
            f"{file}; ± is over the folds of this comparison."
        )
    if others := record["of_other_photos"]:
        note += f" {others} of its {record['lines']} lines are of other photos and left out."
    silent = [task.name for task in tasks if task.name not in record["tasks"]]
    if silent:
        note += f" It has no answer to {', '.join(silent)}, and no row there."
    return (note,)
