import json

import pytest
import typer

from featurex.cli import shared
from featurex.cli.shared import guarded, print_json, progress, ready_folder, say


def fail_with(error):
    @guarded
    def command():
        raise error

    return command


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (ValueError("Wrong\nvalue."), "featurex: Wrong value."),
        (
            FileNotFoundError(2, "No such file", "a\nb\x1b[2J"),
            r"featurex: a\nb\x1b[2J: No such file",
        ),
        (
            KeyError("x"),
            "featurex: Internal error: KeyError: 'x'. Please report it; FEATUREX_DEBUG",
        ),
        (MemoryError(), "featurex: Internal error: MemoryError"),
    ],
)
def test_an_error_is_one_line_and_exit_code_1(error, line, capsys):
    with pytest.raises(typer.Exit) as stop:
        fail_with(error)()
    assert stop.value.exit_code == 1
    said = capsys.readouterr()
    assert said.err.startswith(line)
    assert said.err.count("\n") == 1
    assert said.out == ""


def test_an_interrupt_is_exit_code_130(capsys):
    with pytest.raises(typer.Exit) as stop:
        fail_with(KeyboardInterrupt())()
    assert stop.value.exit_code == 130
    assert capsys.readouterr().err == (
        "featurex: Stopped. What was finished is kept; run again to go on.\n"
    )


@pytest.mark.parametrize("stop", [typer.Exit(3), typer.BadParameter("x")])
def test_typers_own_are_left_to_typer(stop):
    with pytest.raises(type(stop)):
        fail_with(stop)()


def test_debugging_shows_the_error(monkeypatch):
    monkeypatch.setenv("FEATUREX_DEBUG", "1")
    with pytest.raises(KeyError):
        fail_with(KeyError("x"))()


def test_json_is_ascii_and_never_nan(capsys):
    names = ["ä", "a\nb", "caf\udce9.jpg"]
    print_json(names)
    text = capsys.readouterr().out
    assert text.isascii()
    assert json.loads(text) == names
    with pytest.raises(ValueError, match="not JSON compliant"):
        print_json(float("nan"))


def test_what_is_said_moves_no_cursor(capsys):
    say("a\nb\x1b[2J [bold]c")
    assert capsys.readouterr().err == "a\\nb\\x1b[2J [bold]c\n"


def test_no_progress_is_shown_where_nobody_looks(capsys):
    with progress("Working", 3) as update:
        for done in range(3):
            update(done, "a note", "photos")
    assert capsys.readouterr() == ("", "")


def test_progress_is_shown_on_a_terminal(monkeypatch, capsys):
    monkeypatch.setattr(shared, "err", shared.Console(stderr=True, force_terminal=True, width=120))
    with progress("Working", 3) as update:
        update(2, "7 without a face", "photos")
    said = capsys.readouterr()
    assert "Working" in said.err
    assert "2/3" in said.err
    assert said.out == ""


def test_a_folder_is_made_ready_or_refused(tmp_path, monkeypatch):
    assert ready_folder(tmp_path / "a" / "b").is_dir()
    (tmp_path / "file").touch()
    for name in ("file", "file/inside"):
        with pytest.raises(OSError, match="file"):
            ready_folder(tmp_path / name)
    monkeypatch.setattr("os.access", lambda *args: False)
    with pytest.raises(PermissionError):
        ready_folder(tmp_path)
