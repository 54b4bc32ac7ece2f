"""The record of a run as facts to list; whatever it lacks is left out."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from typing import Any

MOST_FACTS = 200


def part(record: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return a part of a record that is a mapping; empty where it is none."""
    value = record.get(name)
    return value if isinstance(value, Mapping) else {}


def words(record: Mapping[str, Any], name: str) -> list[str]:
    """Return a list of a record as texts; empty where it is none."""
    value = record.get(name)
    return [str(item) for item in value][:MOST_FACTS] if isinstance(value, list) else []


def word(record: Mapping[str, Any], name: str) -> str:
    """Return a text of a record; empty where it is none."""
    value = record.get(name)
    return value[:2000] if isinstance(value, str) else ""


def number(record: Mapping[str, Any], name: str) -> float | None:
    """Return a number of a record; None where it is none."""
    value = record.get(name)
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def dropped(record: Mapping[str, Any]) -> list[tuple[str, float]]:
    """List what became of every photo that was found: reason and count."""
    photos = part(record, "photos")
    reasons = part(photos, "dropped")
    rows = [
        ("photos found", number(photos, "found")),
        *(
            (f"left out: {reason}", number(reasons, reason))
            for reason in list(reasons)[:MOST_FACTS]
        ),
        ("left out: no face found", number(photos, "without_face")),
        ("faces compared", number(photos, "faces")),
    ]
    return [(what, count) for what, count in rows if count is not None]


def command(record: Mapping[str, Any]) -> str:
    """Return the command that made the run, for a shell; empty where unknown."""
    return shlex.join(words(record, "command"))


def provenance(record: Mapping[str, Any]) -> list[tuple[str, str]]:
    """List settings, versions and hashes: name and value."""
    names = ("dataset", "protocol", "n_folds", "manifest_sha256", "space")
    parts = ("options", "versions", "machine", "backbone", "embedding", "aligner")
    flat = {name: record[name] for name in names if name in record}
    return list(_flat(flat | {name: part(record, name) for name in parts}))[:MOST_FACTS]


def _flat(facts: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, str]]:
    for name, value in facts.items():
        full = f"{before}{name}"
        if isinstance(value, Mapping) and full.count(".") < 4:
            yield from _flat(value, f"{full}.")
        elif value is not None and value != "":
            yield full, _text(value)


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(str(item) for item in value[:MOST_FACTS])[:2000]
    return str(value)[:2000]
