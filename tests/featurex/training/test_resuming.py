"""Trainings that were killed, and those that were finished, go on from their checkpoint."""

import json
from dataclasses import replace

import pytest
from safetensors import safe_open

from featurex.exceptions import ModelError
from featurex.training import net
from featurex.training.checkpoints import read_checkpoint, write_checkpoint
from featurex.training.data import ChipDataset


class Killed(Exception):
    """As if the process had ended here."""


def without_time(history):
    return [{key: value for key, value in row.items() if key != "seconds"} for row in history]


@pytest.mark.parametrize("last", [1, 2, 4, 5])
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {
            "frozen_epochs": 3,
            "average_epochs": 1.5,
            "clip_norm": 1,
            "rotation": 10,
            "erasing": 0.5,
        },
    ],
    ids=["plain", "everything"],
)
def test_a_killed_training_goes_on_to_the_same_end(
    rows, tmp_path, last, changes, settings, train, state, equal
):
    altered = replace(settings, **changes)
    path = tmp_path / "net.safetensors"
    whole, history = train(rows, altered)

    def kill(row, n_epochs):
        if row["epoch"] == last:
            raise Killed

    with pytest.raises(Killed):
        train(rows, altered, checkpoint=path, on_epoch=kill)
    told = []
    again, continued = train(
        rows, altered, checkpoint=path, on_epoch=lambda row, n: told.append(row["epoch"])
    )
    assert told == list(range(last + 1, 7))
    assert equal(state(again), state(whole))
    assert without_time(continued) == without_time(history)


def test_a_training_killed_inside_an_epoch_repeats_that_epoch(
    rows, tmp_path, monkeypatch, trained, train, state, equal
):
    path, real, steps = tmp_path / "net.safetensors", net.FaceNet.train_step, []

    def kill(self, batch, **options):
        steps.append(1)
        if len(steps) == 11:  # the third epoch's third step
            raise Killed
        return real(self, batch, **options)

    with monkeypatch.context() as patch:
        patch.setattr(net.FaceNet, "train_step", kill)
        with pytest.raises(Killed):
            train(rows, checkpoint=path)
    again, _ = train(rows, checkpoint=path)
    assert equal(state(again), trained[0])


def test_a_finished_training_is_not_repeated(
    rows, tmp_path, trained, monkeypatch, train, state, equal
):
    path, told = tmp_path / "net.safetensors", []
    train(rows, checkpoint=path)
    monkeypatch.setattr(
        "featurex.training.trainer.brought_to", lambda *_: pytest.fail("chips for nothing")
    )
    again, history = train(rows, checkpoint=path, on_epoch=lambda *row: told.append(row))
    assert told == []
    assert equal(state(again), trained[0])
    assert without_time(history) == without_time(trained[1])


@pytest.mark.parametrize(
    "change", ["settings", "seed", "weights", "labels", "rows", "chips", "backbone"]
)
def test_another_training_does_not_go_on_from_the_checkpoint(
    rows, tmp_path, change, settings, build, train
):
    path, (some, valid) = tmp_path / "net.safetensors", rows
    train(rows, replace(settings, epochs=1), checkpoint=path)
    others = {
        "settings": lambda: train(rows, replace(settings, epochs=2), **spied),
        "seed": lambda: train(rows, replace(settings, epochs=1), seed=1, **spied),
        "weights": lambda: train(rows, replace(settings, epochs=1), network=build(seed=1), **spied),
        "labels": lambda: train(
            (ChipDataset(some.X, {"gender": 1 - some.codes["gender"]}, some.rows), valid),
            replace(settings, epochs=1),
            **spied,
        ),
        "rows": lambda: train(
            (ChipDataset(some.X, some.codes, some.rows[1:]), valid),
            replace(settings, epochs=1),
            **spied,
        ),
        "chips": lambda: train(
            (ChipDataset(255 - some.X, some.codes, some.rows), valid),
            replace(settings, epochs=1),
            **spied,
        ),
        "backbone": lambda: train(
            rows, replace(settings, epochs=1), backbone={"layer": "3"}, **spied
        ),
    }
    told = []
    spied = {"checkpoint": path, "on_epoch": lambda row, n: told.append(row["epoch"])}
    others[change]()
    assert told[0] == 1


def test_a_checkpoint_that_does_not_fit_its_network_is_refused(rows, tmp_path, train):
    path = tmp_path / "net.safetensors"

    def kill(row, n_epochs):
        raise Killed

    with pytest.raises(Killed):
        train(rows, checkpoint=path, on_epoch=kill)
    with safe_open(path, "pt") as file:
        name = json.loads(file.metadata()["record"])["training"]
    _, tensors, record = read_checkpoint(path, name)
    key = "network/outputs.gender.weight"
    write_checkpoint(path, tensors | {key: tensors[key][:1]}, record)
    with pytest.raises(ModelError, match="is damaged: delete it"):
        train(rows, checkpoint=path)
