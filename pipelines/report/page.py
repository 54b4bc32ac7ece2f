"""Puts the report together: one page that needs nothing else."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from pipelines.report import facts
from pipelines.report.confusion_view import Matrix, confusion_views
from pipelines.report.contents import AuditedFaces, Run
from pipelines.report.curve_view import curve_charts
from pipelines.report.group_view import GroupView, group_views
from pipelines.report.key import Sign, signs
from pipelines.report.map_view import map_views
from pipelines.report.score_charts import cost_charts, score_charts
from pipelines.report.score_table import ScoreTable, score_table
from pipelines.report.svg import Svg
from pipelines.report.trust_view import (
    calibration_rows,
    reject_rows,
    reliability_charts,
    selective_chart,
)
from pipelines.report.words import (
    SCORES,
    count,
    heading,
    known_metrics,
    listed,
    main_metric,
    protocol_words,
)

TEMPLATES = Path(__file__).parent / "templates"

SECTIONS = (
    ("question", "Question and protocol"),
    ("comparison", "Comparison"),
    ("scores", "Scores with intervals"),
    ("confusion", "Confusion"),
    ("calibration", "Calibration"),
    ("groups", "Scores by group"),
    ("selective", "Answering only when sure"),
    ("curves", "Learning curves"),
    ("cost", "Cost"),
    ("dropped", "What was left out"),
    ("audit", "Audit"),
    ("map", "Map of the embeddings"),
    ("mistakes", "Worst mistakes"),
    ("reproduce", "How to reproduce"),
)


@dataclass(frozen=True)
class TaskView:
    """All that the page shows of one task."""

    name: str
    facts: str
    metric: str
    scores: ScoreTable
    charts: dict[str, Svg]
    confusion: list[Matrix]
    reliability: list[tuple[Sign, Svg]]
    calibration: list[dict[str, str]]
    groups: list[GroupView]
    selective: Svg | None
    rejects: list[dict[str, str]]
    curves: list[tuple[str, list[Svg]]]
    costs: dict[str, Svg]


def render(run: Run, *, version: str = "") -> str:
    """Make the page.

    Parameters
    ----------
    run : Run
    version : str
        Of the program that makes the page.

    Returns
    -------
    str
        HTML that loads nothing from anywhere. Its one script sorts tables; the page's own policy
        lets no other run. Names are escaped, whatever they hold.
    """
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    style, script = (
        (TEMPLATES / name).read_text(encoding="utf-8") for name in ("report.css", "report.js")
    )
    return environment.get_template("report.html").render(
        version=version,
        style=_Trusted(style),
        script=_Trusted(script),
        script_hash=_hash(script),
        sections=SECTIONS,
        **_question(run),
        **_contents(run),
    )


class _Trusted:
    """The style sheet or script of this package, which is put in as it is."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __html__(self) -> str:
        return self._text


def _hash(script: str) -> str:
    digest = hashlib.sha256(script.encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode('ascii')}"


def _question(run: Run) -> dict[str, Any]:
    """Return what the page says in words first."""
    record = run.record
    table = run.rows("table")
    protocol = str(record.get("protocol", ""))
    n_repeats = facts.number(record, "n_repeats") or 1
    words, leaks = protocol_words(protocol, n_repeats, facts.number(record, "unnamed_faces") or 0)
    people = table["n_subjects"].max()
    faces = facts.number(facts.part(record, "photos"), "faces") or table["n_rows"].max()
    named = not pd.isna(people) and people != table["n_rows"].max()
    return {
        "dataset": str(record.get("dataset", "an unnamed data set")),
        "tasks_named": listed([task.replace("-", " ") for task in run.tasks]),
        "models_counted": count(len(run.models), "model"),
        "faces_counted": count(faces, "face"),
        "people_counted": count(people, "person", "people") if named else "",
        "protocol": protocol,
        "protocol_words": words,
        "leaks": leaks,
        "warning": facts.word(record, "warning"),
        "ages": facts.word(record, "ages"),
        "notes": facts.words(record, "notes"),
        "score_words": [(heading(name), SCORES[name]) for name in known_metrics(table)],
    }


def _contents(run: Run) -> dict[str, Any]:
    key = signs(run.models)
    return {
        "key": list(key.values()),
        "tasks": [_task(run, task, key) for task in run.tasks],
        "dropped": facts.dropped(run.record),
        "findings": run.rows("findings").to_dict("records"),
        "leaking": run.rows("folds").to_dict("records"),
        "has_audit": "findings" in run.tables,
        "audited": _audited(run.audited),
        "maps": map_views(run.rows("map"), _orders(run)),
        "mistakes": run.mistakes,
        "command": facts.command(run.record),
        "provenance": facts.provenance(run.record),
    }


def _audited(faces: AuditedFaces | None) -> str:
    """Say whether the audit is of the faces that the scores are of."""
    if faces is None:
        return "Whether the audit looked at the faces tested here is not known."
    looked_at = f"The audit looked at {count(faces.audited, 'face')}, among them "
    if faces.both == faces.compared:
        return f"{looked_at}all {faces.compared:,} tested here."
    return f"{looked_at}only {faces.both:,} of the {faces.compared:,} tested here."


def _task(run: Run, task: str, key: Mapping[str, Sign]) -> TaskView:
    table = run.rows("table", task=task)
    metric = main_metric(table) or "accuracy"
    selective = run.rows("selective", task=task)
    return TaskView(
        name=task,
        facts=_sizes(table),
        metric=heading(metric),
        scores=score_table(table, run.rows("pairs", task=task)),
        charts=score_charts(task, table, key),
        confusion=confusion_views(run.rows("confusion", task=task), key),
        reliability=reliability_charts(task, run.rows("reliability", task=task), key),
        calibration=calibration_rows(run.rows("calibration", task=task), key),
        groups=group_views(task, run.rows("by_group", task=task), key, metric),
        selective=selective_chart(task, selective, key),
        rejects=reject_rows(selective, key),
        curves=curve_charts(task, run.rows("curves", task=task), metric),
        costs=cost_charts(task, table, key),
    )


def _sizes(table: pd.DataFrame) -> str:
    known = {
        "n_rows": ("face", "faces"),
        "n_subjects": ("person", "people"),
        "n_folds": ("fold", "folds"),
    }
    if not (table["n_subjects"] < table["n_rows"]).any():
        del known["n_subjects"]  # where nobody is named, every face counts as a person
    return ", ".join(_range(table[column], *words) for column, words in known.items())


def _range(values: pd.Series, one: str, many: str) -> str:
    low, high = values.min(), values.max()
    most = count(high, one, many)
    return most if low == high else f"{low:,.0f} to {most}"


def _orders(run: Run) -> dict[str, list[str]]:
    """Return the order of the age groups, which the scores by group have."""
    rows = run.rows("by_group", column="age_group")
    return {"age_group": list(dict.fromkeys(rows["group"]))}
