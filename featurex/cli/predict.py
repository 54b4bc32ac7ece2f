"""``featurex predict``: every face of every photo."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from featurex.cli.guard import guarded
from featurex.cli.options import Device, Json, Weights
from featurex.cli.screen import print_json, print_table, progress, say
from featurex.files import ready_folder

if TYPE_CHECKING:
    from featurex.face_predictions import PhotoFaces

NO_FACE = "no face found"
# Columns of the CSV, before the probabilities.
COLUMNS = ("photo", "note", "face", "box", "age_group", "age", "age_error", "gender", "undefined")


@guarded
def predict(
    photos: Annotated[list[Path], typer.Argument(help="Photo files.")],
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
    """Predict age group, age and gender of every face in each photo."""
    from featurex.predictor import Predictor

    if json and csv_:
        raise typer.BadParameter("choose --json or --csv, not both")
    if threshold is not None and not reject:
        raise typer.BadParameter("choose --threshold or --no-reject, not both")
    declines = reject if threshold is None else threshold
    predictor = Predictor.load(*model, device=device, weights=weights, reject=declines)
    if predictor.backbone.notice:
        say(predictor.backbone.notice)
    if draw:
        ready_folder(draw)
    found = []
    with progress("Predicting", len(photos)) as update:
        for number, faces in enumerate(predictor.predict_each(photos), 1):
            found.append(faces)
            update(number, "", "photos")
            if draw and not faces.error:
                _draw(faces, draw, number)
    if json:
        print_json([_as_json(faces) for faces in found])
    elif csv_:
        _print_csv(_rows(found))
    else:
        _print_rows(_rows(found))
    _tell(found, predictor.notes)


def _draw(faces: PhotoFaces, folder: Path, number: int) -> None:
    from featurex.drawing import draw_predictions
    from featurex.photo_input import to_image

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
            yield {
                "photo": str(faces.photo),
                "face": number,
                "box": " ".join(map(str, face.box)),
                "age_group": face.age_group,
                "age": None if face.age is None else round(face.age, 1),
                "age_error": None if face.age_error is None else round(face.age_error, 1),
                "gender": face.gender,
                "undefined": "; ".join(f"{t}: {why}" for t, why in face.undefined.items()),
            } | {
                # Only the usual tasks' classes are known by their names alone.
                f"p_{name}" if task in ("gender", "age-group") else f"p_{task}_{name}": round(p, 4)
                for task, classes in face.probabilities.items()
                for name, p in classes.items()
            }


def _print_csv(rows: Iterable[dict[str, Any]]) -> None:
    table = list(rows)
    names = dict.fromkeys([*COLUMNS, *(name for row in table for name in row)])
    writer = csv.DictWriter(sys.stdout, list(names), restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(table)


def _print_rows(rows: Iterable[dict[str, Any]]) -> None:
    import pandas as pd

    from featurex.labels import AGE_GROUPS, GENDERS

    shown = []
    for row in rows:
        age, error = row.get("age"), row.get("age_error")
        shown.append(
            {
                "photo": row["photo"],
                "face": row.get("face", ""),
                "box": row.get("box", row.get("note", "")),
                "gender": _with_chance(row, "gender", GENDERS),
                "age group": _with_chance(row, "age_group", AGE_GROUPS),
                "age": "" if age is None else f"{age:.0f}" + (f" ± {error:.0f}" if error else ""),
            }
        )
    print_table(pd.DataFrame(shown))


def _with_chance(row: dict[str, Any], column: str, classes: Sequence[str]) -> str:
    from featurex.drawing import name_with_chance

    chances = {name: row[f"p_{name}"] for name in classes if f"p_{name}" in row}
    return name_with_chance(row[column], chances) if row.get(column) else ""


def _tell(found: Iterable[PhotoFaces], notes: Iterable[str]) -> None:
    """Say on stderr what was left out, and exit with 1 where not one photo could be read."""
    found = list(found)
    errors = [faces for faces in found if faces.error]
    faceless = sum(not faces and not faces.error for faces in found)
    for faces in errors:
        say(f"{faces.photo}: {faces.error}")
    if errors or faceless:
        say(f"{len(found)} photos: {len(errors)} can't be read, {faceless} without a face.")
    for note in notes:
        say(f"The model's training data: {note}")
    if len(errors) == len(found):
        raise typer.Exit(1)
