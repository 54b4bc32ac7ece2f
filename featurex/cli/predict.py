"""``featurex predict``: every face of every photo."""

from __future__ import annotations

import csv
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from featurex.cli.guard import guarded
from featurex.cli.options import Device, Json, Weights
from featurex.cli.photos import PhotoFiles, find_files, tell_left_out
from featurex.cli.screen import print_json_list, print_table, progress, say
from featurex.files import ready_folder

if TYPE_CHECKING:
    from featurex.prediction.face_predictions import PhotoFaces
    from featurex.prediction.predictor import Predictor

NO_FACE = "no face found"
# Columns of the CSV, before the probabilities.
_AGES = ("age", "age_error", "age_low", "age_high")
COLUMNS = ("photo", "note", "face", "box", "age_group", *_AGES, "gender", "undefined")
# The tasks of the table's columns that come first; others follow.
_USUAL = ("gender", "age-group", "age")


@guarded
def predict(
    photos: PhotoFiles,
    model: Annotated[
        list[Path], typer.Option("--model", help="Model file; several for several tasks.")
    ],
    json: Json = False,
    csv_: Annotated[bool, typer.Option("--csv", help="Print CSV instead of a table.")] = False,
    draw: Annotated[
        Path | None, typer.Option("--draw", help="Folder for the photos with boxes and labels.")
    ] = None,
    device: Device = "auto",
    weights: Weights = None,
    reject: Annotated[
        bool,
        typer.Option(
            "--reject/--no-reject",
            help="Answer 'undefined' below the thresholds that the model was saved with.",
        ),
    ] = True,
    threshold: Annotated[
        float | None,
        typer.Option(
            "--threshold", min=0, max=1, help="Answer 'undefined' below this probability instead."
        ),
    ] = None,
) -> None:
    """Predict age group, age and gender of every face in each photo.

    JSON and CSV are printed photo after photo, so that nothing is lost of a long run that ends
    early, and memory does not grow.
    """
    from featurex.prediction.predictor import Predictor

    if json and csv_:
        raise typer.BadParameter("choose --json or --csv, not both")
    if threshold is not None and not reject:
        raise typer.BadParameter("choose --threshold or --no-reject, not both")
    files = find_files(photos)
    declines = reject if threshold is None else threshold
    predictor = Predictor.load(*model, device=device, weights=weights, reject=declines)
    if predictor.backbone.notice:
        say(predictor.backbone.notice)
    if draw:
        ready_folder(draw)
    left_out: Counter[str] = Counter()
    with progress("Predicting", len(files), prints=json or csv_) as update:
        found = _predict_each(predictor, files, draw, left_out, update)
        if json:
            print_json_list(map(_as_json, found))
        elif csv_:
            _print_csv(_rows(found), predictor.classes)
        else:
            tasks = _shown_tasks(predictor.tasks)
            shown = [row for faces in found for row in _as_shown(faces, tasks)]
    if not (json or csv_):
        _print_shown(shown)
    tell_left_out(len(files), left_out["unreadable"], left_out["faceless"])
    for note in predictor.notes:
        say(f"The model's training data: {note}")
    if left_out["unreadable"] == len(files):
        raise typer.Exit(1)


def _predict_each(
    predictor: Predictor,
    files: Sequence[Path],
    draw: Path | None,
    left_out: Counter[str],
    update: Callable[..., None],
) -> Iterator[PhotoFaces]:
    """Predict photo after photo; draw, say and count on the way."""
    for number, faces in enumerate(predictor.predict_each(files), 1):
        if faces.error:
            left_out["unreadable"] += 1
            say(f"{faces.photo!s}: {faces.error}")
        else:
            left_out["faceless"] += not faces
            if draw:
                _draw(faces, draw, number)
        yield faces
        update(number, "", "photos")


def _draw(faces: PhotoFaces, folder: Path, number: int) -> None:
    from featurex.photos.opening import to_image
    from featurex.prediction.drawing import draw_predictions

    path = Path(str(faces.photo))
    # The number keeps photos of one name apart, and the ending keeps the originals safe. A name
    # has at most 255 bytes, so at least 60 characters.
    draw_predictions(to_image(path), faces, folder / f"{number:04d}-{path.stem[:55]}-faces.png")


def _as_json(faces: PhotoFaces) -> dict[str, Any]:
    photo = {"photo": str(faces.photo), "error": faces.error}
    return photo | {"faces": [asdict(face) for face in faces]}


def _rows(found: Iterable[PhotoFaces]) -> Iterator[dict[str, Any]]:
    for faces in found:
        if not faces:
            yield {"photo": str(faces.photo), "note": faces.error or NO_FACE}
        for number, face in enumerate(faces, 1):
            yield (
                {
                    "photo": str(faces.photo),
                    "face": number,
                    "box": " ".join(map(str, face.box)),
                    "undefined": "; ".join(f"{t}: {why}" for t, why in face.undefined.items()),
                }
                | {name: getattr(face, name) for name in _AGES}
                | {_answer_column(task): name for task, name in face.answers.items()}
                | {
                    _chance_column(task, name): p
                    for task, classes in face.probabilities.items()
                    for name, p in classes.items()
                }
            )


def _answer_column(task: str) -> str:
    return task.replace("-", "_")


def _chance_column(task: str, name: str) -> str:
    # Only the usual tasks' classes are known by their names alone.
    return f"p_{name}" if task in ("gender", "age-group") else f"p_{task}_{name}"


def _print_csv(rows: Iterable[dict[str, Any]], classes: Mapping[str, Sequence[str]]) -> None:
    chances = [_chance_column(task, name) for task, names in classes.items() for name in names]
    answers = [name for name in map(_answer_column, classes) if name not in COLUMNS]
    columns = [*COLUMNS, *answers, *chances]
    writer = csv.DictWriter(sys.stdout, columns, restval="", lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({name: _rounded(name, value) for name, value in row.items()})
        sys.stdout.flush()


def _rounded(column: str, value: Any) -> Any:
    """Round what is written as CSV; a table rounds what it shows itself, and once."""
    return round(value, 1 if column in _AGES else 4) if isinstance(value, float) else value


def _shown_tasks(tasks: Sequence[str]) -> list[str]:
    """Return the tasks that have something to show: groups give an age too."""
    answered = {*tasks, *["age"] * ("age-group" in tasks)}
    return [task for task in _USUAL if task in answered] + [t for t in tasks if t not in _USUAL]


def _as_shown(faces: PhotoFaces, tasks: Sequence[str]) -> Iterator[dict[str, Any]]:
    from featurex.prediction.drawing import describe_task

    photo = {"photo": str(faces.photo)}
    titles = {task: "age group" if task == "age-group" else task for task in tasks}
    if not faces:
        blank = dict.fromkeys(titles.values(), "")
        yield photo | {"face": "", "box": faces.error or NO_FACE} | blank
    for number, face in enumerate(faces, 1):
        told = {title: describe_task(face, task) for task, title in titles.items()}
        yield photo | {"face": number, "box": " ".join(map(str, face.box))} | told


def _print_shown(rows: Sequence[dict[str, Any]]) -> None:
    import pandas as pd

    print_table(pd.DataFrame(rows))
