import json
import os
import pickle

import pytest
import torch
from safetensors.torch import save

from featurex.exceptions import ModelError
from featurex.training import checkpoints
from featurex.training.checkpoints import read_checkpoint, write_checkpoint

TENSORS = {"a": torch.arange(6.0).view(2, 3), "step": torch.tensor(3.0)}
RECORD = {"training": "this one", "history": [{"epoch": 1, "valid_loss": 0.1 + 0.2}]}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "new folder" / "gender net.safetensors"


def test_what_was_written_is_read(path):
    write_checkpoint(path, TENSORS, RECORD)
    found = read_checkpoint(path, "this one")
    assert (found.path, found.record) == (path, RECORD)
    tensors = found.tensors
    assert set(tensors) == set(TENSORS)
    assert all(torch.equal(tensors[name], TENSORS[name]) for name in TENSORS)
    assert list(path.parent.iterdir()) == [path]


def test_none_is_there_or_of_another_training(path):
    assert read_checkpoint(path, "this one") is None
    write_checkpoint(path, TENSORS, RECORD)
    assert read_checkpoint(path, "another") is None


def test_a_write_that_fails_leaves_the_earlier_one(path, monkeypatch):
    write_checkpoint(path, TENSORS, RECORD)

    def full(number):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ModelError, match=r"Can't write the checkpoint .*No space left"):
        write_checkpoint(path, {}, RECORD | {"history": []})
    assert read_checkpoint(path, "this one").record == RECORD
    assert list(path.parent.iterdir()) == [path]


def header(text):
    return save({"x": torch.zeros(1)}, metadata=text)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no checkpoint",
        pickle.dumps(RECORD),
        save(TENSORS),
        header({"format": "another", "record": json.dumps(RECORD)}),
        header({"format": checkpoints.FORMAT, "record": "[1]"}),
        header({"format": checkpoints.FORMAT, "record": "{"}),
        header({"format": checkpoints.FORMAT, "record": "{}"}),
        (2**62).to_bytes(8, "little") + b"{}",
    ],
)
def test_what_is_no_checkpoint_is_refused(content, path):
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(ModelError, match=r"is damaged: delete it, and the training starts anew"):
        read_checkpoint(path, "this one")


@pytest.mark.parametrize("share", [0.01, 0.5, 0.99])
def test_a_truncated_one_is_refused(path, share):
    write_checkpoint(path, TENSORS, RECORD)
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with pytest.raises(ModelError, match="is damaged"):
        read_checkpoint(path, "this one")


def test_a_folder_is_refused(tmp_path):
    with pytest.raises(ModelError, match="Can't read the checkpoint"):
        read_checkpoint(tmp_path, "this one")
