"""Reading label files: text tables with a header, from anyone."""

import csv
import io
from collections import Counter
from collections.abc import Container, Iterator, Sequence
from pathlib import Path
from typing import Any

from featurex.datasets.cleaning import Dropped
from featurex.datasets.dialect import (
    SEPARATORS,
    Decimals,
    check_length,
    check_nameless,
    column_name,
    decode,
    find_separator,
)
from featurex.exceptions import DatasetError
from featurex.files import open_regular
from featurex.printable import printable

MAX_TABLE_BYTES = 256 << 20  # about two million rows


def read_records(
    path: Path,
    dropped: Dropped,
    *,
    required: Sequence[str],
    numbers: Container[str] = (),
    **format_parameters: Any,
) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield each row's line number and its fields by column.

    Rows without a single field that isn't blank are skipped; another row with more or fewer fields
    than the header is dropped and counted.

    Parameters
    ----------
    path : Path
        A file of at most 256 MiB, as :mod:`featurex.datasets.dialect` says. Its column names are
        read in lower case, with underscores.
    dropped : Dropped
        Where dropped rows are counted.
    required : sequence of str
        The columns it must have.
    numbers : container of str
        The columns of numbers, which come with decimal points.
    **format_parameters
        Parameters of :func:`csv.reader`; without a delimiter, the header tells it.

    Raises
    ------
    DatasetError
        If the file can't be read, isn't such a table, lacks a column, or can be read in two ways.
    """
    text = read_text(path)
    separator = format_parameters.pop("delimiter", None) or find_separator(text, path)
    source = io.StringIO(text, newline="")
    lines = csv.reader(source, strict=True, delimiter=separator, **format_parameters)
    try:
        header = [column_name(name) for name in next(lines, [])]
        _check_header(header, required, path, separator)
        decimals = Decimals(separator, numbers)
        filled = (fields for fields in lines if any(map(str.strip, fields)))
        for row, fields in enumerate(filled):
            where = f"{path}, line {lines.line_num}"
            if len(fields) == len(header):
                check_nameless(fields, header, where)
                record = dict(zip(header, fields, strict=True))
                yield lines.line_num, decimals.with_points(record, where)
            else:
                check_length(fields, header, separator, first=row == 0, where=where)
                dropped.add("wrong number of fields", f"line {lines.line_num}")
    except csv.Error as error:
        raise DatasetError(
            f"{path}, line {lines.line_num}: not such a table ({error}). Separate its columns by "
            "commas, semicolons or tabs."
        ) from error


def read_text(path: Path) -> str:
    """Return the text of a file of at most 256 MiB, without a byte order mark.

    Raises
    ------
    DatasetError
        If it can't be read or isn't UTF-8 or UTF-16.
    """
    try:
        with open_regular(path, MAX_TABLE_BYTES) as file:
            return decode(file.read(), path)
    except OSError as error:
        raise DatasetError(
            f"{path} can't be read: {error.strerror}. Name a file that is there."
        ) from error


def _check_header(header: list[str], required: Sequence[str], path: Path, separator: str) -> None:
    found = printable(", ".join(header[:20])) or "none"
    between = SEPARATORS.get(separator, repr(separator))
    for name in required:
        if name not in header:
            raise DatasetError(
                f"{path} has no column {name!r}. Found the columns: {found} (between {between})."
            )
    for name, count in Counter(header).items():
        if name and count > 1:
            raise DatasetError(f"{path} has the column {name!r} {count} times. Name them apart.")
