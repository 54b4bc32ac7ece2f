"""An audit as one self-contained page: the pairs and labels that somebody should look at."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from featurex._version import __version__
from featurex.audit.auditing import Audit
from featurex.audit.findings import findings, notes
from featurex.audit.pairs import DUPLICATE, PERSON
from featurex.faces.pictures import data_uri
from featurex.printable import printable

TEMPLATES = Path(__file__).parent / "templates"
MOST_SHOWN = 100  # of a kind; the CSV files have all


def audit_page(audit: Audit, *, show_faces: bool = False) -> str:
    """Make the page.

    Parameters
    ----------
    audit : Audit
    show_faces : bool
        Whether it holds face chips; otherwise the photos' names only.

    Returns
    -------
    str
        HTML that loads nothing from anywhere. Names and labels are escaped, whatever they hold.
    """
    duplicates, people = (_to_look_at(audit, kind) for kind in (DUPLICATE, PERSON))
    labels = audit.labels.groupby("task", sort=False).head(MOST_SHOWN)
    rows_of_labels = _rows_of(audit, labels["image_id"])
    shown = np.unique(
        np.concatenate(
            [
                *(
                    pairs[["first", "second"]].to_numpy(int).ravel()
                    for pairs in (duplicates, people)
                ),
                rows_of_labels,
            ]
        )
    )
    photos = _Photos(audit, shown if show_faces else shown[:0])
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
    )
    return environment.get_template("audit.html").render(
        dataset=audit.faces.manifest.dataset,
        version=__version__,
        show_faces=show_faces,
        most=MOST_SHOWN,
        notes=notes(audit),
        findings=_records(findings(audit)),
        identical=_identical(audit.faces.manifest.copies),
        n_identical=audit.faces.manifest.copies["image_id"].nunique(),
        sections=[
            _section("Near-duplicates", DUPLICATE, audit, duplicates, photos),
            _section("Likely the same person", PERSON, audit, people, photos),
        ],
        folds=_records(audit.leaks()),
        rates=_records(audit.rates),
        labels=_labels(labels, rows_of_labels, photos),
        n_labels=audit.labels["task"].value_counts().to_dict(),
        balance=_records(audit.balance),
    )


class _Photos:
    """What the page says and shows of a photo."""

    def __init__(self, audit: Audit, rows: np.ndarray) -> None:
        self.table = audit.faces.table
        self.fold = audit.fold
        ids = self.table["image_id"].iloc[rows].tolist()
        chips = audit.faces.cache.chip_column(ids)[:] if ids else []
        self.sources = {row: data_uri(chip) for row, chip in zip(rows.tolist(), chips, strict=True)}

    def view(self, row: int) -> dict[str, Any]:
        """Return a photo's name, labels and picture (None where faces are not shown)."""
        photo = self.table.iloc[row]
        age = "" if pd.isna(photo["age"]) else f"{photo['age']:g} years"
        group = "" if age or pd.isna(photo["age_group"]) else str(photo["age_group"])
        words = [age, group, photo["gender"], photo["race"]]
        if photo["subject_id"]:
            words.append(f"subject {photo['subject_id']}")
        words.append(f"fold {self.fold[row]}")
        return {
            "name": Path(photo["path"]).name,
            "labels": ", ".join(str(word) for word in words if word and pd.notna(word)),
            "source": self.sources.get(row),
        }


def _shown(value: Any) -> Any:
    """Make whatever the template shows printable, before it is escaped."""
    return printable(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _to_look_at(audit: Audit, kind: str) -> pd.DataFrame:
    """Choose the pairs to show: contradicting ones first, then those across folds, then near."""
    pairs = audit.pairs[audit.pairs["kind"] == kind]
    plain = (pairs["conflict"] == "") & (pairs["subjects"] != "different")
    order = np.lexsort((pairs["relative"], ~pairs["across"], plain))
    return pairs.iloc[order].head(MOST_SHOWN)


def _section(
    title: str, kind: str, audit: Audit, pairs: pd.DataFrame, photos: _Photos
) -> dict[str, Any]:
    return {
        "title": title,
        "count": int((audit.pairs["kind"] == kind).sum()),
        "pairs": [_pair(pair, photos) for pair in pairs.itertuples()],
    }


def _pair(pair: Any, photos: _Photos) -> dict[str, Any]:
    return {
        "photos": [photos.view(pair.first), photos.view(pair.second)],
        "distance": f"{pair.distance:.2f}",
        "relative": f"{pair.relative:.2f}",
        "likeness": f"{pair.likeness:.2f}",
        "conflict": pair.conflict,
        "different": pair.subjects == "different",
        "across": pair.across,
    }


def _labels(labels: pd.DataFrame, rows: np.ndarray, photos: _Photos) -> list[dict[str, Any]]:
    records = _records(labels.drop(columns="path"))
    return [r | photos.view(row) for r, row in zip(records, rows.tolist(), strict=True)]


def _rows_of(audit: Audit, image_ids: pd.Series) -> np.ndarray:
    return pd.Index(audit.faces.table["image_id"]).get_indexer(image_ids).astype(int)


def _identical(copies: pd.DataFrame) -> list[dict[str, Any]]:
    """List groups of equal files: conflicting ones first."""
    groups = [rows for _, rows in copies.groupby("image_id", sort=False)]
    groups.sort(key=lambda rows: rows["fate"].iloc[0] != "conflicting labels")
    return [
        {"fate": rows["fate"].iloc[0], "files": list(_files(rows))} for rows in groups[:MOST_SHOWN]
    ]


def _files(rows: pd.DataFrame) -> Iterable[dict[str, str]]:
    for row in rows.itertuples():
        age = f"{row.age:g} years" if pd.notna(row.age) else row.age_group
        subject = f"subject {row.subject_id}" if pd.notna(row.subject_id) else None
        fold = f"own fold {row.fold}" if pd.notna(row.fold) else None
        words = [age, row.gender, row.race, subject, fold]
        yield {
            "name": Path(row.path).name,
            "labels": ", ".join(str(word) for word in words if pd.notna(word)),
            "fate": row.fate,
        }


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    return table.to_dict("records")
