"""After a kill the same call, or the same command, goes on where its network was."""

import pytest
from typer.testing import CliRunner

from featurex import FaceEmbedder, compare, fit
from featurex.cli import app
from featurex.training.trainer import Trainer

GIVEN = {"tasks": "gender", "epochs": 3, "batch_size": 16, "n_jobs": 1}
TYPED = ("--task", "gender", "--epochs", 3, "--batch-size", 16, "--jobs", 1)
# Where unfinished networks are, by what --out names.
CHECKPOINTS = {"": "checkpoints", "m.featurex": "m.featurex.checkpoints"}


@pytest.fixture
def on_tiny(tiny, embedder):
    """The people's faces, for a network that is trained in no time."""
    return FaceEmbedder("tiny", cache=embedder.cache, detector="dlib-hog", device="cpu")


@pytest.fixture
def begun(monkeypatch):
    """The epochs that trainings began; all are stopped in the second, as by Ctrl-C."""
    begun, epoch = [], Trainer._epoch

    def stopped(trainer, run):
        begun.append(len(run.history) + 1)
        if begun[-1] == 2:
            raise KeyboardInterrupt
        epoch(trainer, run)

    monkeypatch.setattr(Trainer, "_epoch", stopped)
    return begun


@pytest.mark.parametrize(
    ("verb", "out", "more"),
    [
        (compare, "", {"n_folds": 2}),
        (fit, "m.featurex", {"n_folds": 2}),
        (fit, "m.featurex", {"evaluate": False}),
    ],
    ids=["compare", "measure", "fit"],
)
def test_the_same_call_goes_on(data, on_tiny, begun, tmp_path, verb, out, more):
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            verb(data, "finetuned", embedder=on_tiny, out=tmp_path / out, **GIVEN, **more)
        (unfinished,) = tmp_path.rglob("*.safetensors")
        assert unfinished.parent == tmp_path / CHECKPOINTS[out]
    assert begun == [1, 2, 2]


@pytest.mark.parametrize(
    ("verb", "out", "more"),
    [
        ("compare", "", ("--folds", 2)),
        ("fit", "m.featurex", ("--folds", 2)),
        ("fit", "m.featurex", ("--no-evaluate",)),
    ],
    ids=["compare", "measure", "fit"],
)
def test_the_same_command_goes_on(data, on_tiny, begun, tmp_path, verb, out, more):
    words = (verb, "people", "--limit", len(data), "--cache", on_tiny.cache, "--backbone", "tiny")
    on = ("--detector", "dlib-hog", "--device", "cpu", "--model", "finetuned", *TYPED, *more)
    for _ in range(2):
        result = CliRunner().invoke(app, [*map(str, (*words, *on)), "--out", str(tmp_path / out)])
        assert result.exit_code == 130, result.stderr
        (unfinished,) = tmp_path.rglob("*.safetensors")
        assert unfinished.parent == tmp_path / CHECKPOINTS[out]
    assert begun == [1, 2, 2]
