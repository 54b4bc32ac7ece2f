"""Markdown (CommonMark, with GitHub's tables) of text from anywhere: names can't become markup."""

import re
from collections.abc import Sequence

# What begins emphasis, code, links, HTML, entities, table cells, and mathematics on GitHub.
_INLINE = re.compile(r"[\\`*_\[\]<>&|~$]")
# What begins a heading, a list, a quotation or an underline where a block begins with it.
_BLOCK = re.compile(r"^(\s*(?:\d+(?=[.)](?:\s|$))|(?=[#+\-=])))")
_ADDRESS = re.compile(r"(?<=\w)(?=://)|(?<=\bwww)(?=\.)", re.IGNORECASE)


def printable(text: str) -> str:
    """Show what is not printable, such as line breaks, as Python writes it."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def escape(text: str) -> str:
    r"""Escape what Markdown would read as markup; the text stays on one line.

    Examples
    --------
    >>> escape("a*b|c")
    'a\\*b\\|c'
    >>> escape("# 1")
    '\\# 1'
    """
    escaped = _INLINE.sub(r"\\\g<0>", printable(text))
    return _ADDRESS.sub(r"\\", _BLOCK.sub(r"\1\\", escaped))


def code(text: str) -> str:
    """Make a code span, or escaped text where a span could end too early."""
    shown = printable(text)
    return escape(text) if not shown.strip() or set(shown) & set("`|") else f"`{shown}`"


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Make a table of cells that are Markdown already; columns after the first are right-aligned.

    Parameters
    ----------
    header : sequence of str
    rows : sequence of sequence of str
        Each as long as the header.

    Raises
    ------
    ValueError
        A row has another length.
    """
    if wrong := [row for row in rows if len(row) != len(header)]:
        raise ValueError(f"A row of a table must have {len(header)} cells. Got {wrong[0]}.")
    lines = [header, [":--", *["--:"] * (len(header) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
