import io

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from featurex.cli import screen, stages
from featurex.models import options
from featurex.models.options import ModelOptions
from featurex.tasks import AGE, AGE_GROUP
from pipelines import compare

MODELS = ("majority", "finetuned@student-20x256+svm")


@pytest.fixture(scope="module")
def comparison():
    """Guesses of two models, one of a long name, for two tasks."""
    rng, n = np.random.default_rng(0), 40
    tables = []
    for model in MODELS:
        chances = rng.dirichlet(np.ones(8), n)
        names = AGE_GROUP.probability_columns
        years = {"years_true": rng.uniform(1, 80, n), "years_pred": rng.uniform(1, 80, n)}
        shared_columns = {
            "image_id": [f"i{row}" for row in range(n)],
            "model": model,
            "fold": np.arange(n) % 4,
            "subject_id": [f"s{row}" for row in range(n)],
        }
        truth = np.array(AGE_GROUP.classes)[np.arange(n) % 8]
        years["years_true"] = np.arange(n) * 2.0
        classes = dict(zip(names, chances.T, strict=True))
        tables += [
            pd.DataFrame(shared_columns | {"task": "age-group", "y_true": truth} | years | classes),
            pd.DataFrame(shared_columns | {"task": "age", "y_true": None} | years),
        ]
    return compare(pd.concat(tables, ignore_index=True), [AGE_GROUP, AGE], notes=["A note."])


@pytest.fixture
def printed(comparison, monkeypatch):
    """Return a function that prints the comparison on a terminal of a width."""

    def printed(width, **console):
        file = io.StringIO()
        out = Console(width=width, file=file, highlight=False, **console)
        monkeypatch.setattr(screen, "out", out)
        monkeypatch.setattr(stages, "out", out)
        stages.print_comparison(comparison, "Comparison")
        return file.getvalue().splitlines()

    return printed


@pytest.mark.parametrize("width", [80, 120])
def test_the_tables_fit_the_terminal_and_no_cell_is_cut_or_wrapped(printed, width):
    lines = [line for line in printed(width, force_terminal=True, no_color=True) if "│" in line]
    assert max(map(len, lines)) <= width
    assert not any("…" in line for line in lines)
    # A wrapped cell would leave a line without its model.
    assert all(line.split("│")[1].strip() in MODELS for line in lines)


def test_a_wide_terminal_has_fewer_tables(printed):
    narrow, wide = (
        sum("┏" in line for line in printed(width, force_terminal=True)) for width in (80, 200)
    )
    assert narrow > wide == 4


def test_a_file_has_tables_of_80_characters(printed):
    lines = [line for line in printed(250, force_terminal=False) if "│" in line]
    assert max(map(len, lines)) <= 80


def test_every_score_is_printed(printed, comparison):
    text = "\n".join(printed(80, force_terminal=False))
    cells = comparison.format_intervals()
    for name in set(cells) - {"Task"}:
        assert all(cell in text for cell in cells[name] if cell != "–")
    assert "- A note." in text


def test_settings_for_many_faces_are_advised_where_faces_are_many(
    colour_faces, capsys, monkeypatch
):
    networks = ["svm+finetuned", "multitask", "wide-gabor"]
    stages.advise(networks, colour_faces, ModelOptions())
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(options, "MANY_FACES", 70)
    stages.advise(networks, colour_faces, ModelOptions())
    assert capsys.readouterr().err == (
        "Try finetuned@many-faces and multitask@many-faces: settings for as many as 70 faces, and "
        "half the epochs.\n"
    )
