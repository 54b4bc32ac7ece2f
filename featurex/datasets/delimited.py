"""Reading label files: text tables with a header, from anyone."""

import csv
import io
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from featurex.datasets.cleaning import Dropped
from featurex.exceptions import DatasetError
from featurex.files import open_regular

MAX_TABLE_BYTES = 256 << 20  # about two million rows


def read_records(
    path: Path, dropped: Dropped, *, required: Sequence[str], **format_parameters: Any
) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield each row's line number and its fields by column.

    Blank lines are skipped; a row with more or fewer fields than the header is dropped and
    counted.

    Parameters
    ----------
    path : Path
        A UTF-8 file of at most 256 MiB. Its column names are read in lower case.
    dropped : Dropped
        Where dropped rows are counted.
    required : sequence of str
        The columns it must have.
    **format_parameters
        Parameters of :func:`csv.reader`.

    Raises
    ------
    DatasetError
        If the file can't be read, isn't UTF-8 or such a table, or lacks a column.
    """
    lines = csv.reader(io.StringIO(read_text(path), newline=""), strict=True, **format_parameters)
    try:
        header = [name.strip().lower() for name in next(lines, [])]
        _check_header(header, required, path)
        for fields in lines:
            if len(fields) == len(header):
                yield lines.line_num, dict(zip(header, fields, strict=True))
            elif fields:
                dropped.add("wrong number of fields", f"line {lines.line_num}")
    except csv.Error as error:
        raise DatasetError(f"{path}, line {lines.line_num}: not such a table ({error}).") from error


def read_text(path: Path) -> str:
    """Return the text of a UTF-8 file of at most 256 MiB, without a byte order mark.

    Raises
    ------
    DatasetError
        If it can't be read or isn't UTF-8.
    """
    try:
        with open_regular(path, MAX_TABLE_BYTES) as file:
            return file.read().decode("utf-8-sig")
    except OSError as error:
        raise DatasetError(
            f"{path} can't be read: {error.strerror}. Name a file that is there."
        ) from error
    except UnicodeDecodeError as error:
        raise DatasetError(f"{path} is not UTF-8 (byte {error.start}). Save it again.") from error


def _check_header(header: list[str], required: Sequence[str], path: Path) -> None:
    found = ", ".join(header[:20]) or "none"
    for name in required:
        if name not in header:
            raise DatasetError(f"{path} has no column {name!r}. Found the columns: {found}.")
    for name, count in Counter(header).items():
        if name and count > 1:
            raise DatasetError(f"{path} has the column {name!r} {count} times. Name them apart.")
