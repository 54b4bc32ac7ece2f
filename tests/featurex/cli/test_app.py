import pytest

import featurex


def test_the_version_is_printed(call):
    result = call("--version")
    assert (result.exit_code, result.stdout) == (0, f"featurex {featurex.__version__}\n")


def test_help_lists_every_command(call):
    lines = call("--help").stdout.partition("Commands:\n")[2].splitlines()
    assert [line.split()[0] for line in lines if line[2:3].strip()] == [
        *("demo", "datasets", "backbones", "extract", "audit", "compare", "report", "fit"),
        *("predict", "explain", "cache"),
    ]


@pytest.mark.parametrize(
    "words",
    [
        ["nothing"],
        ["extract"],
        ["extract", "people", "--no-such-option"],
        ["extract", "people", "--limit", "0"],
        ["extract", "people", "--threads", "0"],
        ["compare", "people", "--folds", "1"],
        ["fit", "people", "--epochs", "0"],
        ["predict", "a.jpg"],
        ["predict", "--model", "m"],
        ["predict", "a.jpg", "--model", "m", "--json", "--csv"],
        ["cache", "info"],
        ["cache", "nothing"],
    ],
    ids=" ".join,
)
def test_wrong_usage_is_exit_code_2(call, words):
    result = call(*words)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert "Usage: " in result.stderr
