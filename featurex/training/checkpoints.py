"""A training's state in a file: tensors as safetensors, the rest as JSON, nothing to execute.

A checkpoint appears complete or not at all. It belongs to one training: another one (other rows,
labels, settings, seed, weights, or version of torch) does not continue it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from featurex.exceptions import ModelError
from featurex.files import open_regular, replacing

FORMAT = "featurex.checkpoint.1"
MAX_BYTES = 16 * 2**30


def write_checkpoint(path: Path, tensors: Mapping[str, Tensor], record: Mapping[str, Any]) -> None:
    """Write a checkpoint in place of an earlier one.

    Parameters
    ----------
    path : Path
        Its folder is made where it is missing.
    tensors : mapping of str to Tensor
    record : mapping of str to JSON value

    Raises
    ------
    ModelError
        The file can't be written.
    """
    text = {"format": FORMAT, "record": json.dumps(record, allow_nan=False)}
    content = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as part:
            part.write_bytes(save(content, metadata=text))
    except OSError as error:
        raise ModelError(f"Can't write the checkpoint {path}: {error.strerror}.") from error


class Checkpoint(NamedTuple):
    """What a checkpoint holds, and where it was read from."""

    path: Path
    tensors: dict[str, Tensor]
    record: dict[str, Any]

    @property
    def is_finished(self) -> bool:
        """Whether it is the end of its training, and only the kept weights are in it."""
        return self.record.get("finished") is True


def read_checkpoint(path: Path, training: str) -> Checkpoint | None:
    """Read a checkpoint of a training.

    Parameters
    ----------
    path : Path
    training : str
        What the record has as its ``"training"``.

    Returns
    -------
    Checkpoint or None
        None where there is no file, or one of another training.

    Raises
    ------
    ModelError
        The file is damaged or can't be read.
    """
    try:
        with open_regular(path, MAX_BYTES) as file:
            content = file.read()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ModelError(f"Can't read the checkpoint {path}: {error.strerror}.") from error
    try:
        record = _record(content)
        return Checkpoint(path, load(content), record) if record["training"] == training else None
    except (SafetensorError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise damaged(path) from error


def damaged(path: Path) -> ModelError:
    """Return the error that says that a checkpoint is damaged, and what to do."""
    return ModelError(f"The checkpoint {path} is damaged: delete it, and the training starts anew.")


def _record(content: bytes) -> dict[str, Any]:
    length = int.from_bytes(content[:8], "little")
    text = json.loads(content[8 : 8 + length])["__metadata__"]
    if text["format"] != FORMAT:
        raise ValueError("another format")
    record = json.loads(text["record"])
    if not isinstance(record, dict):
        raise TypeError("no record")
    return record
