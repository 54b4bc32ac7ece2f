"""The comparison of models: one row a task and model, from out-of-fold predictions alone."""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from pipelines.out_of_fold.panel import Panel, make_panel
from pipelines.out_of_fold.predictions import subjects_of, validate
from pipelines.out_of_fold.tallies import Tally
from pipelines.scoring import pairwise
from pipelines.scoring.missing import answer_notes
from pipelines.scoring.resampled_scores import Resamples, resample_panel
from pipelines.scoring.scores import METRICS, Metric
from pipelines.scoring.swaps import plan_swaps
from pipelines.tables import latex, markdown_tables, printed, web
from pipelines.tables.costs import cost_table, train_rows
from pipelines.tables.facts import Facts, warnings, with_facts
from pipelines.tables.layout import bold, by_task
from pipelines.tables.printed import MOST_FOLDS, NOT_APART
from pipelines.tasks import Task

_PEOPLE_NOTE = (
    "Intervals: 95 %, BCa bootstrap of people, scores over all photos at once, trained models held "
    "fixed."
)
_PHOTOS_NOTE = (
    "Intervals: 95 %, BCa bootstrap of photos, since the data name no people (if people have "
    "several photos the intervals are too short); scores over all photos at once, trained models "
    "held fixed."
)
_PAIRS_NOTE = (
    f"{NOT_APART}: not told apart from the best of its task (answers swapped between the two "
    "models for {swaps}; 5 %, Holm's correction for all pairs of a task)."
)
_SCORES = ("mean", "std", "pooled", "low", "high", "answered")


@dataclass(frozen=True)
class Comparison:
    """A comparison of models, as numbers and as tables to print.

    Parameters
    ----------
    table : DataFrame
        One row a task and model: ``task``, what `facts` names, ``model``, ``n_rows`` (photos),
        ``n_subjects``, ``n_folds`` (of all repeats), ``n_repeats``; for each metric
        ``<metric>_mean`` and ``<metric>_std`` over folds (ddof=1; NaN with one fold),
        ``<metric>_pooled`` over all photos at once, and that score's 95 % interval,
        ``<metric>_low`` and ``<metric>_high``; ``n_missing``, faces without an answer, and
        ``<metric>_answered``, the score of the others; ``fit_seconds`` (mean over folds),
        ``ms_per_face``,
        and of networks ``n_parameters`` and ``seconds_per_epoch`` (means over folds; NaN where
        unknown). Shares are in [0, 1]; a metric that a task lacks is NaN.
    notes : tuple of str
        What a reader of the table must know: protocol, seed, data set, warnings, and how
        intervals and tests were made.
    pairs : DataFrame
        Every two models of a task, see `pipelines.scoring.pairwise`.
    facts : mapping of str to str or None
        What holds for every row, such as ``dataset`` and ``protocol``, and a ``warning`` where
        there is one.
    names_people : bool, default=True
        Whether the data say who is in a photo; otherwise ``n_subjects`` counts photos.
    """

    table: pd.DataFrame
    notes: tuple[str, ...] = ()
    pairs: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=pairwise.COLUMNS))
    facts: Facts = field(default_factory=dict)
    names_people: bool = True

    def format(self, mark: Callable[[str], str] = str) -> pd.DataFrame:
        """Make a table of strings such as ``76.0 ± 0.6``.

        Parameters
        ----------
        mark : callable, default=str
            Applied to the best of each task and metric, such as a function to make it bold.

        Returns
        -------
        DataFrame
            Percent for shares; an en dash where a task lacks a metric; ``≈`` beside a score that
            is not told apart from the best. Metrics that no row has are left out.
        """
        return printed.score_cells(self.table, self.pairs, mark)

    def format_intervals(self) -> pd.DataFrame:
        """Make a table of strings such as ``76.4 [75.8, 77.0]``: scores and 95 % intervals."""
        cells = printed.interval_cells(self.table)
        return cells if self.names_people else cells.drop(columns="Subjects")

    def marks_note(self, best: str = "in bold") -> str:
        """Say what the numbers are and how the best is marked.

        Parameters
        ----------
        best : str, default="in bold"
            How.
        """
        repeated = (self.table["n_repeats"] > 1).any()
        what = f"Mean ± standard deviation over folds{' of all repeats' if repeated else ''}"
        if printed.has_many_folds(self.table).any():
            what = f"More than {MOST_FOLDS} folds: scores over all photos at once"
        if (self.table["n_folds"] == 1).all():
            what = "Scores of one test set"
        return f"{what}; best of a task {best}."

    def __str__(self) -> str:
        """Return the tables as plain text, with what a reader must know."""
        parts = [
            f"{part.task} ({part.counts})\n{part.cells.to_string(index=False)}"
            for part in by_task(self.format(lambda text: f"{text} *"))
        ]
        notes = [f"- {note}" for note in (*self.notes, self.marks_note("with *"))]
        return "\n\n".join([*parts, "\n".join(notes)])

    def _repr_html_(self) -> str:
        """Return the tables as a notebook shows them."""
        return web.tables(self.format(bold), [*self.notes, self.marks_note()], self.facts)

    def to_csv(self, path: str | os.PathLike[str]) -> None:
        """Write the numbers, unrounded."""
        self.table.to_csv(path, index=False)

    def to_markdown(self, path: str | os.PathLike[str]) -> None:
        """Write the printed tables as Markdown, one a task: what holds for all, scores, notes."""
        notes = [*self.notes, self.marks_note()]
        text = markdown_tables.tables(self.format(bold), self.format_intervals(), notes, self.facts)
        Path(path).write_text(text, encoding="utf-8")

    def to_latex(self, path: str | os.PathLike[str]) -> None:
        r"""Write the printed tables for LaTeX, as `pipelines.tables.latex` says.

        Every caption says what holds for all rows, the first one also the notes.
        """
        text = latex.tables(
            self.format(bold), self.format_intervals(), self.marks_note(), self.notes, self.facts
        )
        Path(path).write_text(text, encoding="utf-8")


def compare(
    predictions: pd.DataFrame,
    tasks: Sequence[Task],
    timings: pd.DataFrame | None = None,
    notes: Sequence[str] = (),
    *,
    facts: Facts | None = None,
    random_state: int = 0,
) -> Comparison:
    """Compare models by their out-of-fold predictions.

    Parameters
    ----------
    predictions : DataFrame
        The out-of-fold table; it is validated.
    tasks : sequence of Task
        The tasks that may occur.
    timings : DataFrame or None
        As of `Evaluation`, of any of the models; ``n_parameters`` and ``seconds_per_epoch`` may be
        beside them.
    notes : sequence of str
        For the caption.
    facts : mapping of str to str or None, or None
        What holds for every row: columns of the table by name. A ``warning`` becomes the first
        note.
    random_state : int, default=0
        Seed of intervals and tests.

    Returns
    -------
    Comparison
        Tasks in the order of `tasks`, models in the order of the table.

    Raises
    ------
    PredictionTableError
        If the table breaks its contract, or models were tested on different rows.
    """
    validate(predictions, tasks)
    rows: list[dict[str, object]] = []
    pairs = []
    for task in tasks:
        if (predictions["task"] == task.name).any():
            panel = make_panel(predictions, task)
            resamples = resample_panel(panel, random_state=random_state)
            rows += _rows(panel, resamples)
            pairs.append(
                pairwise.compare_pairs(
                    panel,
                    resamples,
                    n_train=train_rows(timings, task),
                    random_state=random_state,
                )
            )
    table = pd.DataFrame(rows).merge(cost_table(timings), on=["task", "model"], how="left")
    named = not subjects_of(predictions).empty
    filled = [part for part in pairs if not part.empty]
    all_pairs = pd.concat(filled, ignore_index=True) if filled else pairs[0]
    answers = answer_notes(table, predictions, tasks)
    facts = dict(facts or {})
    all_notes = (*warnings(facts), *notes, *answers, *_statistics_notes(named, all_pairs))
    return Comparison(with_facts(table, facts), all_notes, all_pairs, facts, named)


def _rows(panel: Panel, resamples: Resamples) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = [
        {
            "task": panel.task.name,
            "model": model,
            "n_rows": panel.n_photos,
            "n_subjects": panel.n_subjects,
            "n_folds": len(panel.by_fold),
            "n_repeats": panel.n_repeats,
            "n_missing": len(np.unique(panel.image_ids[~panel.answered[:, number]])),
        }
        for number, model in enumerate(panel.models)
    ]
    for metric in METRICS:
        for row, scores in zip(rows, _scores(panel, resamples, metric), strict=True):
            row |= {f"{metric.name}_{what}": score for what, score in scores.items()}
    return rows


def _scores(panel: Panel, resamples: Resamples, metric: Metric) -> Iterator[dict[str, float]]:
    """Yield every model's scores by one metric."""
    if not metric.suits(panel.task):
        yield from [dict.fromkeys(_SCORES, np.nan)] * len(panel.models)
        return
    folds = pd.DataFrame(metric.formula(Tally(panel.by_fold)))
    scores = resamples.scores(metric)
    answered = metric.formula(Tally((panel.sums * panel.answered[..., None]).sum(axis=0)))
    for model in range(len(panel.models)):
        mean, std = folds[model].mean(), folds[model].std(ddof=1)
        pooled, interval = float(scores.total[model]), scores.interval(metric, model)
        row = (mean, std, pooled, *interval, float(answered[model]))
        yield dict(zip(_SCORES, row, strict=True))


def _statistics_notes(named: bool, pairs: pd.DataFrame) -> list[str]:
    notes = [_PEOPLE_NOTE if named else _PHOTOS_NOTE]
    if not pairs.empty:
        unit = "people" if named else "photos"
        kinds = pairs[["n_subjects", "n_swaps"]].drop_duplicates().itertuples(index=False)
        told = dict.fromkeys(_swaps_note(unit, *kind) for kind in kinds)
        notes.append(_PAIRS_NOTE.format(swaps=" or ".join(told)))
    return notes


def _swaps_note(unit: str, n_subjects: int, n_swaps: int) -> str:
    if plan_swaps(n_subjects).complete:
        return f"{unit} in all {n_swaps:,} ways"
    return f"random {unit}, {n_swaps:,} times"
