"""``space.json``: what a space holds, written once when the space is made."""

import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cache.errors import CacheError, SchemaError
from cache.files import create_once
from cache.space import SCHEMA_VERSION, Column, Space

FILE_NAME = "space.json"
MAX_BYTES = 2**20
_CHECKSUM = "crc32"
_FIELDS = {"schema_version", "kind", "settings", "columns", "made_by", "created", _CHECKSUM}


@dataclass(frozen=True)
class Description:
    """Everything that ``space.json`` says: the space, its columns, what made it and when (UTC)."""

    space: Space
    columns: tuple[Column, ...]
    made_by: Mapping[str, str]
    created: str


def describe(
    space: Space, columns: Sequence[Column], made_by: Mapping[str, str] | None
) -> Description:
    """Return the description of a new space.

    Raises
    ------
    ValueError
        Without columns, with a name used twice, or when `made_by` is not text to text.
    """
    names = [column.name for column in columns]
    if not names or len(set(names)) < len(names):
        raise ValueError(f"A space needs one or more columns of different names. Got {names}.")
    made_by = dict(made_by or {})
    if not all(isinstance(text, str) for pair in made_by.items() for text in pair):
        raise ValueError(f"The 'made_by' of a space must map text to text. Got {made_by!r}.")
    created = datetime.now(UTC).isoformat(timespec="seconds")
    return Description(space, tuple(columns), made_by, created)


def create(folder: Path, description: Description) -> None:
    """Write ``space.json`` into `folder`, unless there is one."""
    content: dict[str, Any] = {
        "schema_version": SCHEMA_VERSION,
        "kind": description.space.kind,
        "settings": description.space.settings,
        "columns": [
            {"name": column.name, "dtype": column.dtype, "shape": list(column.shape)}
            for column in description.columns
        ],
        "made_by": dict(description.made_by),
        "created": description.created,
    }
    content[_CHECKSUM] = _checksum(content)
    create_once(folder / FILE_NAME, (json.dumps(content, indent=2) + "\n").encode())


def read(folder: Path) -> Description:
    """Return what the ``space.json`` in `folder` says.

    Raises
    ------
    SchemaError
        If it was written by another version of the schema, or belongs to another folder.
    CacheError
        If it can't be read.
    """
    path = folder / FILE_NAME
    content = _read_json(path)
    if content.get("schema_version") != SCHEMA_VERSION:
        raise SchemaError(
            f"{path}: schema version {content.get('schema_version')!r}, this program reads "
            f"{SCHEMA_VERSION}. Use the featurex that wrote it, or another cache folder."
        )
    description = _parse(path, content)
    if description.space.folder != folder.name:
        raise SchemaError(
            f"{path}: describes the space {description.space.folder}, not that of its folder. "
            "Rename the folder or delete it."
        )
    return description


def check_columns(path: Path, found: Sequence[Column], wanted: Sequence[Column]) -> None:
    """Raise a SchemaError that names each difference between two sets of columns."""
    on_disk = {column.name: column for column in found}
    asked = {column.name: column for column in wanted}
    differences = [
        f"{name}: {_show(on_disk.get(name))} on disk, {_show(asked.get(name))} asked for"
        for name in sorted(on_disk.keys() | asked.keys())
        if on_disk.get(name) != asked.get(name)
    ]
    if differences:
        raise SchemaError(
            f"{path}: the columns differ ({'; '.join(differences)}). "
            "Use another cache folder, or make what differs part of the space's settings."
        )


def _show(column: Column | None) -> str:
    return f"{column.dtype} {column.shape}" if column else "none"


def _read_json(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ValueError(f"larger than {MAX_BYTES} bytes")
        content = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(content, dict):
            raise ValueError("not a JSON object")
        checksum = _checksum(content)
        if content.get(_CHECKSUM, checksum) != checksum:
            raise ValueError("its CRC-32 is wrong")
    except (OSError, ValueError, RecursionError) as error:
        raise _unreadable(path, error) from None
    return content


def _parse(path: Path, content: dict[str, Any]) -> Description:
    try:
        if unknown := content.keys() - _FIELDS:
            raise ValueError(f"unknown fields {sorted(unknown)}")
        columns = tuple(
            Column(column["name"], column["dtype"], tuple(column["shape"]))
            for column in content["columns"]
        )
        space = Space(content["kind"], content["settings"])
        described = describe(space, columns, content["made_by"])
        return Description(space, columns, described.made_by, str(content["created"]))
    except (KeyError, TypeError, ValueError) as error:
        raise _unreadable(path, error) from None


def _checksum(content: Mapping[str, Any]) -> str:
    """Return the CRC-32 of everything else, as canonical JSON, in 8 hexadecimal digits."""
    others = {name: value for name, value in content.items() if name != _CHECKSUM}
    canonical = json.dumps(others, sort_keys=True, separators=(",", ":"))
    return f"{zlib.crc32(canonical.encode()):08x}"


def _unreadable(path: Path, error: Exception) -> CacheError:
    if isinstance(error, FileNotFoundError):
        return CacheError(f"{path}: no such file, so its folder is no space of a cache.")
    return CacheError(
        f"{path}: can't be read as the description of a space ({type(error).__name__}: {error}). "
        "Run `featurex cache repair DIR` and the same command again: it is written anew, and every "
        "row is kept."
    )
