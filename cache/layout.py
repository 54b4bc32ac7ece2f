"""What one shard holds and where: attributes, keys, and for each column values and checksums."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cache.errors import SchemaError, damaged
from cache.keys import KEY_BYTES
from cache.plain import Block, PlainFile, open_plain
from cache.space import SCHEMA_VERSION, Column

MAX_ROWS = 2**20
KEYS = "keys"
CHECKSUMS = "crc32"
VERSION_ATTRIBUTE = "schema_version"
SPACE_ATTRIBUTE = "space"
ROWS_ATTRIBUTE = "rows"


@dataclass(frozen=True)
class Layout:
    """The arrays of a shard: keys, then values and checksums by column name."""

    rows: int
    keys: Block
    values: dict[str, Block]
    checksums: dict[str, Block]


def read_layout(path: Path, space_id: str, columns: Sequence[Column]) -> Layout:
    """Return where the arrays of a shard lie; reads none of them.

    Raises
    ------
    SchemaError
        If the shard belongs to another space or another version of the schema.
    DamagedShardError
        If it is truncated, no HDF5 file, or its structure is not that of `columns`.
    """
    with open_plain(path) as file:
        check_version(path, file)
        _check_space(path, file, space_id)
        rows = _n_rows(path, file)
        return Layout(
            rows,
            file.block(KEYS, np.dtype(np.uint8), (rows, KEY_BYTES)),
            {c.name: file.block(c.name, c.storage, (rows, *c.shape)) for c in columns},
            {
                c.name: file.block(f"{CHECKSUMS}/{c.name}", np.dtype("<u4"), (rows,))
                for c in columns
            },
        )


def extra_arrays(path: Path, columns: Sequence[Column]) -> list[str]:
    """Return the names in a shard that belong to none of `columns`."""
    names = {column.name for column in columns}
    with open_plain(path) as file:
        top = set(file.names()) - names - {KEYS, CHECKSUMS}
        inner = set(file.names(CHECKSUMS)) - names
    return sorted(top | {f"{CHECKSUMS}/{name}" for name in inner})


def check_version(path: Path, file: PlainFile) -> None:
    """Raise a SchemaError if a file of the cache was written by another version of the schema."""
    version = int(file.attribute(VERSION_ATTRIBUTE, "<i8"))
    if version != SCHEMA_VERSION:
        raise SchemaError(
            f"{path}: schema version {version}, this program reads {SCHEMA_VERSION}. "
            "Use the featurex that wrote it, or delete that file and run the same command again."
        )


def _check_space(path: Path, file: PlainFile, space_id: str) -> None:
    found = bytes(file.attribute(SPACE_ATTRIBUTE, "S16"))
    if found != space_id.encode():
        raise SchemaError(
            f"{path}: belongs to the space {found.decode('ascii', 'replace')}, not {space_id}. "
            "Move it back to where it came from, or delete it."
        )


def _n_rows(path: Path, file: PlainFile) -> int:
    rows = int(file.attribute(ROWS_ATTRIBUTE, "<i8"))
    if not 1 <= rows <= MAX_ROWS:
        raise damaged(path, f"says it has {rows} rows (1 to {MAX_ROWS} are possible)")
    return rows
