"""Files of networks: safetensors with a header of our own, and a record of the training photos.

The tensors of each task's network are named ``TASK/NAME``; those of tasks that share a network
stand once, and the header says under which task. The photos that it was trained on are
``seen-faces/TASK`` (see `featurex.backbones.seen_faces`), which files from before that record lack.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from featurex.backbones.seen_faces import SeenFaces
from featurex.exceptions import ModelError
from featurex.files import open_regular, replacing

if TYPE_CHECKING:
    from torch import Tensor

FORMAT = "featurex.network"
VERSION = 3
# Version 2 knew no shared networks; all else is the same.
READ_VERSIONS = (2, VERSION)
MAX_BYTES = 4 * 2**30
# A safetensors file begins with the length of its JSON header in 8 little-endian bytes.
_MAX_HEADER_BYTES = 100 * 2**20
_SEEN = "seen-faces/"
# Where the metadata say under which task's name the tensors of another task lie.
_SHARED = "tensors_of"


def write_networks(
    path: Path,
    states: Mapping[str, Mapping[str, Tensor]],
    seen: Mapping[str, SeenFaces],
    metadata: Mapping[str, Any],
) -> None:
    """Write the networks of tasks to one file, complete or not at all.

    Parameters
    ----------
    path : Path
    states : mapping of str to mapping of str to Tensor
        Each network's state, by task; equal ones are written once.
    seen : mapping of str to SeenFaces
        What they were trained on, by task, where it is known.
    metadata : mapping of str to JSON value
    """
    import torch
    from safetensors.torch import save

    owners = _owners(states)
    tensors = {
        f"{task}/{name}": tensor.detach().cpu().contiguous()
        for task, state in states.items()
        if owners[task] == task
        for name, tensor in state.items()
    }
    tensors |= {f"{_SEEN}{task}": torch.from_numpy(faces.rows) for task, faces in seen.items()}
    shared = {task: owner for task, owner in owners.items() if owner != task}
    header = json.dumps(dict(metadata) | {_SHARED: shared}, allow_nan=False)
    text = {"format": FORMAT, "version": str(VERSION), "metadata": header}
    with replacing(path) as part:
        part.write_bytes(save(tensors, metadata=text))


def read_header(path: Path) -> dict[str, Any]:
    """Read what a file says of its networks.

    Raises
    ------
    ModelError
        It is no file of networks, or of another version.
    OSError
        It can't be read, is no regular file, or larger than `MAX_BYTES`.
    """
    foreign = ModelError(f"{path} is not a model file of featurex.")
    with open_regular(path, MAX_BYTES) as file:
        length = int.from_bytes(file.read(8), "little")
        if not 2 <= length <= _MAX_HEADER_BYTES:
            raise foreign
        try:
            text = json.loads(file.read(length))["__metadata__"]
            found, version = text["format"], text["version"]
            metadata = json.loads(text["metadata"])
        except (ValueError, KeyError, TypeError, RecursionError):
            raise foreign from None
    if found != FORMAT or not isinstance(metadata, dict):
        raise foreign
    if version not in map(str, READ_VERSIONS):
        known = " and ".join(map(str, READ_VERSIONS))
        raise ModelError(f"{path} has version {version}; this featurex reads {known}.")
    return metadata


def prefix_of(task: str, metadata: Mapping[str, Any]) -> str:
    """Return what the names of a task's tensors begin with.

    Parameters
    ----------
    task : str
    metadata : mapping
        As `read_header` returns it.
    """
    shared = metadata.get(_SHARED, {})  # files of version 2 have none
    return f"{shared.get(task, task) if isinstance(shared, dict) else task}/"


def tensor_names(path: Path) -> list[str]:
    """List the tensors of a file.

    Raises
    ------
    ModelError
        It is damaged.
    """
    with _opened(path, "np") as file:
        return list(file.keys())


def read_tensors(path: Path, prefix: str) -> dict[str, Tensor]:
    """Read the tensors whose names begin with `prefix`, which is taken off their names.

    Raises
    ------
    ModelError
        The file is damaged.
    """
    with _opened(path, "pt") as file:
        names = [name for name in file.keys() if name.startswith(prefix)]  # noqa: SIM118
        return {name.removeprefix(prefix): file.get_tensor(name) for name in names}


def read_seen_faces(path: Path, task: str) -> SeenFaces | None:
    """Read which photos a task's network was trained on; None where the file does not say.

    Raises
    ------
    ModelError
        The record, or the whole file, is damaged.
    """
    name = f"{_SEEN}{task}"
    if name not in tensor_names(path):
        return None
    with _opened(path, "np") as file:
        try:
            return SeenFaces.read(file.get_tensor(name))
        except (ValueError, TypeError) as error:
            raise ModelError(
                f"{path} is damaged: its record of the training photos can't be used: {error}."
            ) from error


def _owners(states: Mapping[str, Mapping[str, Tensor]]) -> dict[str, str]:
    """Return for each task the first whose network has the same tensors."""
    owners: dict[str, str] = {}
    for task, state in states.items():
        same = (owner for owner in owners.values() if are_equal(state, states[owner]))
        owners[task] = next(same, task)
    return owners


@contextmanager
def _opened(path: Path, framework: str) -> Iterator[Any]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework) as file:
            yield file
    except (SafetensorError, OSError) as error:
        raise ModelError(f"{path} is a damaged network file: {error}") from error


def trunk_name(described: Mapping[str, Any]) -> Any:
    """Return the backbone from whose architecture a network is rebuilt.

    Parameters
    ----------
    described : mapping
        What a model file says of its backbone; that of a finished network names its own trunk.
    """
    return described.get("trunk", described["name"])


def fits(value: Any, shape: Any) -> bool:
    """Tell whether a JSON value has a shape: a type, a list of a shape, or shapes by key."""
    if isinstance(shape, dict):
        return isinstance(value, dict) and all(fits(value.get(k), s) for k, s in shape.items())
    if isinstance(shape, list):
        return isinstance(value, list) and all(fits(item, shape[0]) for item in value)
    return isinstance(value, shape)


def are_equal(one: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> bool:
    """Tell whether two networks' states are the same tensors by name."""
    import torch

    return one.keys() == other.keys() and all(
        torch.equal(tensor, other[name]) for name, tensor in one.items()
    )


def check_tensors(state: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> None:
    """Refuse what `load_state_dict` would take: other dtypes, and numbers that are not finite.

    Parameters
    ----------
    state, expected : mapping of str to Tensor
        From a file, and of the network that it is for.

    Raises
    ------
    ValueError
        A tensor is of another dtype, or holds such numbers.
    """
    for name, tensor in state.items():
        if name in expected and tensor.dtype != expected[name].dtype:
            raise ValueError(f"{name} has the dtype {tensor.dtype}, not {expected[name].dtype}")
        if not tensor.isfinite().all():
            raise ValueError(f"{name} holds numbers that are not finite")
