"""Writes explanations into a folder: a picture a map, sheets of faces, and one table."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from featurex.explanation.drawing import FACES_A_SHEET, LARGE_CELL, SheetFace, draw_maps
from featurex.explanation.explainer import ExplainedFace, ExplainedPhoto, TaskMap

TABLE = "explanations.csv"
NO_FACE = "no face found"
COLUMNS = (
    *("photo", "note", "face", "box", "task", "answer", "probability", "method", "place"),
    *("change", "unit", "picture"),
)


class ExplanationFolder:
    """Takes explained photos one by one; only the faces of one sheet are kept in memory.

    Parameters
    ----------
    folder : Path
        Must exist; files of the same names are replaced.
    title : str
        Of the sheets.
    notes : sequence of str
        Lines on every picture.

    Attributes
    ----------
    records : list of dict
        One a photo, of JSON values: `photo`, `error`, and `faces`, each with its `box` and `maps`.
    sheets : list of Path
        ``sheet.png``, and ``sheet-2.png``, … where there are more than 12 faces.
    """

    def __init__(self, folder: Path, title: str, notes: Sequence[str] = ()) -> None:
        self.folder, self.title, self.notes = folder, title, notes
        self.records: list[dict[str, Any]] = []
        self.sheets: list[Path] = []
        self._waiting: list[SheetFace] = []

    def add(self, explained: ExplainedPhoto) -> None:
        """Write the pictures of one photo.

        Raises
        ------
        OSError
            The folder can't be written.
        """
        photo = str(explained.photo)
        record: dict[str, Any] = {"photo": photo, "error": explained.error, "faces": []}
        self.records.append(record)
        for number, face in enumerate(explained.faces, 1):
            maps = [self._add_map(Path(photo), number, face, task) for task in face.maps]
            record["faces"].append({"box": list(face.box), "maps": maps})
            self._waiting.append(SheetFace(f"{Path(photo).name}, face {number}", face))
            if len(self._waiting) == FACES_A_SHEET:
                self._write_sheet()

    def finish(self) -> None:
        """Write the last sheet, and ``explanations.csv``: a row a map, and one for other photos.

        Raises
        ------
        OSError
            The folder can't be written.
        """
        if self._waiting:
            self._write_sheet()
        # A file's name may hold bytes that are no text: they are written as escapes.
        with (self.folder / TABLE).open(
            "w", newline="", encoding="utf-8", errors="backslashreplace"
        ) as file:
            writer = csv.DictWriter(file, COLUMNS, restval="", lineterminator="\n")
            writer.writeheader()
            for row in self.rows():
                writer.writerow({name: _cell(value) for name, value in row.items()})

    def rows(self) -> Iterator[dict[str, Any]]:
        """Yield a row a map, and one with a `note` for a photo without any."""
        for record in self.records:
            if not record["faces"]:
                yield {"photo": record["photo"], "note": record["error"] or NO_FACE}
            for number, face in enumerate(record["faces"], 1):
                for one in face["maps"]:
                    yield {"photo": record["photo"], "face": number, "box": face["box"], **one}

    def _add_map(
        self, photo: Path, number: int, face: ExplainedFace, task: TaskMap
    ) -> dict[str, Any]:
        # The photo's number keeps those of one name apart, and the ending keeps the originals
        # safe. A name has at most 255 bytes, so at least 60 characters.
        start = f"{len(self.records):04d}-{photo.stem[:45]}"
        name = f"{start}-{number}-{task.task}-{task.explanation.method}.png"
        alone = SheetFace(f"face {number}", replace(face, maps=[task]))
        draw_maps([alone], self.folder / name, photo.name, self.notes, LARGE_CELL)
        return _as_json(task) | {"picture": name}

    def _write_sheet(self) -> None:
        count = len(self.sheets) + 1
        path = self.folder / ("sheet.png" if count == 1 else f"sheet-{count}.png")
        draw_maps(self._waiting, path, self.title, self.notes)
        self.sheets.append(path)
        self._waiting = []


def _as_json(task: TaskMap) -> dict[str, Any]:
    explanation, chance = task.explanation, task.probability
    return {
        "task": task.task,
        "answer": task.answer if isinstance(task.answer, str) else round(task.answer, 1),
        "probability": None if chance is None else round(chance, 4),
        "method": explanation.method,
        "place": None if task.place is None else list(task.place),
        "change": None if explanation.change is None else round(explanation.change, 4),
        "unit": explanation.unit,
    }


def _cell(value: Any) -> Any:
    return " ".join(map(str, value)) if isinstance(value, list) else value
