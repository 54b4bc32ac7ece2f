r"""Tables for a paper: booktabs, at most as wide as a column of a two-column page.

A task with many scores gets them in blocks under one another, in one table. What a reader must know
stands in small print below the first table, to which the captions of the others refer. What is
printed needs ``\usepackage{booktabs}`` and nothing else.
"""

import re
from collections.abc import Sequence

import pandas as pd

from pipelines.tables.facts import WARNING, Facts, caption, warnings
from pipelines.tables.layout import BOLD, BOLD_END, TaskCells, by_task, in_width

# The width of a column of a two-column article, 240 pt, and of the gap between columns of a table,
# 6 pt, in digits of \footnotesize. A digit of Computer Modern is half as wide as it is high.
_DIGIT_PT = 4.25
WIDTH, GAP = 240 / _DIGIT_PT, 6 / _DIGIT_PT
_NARROW, _WIDE = frozenset(" .,:;'|()[]ijlft"), frozenset("±≈−–+=@%MWmw")
INTERVALS = "Scores over all photos at once; in brackets their 95 % intervals."

_SPECIAL = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "[": "{[}",  # a row that begins with [ would be an option of the \\ before it
    "]": "{]}",
    '"': "''",
    "±": r"$\pm$",
    "≈": r"$\approx$",
    "–": "--",
    "−": "$-$",
    "…": r"\dots{}",
    "\n": " ",
    BOLD: r"\textbf{",
    BOLD_END: "}",
}
# A minus sign, and no hyphen: a number follows, and no word is before it.
_MINUS = re.compile(r"(?<![\w.)\]-])-(?=[\d.])")
# Two hyphens would be an en dash.
_BETWEEN_HYPHENS = re.compile(r"(?<=-)(?=-)")
_NAMES = {"svm": "SVM", "mlp": "MLP", "random-forest": "Random forest", "majority": "Majority"}


def escape(text: str) -> str:
    r"""Escape what LaTeX would read as a command.

    Examples
    --------
    >>> print(escape("50 % of a_b"))
    50 \% of a\_b
    >>> print(escape("--limit"))
    -{}-limit
    """
    signed = _MINUS.sub("−", text)
    return "{}".join(
        "".join(_SPECIAL.get(character, character) for character in part)
        for part in _BETWEEN_HYPHENS.split(signed)
    )


def tables(
    scores: pd.DataFrame,
    intervals: pd.DataFrame,
    marks: str,
    notes: Sequence[str],
    facts: Facts,
) -> str:
    """Make the tables of a comparison, one for the scores and one for the intervals of each task.

    Parameters
    ----------
    scores, intervals : DataFrame of str
        As `pipelines.tables.printed` makes them; what is bold as of `pipelines.tables.layout.bold`.
    marks : str
        What the scores are and how the best is marked: in the caption of every table of scores.
    notes : sequence of str
        What else a reader must know: below the first table, to which the others refer.
    facts : mapping of str to str or None
        What holds for every row, such as the data set: in every caption and, but for a warning, in
        every label, so that one paper can hold the tables of several comparisons.
    """
    parts = [r"% Needs \usepackage{booktabs}. Each table fits a column of a two-column page."]
    first = None
    told = " ".join(filter(None, [caption(facts), *warnings(facts)]))
    both = (("scores", scores, marks), ("intervals", intervals, INTERVALS))
    for kind, cells, what in both:
        for part in by_task(cells):
            label = _label(part.task, kind, facts)
            said = f"{_title(part.task)}: {kind} ({part.counts}). {what} {told}".strip()
            below = "" if first else _below(notes)
            refers = rf" Notes as in Table~\ref{{{first}}}." if first and notes else ""
            parts.append(_table(part, label, escape(said) + refers, below))
            first = first or label
    return "\n\n".join(parts) + "\n"


def _below(notes: Sequence[str]) -> str:
    """Write notes as small print as wide as the column; nothing where there are none."""
    if not notes:
        return ""
    text = escape(" ".join(map(_sentence, notes)))
    return rf"\parbox{{\columnwidth}}{{\scriptsize {text}}}"


def _title(task: str) -> str:
    words = task.replace("-", " ").replace("_", " ")
    return words[:1].upper() + words[1:]


def _table(part: TaskCells, label: str, caption: str, below: str) -> str:
    cells = part.cells.assign(Model=part.cells["Model"].map(_name))
    blocks = [_block(block) for block in in_width(cells, WIDTH, GAP, _measure)]
    return "\n".join(
        [
            r"\begin{table}[tbp]",
            r"\centering",
            r"\setlength{\belowcaptionskip}{6pt}",
            rf"\caption{{{caption}}}",
            rf"\label{{{label}}}",
            r"\footnotesize",
            r"\setlength{\tabcolsep}{3pt}",
            # A paragraph each, so that no block widens the columns of another.
            "\n\\par\\medskip\n".join(filter(None, [*blocks, below])),
            r"\end{table}",
        ]
    )


def _block(cells: pd.DataFrame) -> str:
    """Make a block: headings, their units, a rule, and the rows."""
    headings = [name.partition(" (") for name in cells.columns]
    names = [name for name, _, _ in headings]
    units = [f"({unit}" if unit else "" for _, _, unit in headings]
    lines = [names, *([units] if any(units) else [])]
    return "\n".join(
        [
            rf"\begin{{tabular}}{{@{{}}l{'r' * (cells.shape[1] - 1)}@{{}}}}",
            r"\toprule",
            *map(_row, lines),
            r"\midrule",
            *map(_row, cells.to_numpy().tolist()),
            r"\bottomrule",
            r"\end{tabular}",
        ]
    )


def _row(cells: Sequence[str]) -> str:
    return " & ".join(map(escape, cells)) + r" \\"


def _measure(text: str) -> float:
    """Estimate the width of a cell or a heading in digits; its unit stands below a heading."""
    bare = text.strip(BOLD + BOLD_END).partition(" (")[0]
    width = sum(0.67 if c in _NARROW else 1.6 if c in _WIDE else 1.08 for c in bare)
    return width * (1.15 if text.startswith(BOLD) else 1.0)


def _name(model: str) -> str:
    """Return a model's name as papers have it; averages with spaces around the sign."""
    return " + ".join(_NAMES.get(part, part) for part in model.split("+"))


def _sentence(note: str) -> str:
    return note if note.endswith((".", "!", "?")) else f"{note}."


def _label(task: str, kind: str, facts: Facts) -> str:
    """Name a table by all that its caption tells it from others by, in letters of any file."""
    told = [value for name, value in facts.items() if value and name != WARNING]
    slug = re.sub(r"[^a-z0-9]+", "-", " ".join([task, *told, kind]).lower())
    return f"tab:{slug.strip('-')}"
