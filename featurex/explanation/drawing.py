"""Draws faces with their maps, answers and a legend, one by one and as a sheet."""

from __future__ import annotations

import textwrap
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from featurex.explanation.colours import overlay
from featurex.explanation.explainer import ExplainedFace, TaskMap
from featurex.explanation.maps import LOG_ODDS, RELATIVE, YEARS, Explanation
from featurex.printable import printable

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# The scale reaches at least so far: a weak map must not look like a strong one.
LEAST_SCALE = {LOG_ODDS: 0.5, YEARS: 1.0, RELATIVE: 1.0}
WHERE_NOT_WHY = "A map shows where the answer comes from, not why. Outlined: its strongest place."
MEANING = {
    LOG_ODDS: "log2 odds: covering a place at +1 halves the odds of the answer, at −1 doubles them",
    YEARS: "years that a place adds to the age; where it is negative, covering it makes older",
    RELATIVE: "relative, from this face's weakest place (0) to its strongest (1)",
}
FACES_A_SHEET, COLUMNS_A_SHEET = 12, 8
DPI = 110
# Inches: a face on a sheet and on a picture of its own, the room between and under faces, a line of
# text, a legend.
CELL, LARGE_CELL = 1.9, 2.6
GAP, CAPTION, LINE, LEGEND = 0.12, 0.5, 0.19, 0.52
MARGIN = 0.2
LETTER = 0.6  # its width as a share of the font's height, about


class SheetFace(NamedTuple):
    """A face for a sheet, and the name of its photo."""

    name: str
    face: ExplainedFace


def draw_maps(
    faces: Sequence[SheetFace],
    path: Path,
    title: str,
    notes: Sequence[str] = (),
    cell: float = CELL,
) -> None:
    """Draw faces, their maps and answers, and a legend, as PNG.

    Parameters
    ----------
    faces : sequence of SheetFace
        One or more, with maps for the same tasks. The maps of one task share one scale.
    path : Path
        The file to write.
    title : str
    notes : sequence of str
        Lines under the title.
    cell : float
        Side of a face in inches.

    Raises
    ------
    OSError
        The picture can't be written.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    figure = _Page(faces, title, notes, cell).draw()
    FigureCanvasAgg(figure)
    with warnings.catch_warnings():  # a file's name may have letters that the font lacks
        warnings.filterwarnings("ignore", "Glyph", UserWarning)
        figure.savefig(path, format="png")


class _Page:
    """The layout of one picture: a header, blocks of a face with its maps, and legends."""

    def __init__(
        self, faces: Sequence[SheetFace], title: str, notes: Sequence[str], cell: float
    ) -> None:
        self.faces, self.cell = faces, cell
        self.tasks = [one.task for one in faces[0].face.maps]
        self.scales = {task: _scale(faces, number) for number, task in enumerate(self.tasks)}
        cells = 1 + len(self.tasks)
        self.blocks = min(len(faces), max(1, COLUMNS_A_SHEET // cells))
        self.block_width = cells * (cell + GAP) + 2 * GAP
        self.width = max(self.blocks * self.block_width, 2.5 * LARGE_CELL) + 2 * MARGIN
        self.title = self._wrapped([title], 13)  # 11 and bold
        self.notes = self._wrapped([*notes, WHERE_NOT_WHY], 8)
        self.header = MARGIN + LINE * (1.4 * len(self.title) + len(self.notes)) + GAP
        rows = -(-len(faces) // self.blocks)
        self.height = self.header + rows * (cell + CAPTION) + LEGEND * len(self.tasks) + MARGIN

    def draw(self) -> Figure:
        from matplotlib.figure import Figure

        self.figure = Figure(figsize=(self.width, self.height), dpi=DPI, facecolor="white")
        self._write_header()
        for number, one in enumerate(self.faces):
            row, column = divmod(number, self.blocks)
            left = MARGIN + column * self.block_width
            self._draw_block(one, left, self.header + row * (self.cell + CAPTION))
        for number, task in enumerate(self.tasks):
            self._draw_legend(number, task)
        return self.figure

    def _write_header(self) -> None:
        top = MARGIN
        for lines, size, weight, step in (
            (self.title, 11, "bold", 1.4 * LINE),
            (self.notes, 8, "normal", LINE),
        ):
            for line in lines:
                self._write(MARGIN, top, line, size, weight)
                top += step

    def _draw_block(self, one: SheetFace, left: float, top: float) -> None:
        self._picture(one.face.chip, left, top, _shortened(one.name, self.cell))
        for task in one.face.maps:
            left += self.cell + GAP
            picture = overlay(one.face.chip, task.explanation, self.scales[task.task])
            axes = self._picture(picture, left, top, _caption(task))
            _outline(axes, task.explanation)

    def _picture(self, picture: np.ndarray, left: float, top: float, caption: str) -> Axes:
        axes = self._axes(left, top, self.cell, self.cell)
        axes.imshow(picture, interpolation="nearest")
        axes.set_axis_off()
        self._write(left, top + self.cell + 0.05, caption, 8)
        return axes

    def _draw_legend(self, number: int, task: str) -> None:
        """Draw a task's colours as they are on a middle grey, with their numbers and unit."""
        explanation, scale = self.faces[0].face.maps[number].explanation, self.scales[task]
        lowest = 0.0 if explanation.unit == RELATIVE else -scale
        ramp = np.linspace(lowest, scale, 256, dtype=np.float32)[None]
        bar = Explanation(explanation.method, ramp, explanation.unit, None)
        top = self.height - MARGIN - LEGEND * (len(self.tasks) - number) + 0.05
        axes = self._axes(MARGIN + 0.15, top, 1.6, 0.15)
        grey = np.full((1, 256, 3), 128, np.uint8)
        axes.imshow(overlay(grey, bar, scale), extent=(lowest, scale, 0, 1), aspect="auto")
        ticks = (0, 0.5, 1) if lowest == 0 else (-scale, 0, scale)
        axes.set_yticks([])
        axes.set_xticks(ticks, [_signed(tick, lowest < 0) for tick in ticks], fontsize=7)
        axes.tick_params(length=2, pad=1)
        text = self._wrapped([f"{task}, {explanation.method}; {MEANING[explanation.unit]}"], 8, 2.1)
        self._write(MARGIN + 2.05, top - 0.03, "\n".join(text), 8)

    def _axes(self, left: float, top: float, width: float, height: float) -> Axes:
        """Make axes at inches from the left and the top."""
        bottom = self.height - top - height
        return self.figure.add_axes(
            (
                left / self.width,
                bottom / self.height,
                width / self.width,
                height / self.height,
            )
        )

    def _write(self, left: float, top: float, text: str, size: int, weight: str = "normal") -> None:
        style: dict[str, Any] = {"fontsize": size, "fontweight": weight, "parse_math": False}
        place = (left / self.width, 1 - top / self.height)
        self.figure.text(*place, text, va="top", linespacing=1.3, **style)

    def _wrapped(self, lines: Sequence[str], size: int, indent: float = 0) -> list[str]:
        """Break lines that are too long; a letter's width is an estimate."""
        letters = int((self.width - 2 * MARGIN - indent) * 72 / (LETTER * size))
        return [part for line in lines for part in textwrap.wrap(printable(line), letters)]


def describe_map(task: TaskMap) -> str:
    """Say what was answered, with its probability.

    Examples
    --------
    >>> flat = Explanation("occlusion", np.zeros((9, 9), np.float32), LOG_ODDS, None)
    >>> describe_map(TaskMap("gender", "male", 0.841, flat, None))
    'male (84 %)'
    """
    if task.probability is None:
        return f"{task.answer:.1f} years"
    return f"{task.answer} ({100 * task.probability:.0f} %)"


def _caption(task: TaskMap) -> str:
    flat = "\nno place changes it" if task.explanation.box is None else ""
    return f"{task.task}: {describe_map(task)}{flat}"


def _shortened(name: str, cell: float) -> str:
    name, letters = printable(name), int(cell * 72 / (LETTER * 8))
    if len(name) <= letters:
        return name
    return f"{name[: letters // 2 - 1]}…{name[-(letters - letters // 2) :]}"


def _scale(faces: Sequence[SheetFace], number: int) -> float:
    """Return the largest value of a task's maps, but not too small a one."""
    maps = [one.face.maps[number].explanation for one in faces]
    return max(LEAST_SCALE[maps[0].unit], *(float(np.abs(one.values).max()) for one in maps))


def _signed(value: float, signed: bool) -> str:
    text = f"{value:+.1f}" if signed and value else f"{value:g}"
    return text.replace("-", "−")


def _outline(axes: Axes, explanation: Explanation) -> None:
    """Draw the strongest place, black on white, so that it is seen on any ground."""
    from matplotlib.patches import Rectangle

    if explanation.box is None:
        return
    left, top, right, bottom = explanation.box
    for width, colour in ((2.4, "white"), (1.0, "black")):
        axes.add_patch(
            Rectangle(
                (left - 0.5, top - 0.5),
                right - left,
                bottom - top,
                fill=False,
                linewidth=width,
                edgecolor=colour,
            )
        )
