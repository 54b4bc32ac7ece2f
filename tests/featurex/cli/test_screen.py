import json
import sys

import pandas as pd
import pytest

from featurex.cli import screen
from featurex.cli.screen import counted, print_json, print_json_list, print_table, progress, say


def test_json_is_ascii_and_never_nan(capsys):
    names = ["ä", "a\nb", "caf\udce9.jpg"]
    print_json(names)
    text = capsys.readouterr().out
    assert text.isascii()
    assert json.loads(text) == names
    with pytest.raises(ValueError, match="not JSON compliant"):
        print_json(float("nan"))


@pytest.mark.parametrize("values", [[], [1], ["a\nb", {"c": [1, {"d": None}], "e": []}]])
def test_a_json_list_is_what_json_would_print(values, capsys):
    print_json_list(iter(values))
    assert json.loads(capsys.readouterr().out) == values
    print_json_list(values or [0])
    shown = capsys.readouterr().out
    print_json(values or [0])
    assert shown == capsys.readouterr().out


def test_json_values_are_printed_as_they_come(capsys):
    def values():
        yield 1
        assert capsys.readouterr().out == "[\n  1"
        yield 2

    print_json_list(values())
    assert capsys.readouterr().out == ",\n  2\n]\n"


def test_a_title_is_not_wrapped_to_its_table(capsys):
    title = "60 photos in 4.9 s, 12 embedded a second"
    print_table(pd.DataFrame({"a": [1]}), title)
    assert capsys.readouterr().out.splitlines()[0] == title


def test_one_is_one():
    assert [counted(n, "photo") for n in (0, 1, 2)] == ["0 photos", "1 photo", "2 photos"]


def test_what_is_said_moves_no_cursor(capsys):
    say("a\nb\x1b[2J [bold]c")
    assert capsys.readouterr().err == "a\\nb\\x1b[2J [bold]c\n"


def test_no_progress_is_shown_where_nobody_looks(capsys):
    with progress("Working", 3) as update:
        for done in range(3):
            update(done, "a note", "photos")
    assert capsys.readouterr() == ("", "")


@pytest.fixture
def terminal(monkeypatch):
    """Let stderr be a terminal."""
    monkeypatch.setattr(screen, "err", screen.Console(stderr=True, force_terminal=True, width=120))


def test_progress_is_shown_on_a_terminal(terminal, capsys):
    with progress("Working", 3) as update:
        update(2, "7 without a face", "photos")
    said = capsys.readouterr()
    assert "Working" in said.err
    assert "2/3" in said.err
    assert said.out == ""


@pytest.mark.parametrize("prints", [False, True])
def test_results_go_to_stdout_beside_a_bar(terminal, capsys, prints):
    with progress("Working", 3, prints=prints) as update:
        update(2)
        sys.stdout.write("a result\n")
    said = capsys.readouterr()
    assert said.out == "a result\n"
    assert "2/3" in said.err


def test_no_bar_among_results_on_one_terminal(terminal, monkeypatch, capsys):
    monkeypatch.setattr(screen, "out", screen.Console(force_terminal=True, width=120))
    with progress("Working", 3, prints=True) as update:
        update(2)
        sys.stdout.write("a result\n")
    assert capsys.readouterr() == ("a result\n", "")
