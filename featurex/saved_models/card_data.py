"""The part of a model card that says on what the model was trained."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from featurex.comparison.face_table import FaceTable
from featurex.comparison.run_record import table_sha256
from featurex.datasets import READERS
from featurex.labels import AGE_GROUPS
from pipelines.tables.markdown import escape, table

# Fewer faces of an age group than this, and its scores depend on a handful of people.
FEW_FACES = 100
ADULT = 18
CHILD_GROUPS = ("0-2", "4-6", "8-13")


def data_section(faces: FaceTable) -> str:
    """Describe the training data: rows, what was dropped and why, balance, terms.

    Parameters
    ----------
    faces : FaceTable

    Returns
    -------
    str
        Markdown, with its heading.
    """
    parts = ["## Data", _origin(faces), _rows(faces), _balance(faces.table)]
    notes = [f"- {escape(note)}" for note in faces.manifest.notes]
    return "\n\n".join([*filter(None, parts), *(["\n".join(notes)] if notes else [])])


def thin_ages(labels: pd.DataFrame) -> Iterator[str]:
    """Yield what ages the training data have few faces of, or none, in sentences.

    Parameters
    ----------
    labels : DataFrame
        With the columns ``age`` and ``age_group`` of a manifest's table.
    """
    groups = labels["age_group"].dropna().astype(str)
    counts = groups.value_counts().reindex(AGE_GROUPS, fill_value=0)
    if len(groups):
        few = [f"{name} ({n})" for name, n in counts.items() if 0 < n < FEW_FACES]
        none = [name for name, n in counts.items() if n == 0]
        if few:
            yield f"Ages with fewer than {FEW_FACES} training faces: {', '.join(few)}."
        if none:
            yield f"Ages without a training face: {', '.join(none)}."
    yield _children(labels, counts)


def _children(labels: pd.DataFrame, counts: pd.Series) -> str:
    ages = labels["age"].dropna()
    if len(ages):
        n, total, who = int((ages < ADULT).sum()), len(ages), f"people under {ADULT}"
    else:
        n, total = int(counts[list(CHILD_GROUPS)].sum()), int(counts.sum())
        who = f"children (age groups {', '.join(CHILD_GROUPS)})"
    if not total:
        return "Children: the data have no ages, so nothing is known of the scores on children."
    return (
        f"Children: {n} of the {total} training faces whose age is labelled are of {who}. Faces of "
        "small children show little of their gender: look at the scores of the youngest."
    )


def _origin(faces: FaceTable) -> str:
    """Name the data set, its terms and its paper."""
    name = faces.manifest.dataset
    reader = READERS.get(name)
    said = f"Data set: **{escape(name)}**"
    if reader:
        said += (
            f", {escape(reader.what)}. Terms of use of the data, as featurex's reader notes them: "
            f"{escape(reader.terms)}; they may bind the model too. Reference: "
            f"{escape(reader.citation)}"
        )
    ending = "" if said.endswith(".") else "."
    return f"{said}{ending} SHA-256 of its rows and labels: `{table_sha256(faces.table)}`."


def _rows(faces: FaceTable) -> str:
    manifest = faces.manifest
    dropped = sorted(manifest.dropped.items(), key=lambda item: -item[1])
    subjects = faces.table["subject_id"]
    people = "unknown: the data name nobody"
    if subjects.notna().any():
        unnamed = int(subjects.isna().sum())
        people = f"{subjects.nunique()}" + (f", and {unnamed} unnamed faces" if unnamed else "")
    rows = [
        ["found", str(manifest.found)],
        *([f"dropped: {escape(reason)}", str(count)] for reason, count in dropped),
        ["dropped: no face found", str(faces.n_without_face)],
        ["**faces trained on**", f"**{len(faces.table)}**"],
        ["people", people],
    ]
    return table(["Rows", "Count"], rows)


def _balance(labels: pd.DataFrame) -> str:
    """Count the faces by age group and gender, and by race where labelled."""
    parts = []
    ages = labels["age_group"].astype(object).where(labels["age_group"].notna(), "none")
    genders = labels["gender"].astype(object).where(labels["gender"].notna(), "none")
    counts = pd.crosstab(ages, genders)
    counts = counts.reindex([name for name in (*AGE_GROUPS, "none") if name in counts.index])
    if len(counts):
        header = ["Age group and gender", *map(_label, counts.columns), "all"]
        rows = [
            [_label(name), *map(str, row), str(sum(row))]
            for name, row in zip(counts.index, counts.to_numpy().tolist(), strict=True)
        ]
        parts.append(table(header, rows))
    races = labels["race"].dropna().value_counts()
    if len(races):
        rows = [[escape(str(name)), str(n)] for name, n in races.items()]
        parts.append(table(["Race, in the data set's words", "faces"], rows))
    return "\n\n".join(parts)


def _label(name: str) -> str:
    return "not labelled" if name == "none" else escape(str(name))
