import json

import pandas as pd
import pytest

from featurex.cli import screen
from featurex.cli.screen import print_json, print_table, progress, say


def test_json_is_ascii_and_never_nan(capsys):
    names = ["ä", "a\nb", "caf\udce9.jpg"]
    print_json(names)
    text = capsys.readouterr().out
    assert text.isascii()
    assert json.loads(text) == names
    with pytest.raises(ValueError, match="not JSON compliant"):
        print_json(float("nan"))


def test_a_title_is_not_wrapped_to_its_table(capsys):
    title = "60 photos in 4.9 s, 12 embedded a second"
    print_table(pd.DataFrame({"a": [1]}), title)
    assert capsys.readouterr().out.splitlines()[0] == title


def test_what_is_said_moves_no_cursor(capsys):
    say("a\nb\x1b[2J [bold]c")
    assert capsys.readouterr().err == "a\\nb\\x1b[2J [bold]c\n"


def test_no_progress_is_shown_where_nobody_looks(capsys):
    with progress("Working", 3) as update:
        for done in range(3):
            update(done, "a note", "photos")
    assert capsys.readouterr() == ("", "")


def test_progress_is_shown_on_a_terminal(monkeypatch, capsys):
    monkeypatch.setattr(screen, "err", screen.Console(stderr=True, force_terminal=True, width=120))
    with progress("Working", 3) as update:
        update(2, "7 without a face", "photos")
    said = capsys.readouterr()
    assert "Working" in said.err
    assert "2/3" in said.err
    assert said.out == ""
