import pytest
import typer

from featurex.cli.guard import guarded


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
