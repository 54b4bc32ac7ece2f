"""``featurex explain``: where a model's answers come from, as pictures."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from featurex.cli.guard import guarded
from featurex.cli.options import Device, Json, Weights
from featurex.cli.photos import PhotoFiles, find_files, tell_left_out
from featurex.cli.screen import print_json, print_table, progress, say
from featurex.files import ready_folder

if TYPE_CHECKING:
    from featurex.explanation.files import ExplanationFolder


@guarded
def explain(
    photos: PhotoFiles,
    model: Annotated[
        list[Path], typer.Option("--model", help="Model file; several for several tasks.")
    ],
    out_folder: Annotated[
        Path,
        typer.Option("--out", help="Folder for sheet.png, a picture a map, explanations.csv."),
    ],
    method: Annotated[
        str,
        typer.Option(
            "--method",
            help="attention, grad-cam or occlusion; auto takes what the model has.",
        ),
    ] = "auto",
    patch: Annotated[
        int | None,
        typer.Option(
            "--patch", help="Side of the occlusion's grey patch, in pixels of the face chip."
        ),
    ] = None,
    json: Json = False,
    device: Device = "auto",
    weights: Weights = None,
) -> None:
    """Draw where in a face a model's answers come from, for every face of every photo.

    A network's own attention where it has some, Grad-CAM for other networks, and for all other
    models how far the answer moves when a grey patch covers a place. A map shows where, not why.
    """
    from featurex.explanation.explainer import Explainer
    from featurex.explanation.files import ExplanationFolder
    from featurex.prediction.predictor import Predictor

    files = find_files(photos)
    predictor = Predictor.load(*model, device=device, weights=weights)
    explainer = Explainer(predictor, method, patch=patch)
    if predictor.backbone.notice:
        say(predictor.backbone.notice)
    notes = [f"The model's training data: {note}" for note in predictor.notes]
    written = ExplanationFolder(ready_folder(out_folder), _title(model), notes)
    with progress("Explaining", len(files)) as update:
        for number, explained in enumerate(explainer.explain_each(files), 1):
            written.add(explained)
            update(number, "", "photos")
    written.finish()
    if json:
        print_json(written.records)
    else:
        _print_rows(written.rows())
    _tell(written)


def _title(models: Sequence[Path]) -> str:
    names = " and ".join(path.name for path in models)
    return f"What {names} {'looks' if len(models) == 1 else 'look'} at"


def _print_rows(rows: Iterable[dict[str, Any]]) -> None:
    import pandas as pd

    print_table(pd.DataFrame(_shown(rows)))


def _shown(rows: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for row in rows:
        place, change = row.get("place"), row.get("change")
        yield {
            "photo": row["photo"],
            "face": row.get("face", ""),
            "task": row.get("task", ""),
            "answer": _answer(row),
            "method": row.get("method", ""),
            "strongest place": " ".join(map(str, place)) if place else "",
            "change": "" if change is None else f"{change:+.2f} {row['unit']}",
        }


def _answer(row: dict[str, Any]) -> str:
    if "answer" not in row:
        return row["note"]
    chance = row["probability"]
    if chance is None:
        return f"{row['answer']:.1f} years"
    return f"{row['answer']} ({100 * chance:.0f} %)"


def _tell(written: ExplanationFolder) -> None:
    """Say on stderr what was written and what left out; exit with 1 if no photo could be read."""
    errors = [record for record in written.records if record["error"]]
    faceless = sum(not (record["faces"] or record["error"]) for record in written.records)
    for record in errors:
        say(f"{record['photo']}: {record['error']}")
    tell_left_out(len(written.records), len(errors), faceless)
    for note in written.notes:
        say(note)
    if written.sheets:
        say(f"Wrote {', '.join(map(str, written.sheets))}. A map shows where, not why.")
    if len(errors) == len(written.records):
        raise typer.Exit(1)
