"""How a table from somebody else's program is written: encoding, separator and decimal mark.

Spreadsheets in Germany, France and Brazil, R and pandas each write a table their own way. What a
file itself tells is read; what could be read in two ways is refused, with the line and what to do.
"""

import codecs
import re
from collections.abc import Container, Sequence
from itertools import pairwise
from pathlib import Path

from featurex.exceptions import DatasetError
from featurex.printable import printable

SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs"}
MAX_SHOWN = 60

_UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_MARKS = {",": "comma", ".": "point"}
_SAVE_AS_UTF8 = "Save it as UTF-8 text: a spreadsheet calls it 'CSV UTF-8'."
_FIRST_LINE = re.compile(r"[^\r\n]*")
_QUOTED = re.compile(r'"[^"]*"')
_FRACTION = re.compile(r"\s*[-+]?\d*([.,])\d*([eE][-+]?\d+)?\s*", re.ASCII)


def decode(data: bytes, path: Path) -> str:
    """Return the text of a file in UTF-8, or in UTF-16 with a byte order mark, without the mark.

    Raises
    ------
    DatasetError
        It is neither. Of the older encodings none can be told from the others.
    """
    encoding = "UTF-16" if data.startswith(_UTF16_MARKS) else "UTF-8"
    try:
        text = data.decode("utf-8-sig" if encoding == "UTF-8" else encoding)
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1  # a byte of UTF-16 can look like a line break
        where = f"byte {error.start}" + (f", line {line}" if encoding == "UTF-8" else "")
        raise DatasetError(f"{path} is not {encoding} ({where}). {_SAVE_AS_UTF8}") from error
    if "\0" in _first_line(text):
        raise DatasetError(f"{path} is not UTF-8 (a zero byte in line 1). {_SAVE_AS_UTF8}")
    return text


def find_separator(text: str, path: Path) -> str:
    """Return what separates a table's columns: the comma, if its first line has one.

    Raises
    ------
    DatasetError
        The first line has no comma, but semicolons and tabs.
    """
    header = _QUOTED.sub("", _first_line(text))
    found = [separator for separator in SEPARATORS if separator in header] or [","]
    if found == [";", "\t"]:
        raise DatasetError(
            f"{path}, line 1: has semicolons and tabs. Separate the columns by one of them."
        )
    return found[0]


def column_name(text: str) -> str:
    """Return a column's name in lower case, written with underscores.

    Those of probabilities keep the name of their class.

    Examples
    --------
    >>> column_name(" Age Group"), column_name("subject.id"), column_name("p_25-32")
    ('age_group', 'subject_id', 'p_25-32')
    """
    name = text.strip().lower()
    return name if name.startswith("p_") else re.sub(r"[\s.-]+", "_", name)


def check_length(
    fields: Sequence[str], header: Sequence[str], separator: str, *, first: bool, where: str
) -> None:
    """Refuse a row whose fields have moved: by a decimal comma, or by names that R gives to rows.

    Raises
    ------
    DatasetError
        The row is longer than the header and the first one, or it looks like a decimal comma.
    """
    pairs = pairwise(fields)
    split = separator == "," and any(a.isdecimal() and b.isdecimal() for a, b in pairs)
    if len(fields) > len(header) and (first or split):
        raise DatasetError(
            f"{where}: {len(fields)} fields, but {len(header)} columns. Where numbers have decimal "
            "commas, separate the columns by semicolons; from R, write it without row names."
        )


def check_nameless(fields: Sequence[str], header: Sequence[str], where: str) -> None:
    """Refuse text in a column without a name, unless that is the first: R and pandas number rows.

    Raises
    ------
    DatasetError
        There is some: a field may have moved by a decimal comma.
    """
    for number, (name, text) in enumerate(zip(header, fields, strict=True), 1):
        if number > 1 and not name and text.strip():
            raise DatasetError(
                f"{where}: {printable(text.strip()[:MAX_SHOWN])!r} in column {number}, which has "
                "no name. Name it; where numbers have decimal commas, separate the columns by "
                "semicolons."
            )


class Decimals:
    """The numbers of a table, all with a decimal point or all with a decimal comma.

    Parameters
    ----------
    separator : str
        A table that commas separate has decimal points.
    columns : container of str
        Those that hold numbers.
    """

    def __init__(self, separator: str, columns: Container[str]) -> None:
        self._columns = columns
        self._mark = "." if separator == "," else ""
        self._reason = "commas separate the columns"

    def with_points(self, record: dict[str, str], where: str) -> dict[str, str]:
        """Return a row whose numbers have decimal points; what is no number stays as it is.

        Raises
        ------
        DatasetError
            A number has the other mark.
        """
        for name, text in record.items():
            if name in self._columns and (found := _FRACTION.fullmatch(text)):
                self._check(found[1], f"{where}: the {name} {text.strip()[:MAX_SHOWN]!r}")
                record[name] = text.replace(",", ".")
        return record

    def _check(self, mark: str, what: str) -> None:
        if not self._mark:
            self._mark, self._reason = mark, f"an earlier number has a decimal {_MARKS[mark]}"
        if mark != self._mark:
            raise DatasetError(
                f"{what} has a decimal {_MARKS[mark]}, but {self._reason}. Write all numbers with "
                "decimal points, or separate the columns by semicolons and write decimal commas."
            )


def _first_line(text: str) -> str:
    found = _FIRST_LINE.match(text)
    return found[0] if found else ""
