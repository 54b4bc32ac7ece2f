"""A finished network as a backbone: what its heads read is the embedding.

The file is one that ``featurex fit`` wrote of a network on a pretrained trunk. It is known by its
content, so that the embeddings are found again under any file name, and it says which photos the
network was trained on: features know the labels of those, so that no score may be measured there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from featurex.backbones.base import Backbone, file_sha256
from featurex.backbones.network_files import (
    MAX_BYTES,
    check_tensors,
    fits,
    prefix_of,
    read_header,
    read_seen_faces,
    read_tensors,
    tensor_names,
    trunk_name,
)
from featurex.exceptions import BackboneError, ModelError
from featurex.files import open_regular
from featurex.printable import printable

if TYPE_CHECKING:
    from torch import nn

_DIGITS = 12
_TASK = re.compile(r"[\w-]+", re.ASCII)
_NAME = re.compile(rf"network-[0-9a-f]{{{_DIGITS}}}:(?P<task>{_TASK.pattern})", re.ASCII)
_HEADER = {
    "backbone": {"name": str, "chip_size": int, "padding": int | float},
    "networks": dict,
    "dataset": str,
    "notes": [str],
}
_HOW = "A backbone's file is that of one network, as 'featurex fit --model finetuned' writes it."


class FinishedBackbone(Backbone):
    """The trunk of a network that was trained with featurex, frozen.

    Parameters
    ----------
    file : Path
        As `featurex.saved_models.files.save_model` writes networks.
    task : str or None
        Whose network; may be None where there is only one.
    find_trunk : callable
        Makes the backbone that the network was trained from, of its name.

    Attributes
    ----------
    seen : SeenFaces
        The photos that the network was trained on.
    origin : dict of str to str
        ``"trunk"``, the name of the backbone that it was trained from, and ``"file"``.

    Raises
    ------
    BackboneError
        The file is no network's, damaged, from before files recorded the training photos, or holds
        several networks and none is named.
    """

    def __init__(self, file: Path, task: str | None, find_trunk: Callable[[str], Backbone]) -> None:
        try:
            self._read(file, task, find_trunk)
        except ModelError as error:
            raise BackboneError(str(error)) from error
        except OSError as error:
            raise BackboneError(f"Can't read the network {file}: {error.strerror}.") from error

    def _read(self, file: Path, task: str | None, find_trunk: Callable[[str], Backbone]) -> None:
        header = _header(file)
        self._file, self.layer = file, _choose(file, task, header["networks"])
        self._prefix = f"{prefix_of(self.layer, header)}trunk."
        self._trunk = _trunk(file, header["backbone"], find_trunk)
        if not any(name.startswith(self._prefix) for name in tensor_names(file)):
            raise BackboneError(
                f"The network for {self.layer} in {file} has no pretrained trunk whose features "
                f"could be taken. {_HOW}"
            )
        seen = read_seen_faces(file, self.layer)
        if seen is None:
            raise BackboneError(
                f"{file} does not say which photos its network was trained on, so scores on its "
                "features can't be trusted: fit it again with this version of featurex."
            )
        self.seen = seen
        sha256 = self._weights_sha256 = file_sha256(file)
        self.name = f"network-{sha256[:_DIGITS]}"
        self.chip_size, self.padding = self._trunk.chip_size, self._trunk.padding
        self.licence, self.notice = self._trunk.licence, self._trunk.notice
        self.notes = tuple(header["notes"])
        self.origin = {"trunk": str(self._trunk), "file": file.name}
        self.provenance = (
            f"{self} is the network for {self.layer} in {printable(file.name)}, trained on "
            f"{len(seen)} photos of {printable(header['dataset'])}, none of which is here, "
            "byte by byte. Whether other copies of them or the same people are can't be told."
        )

    @property
    def weights_file(self) -> Path:
        """The network's file."""
        return self._file

    @property
    def preprocessing(self) -> dict[str, Any]:
        """As that of the trunk."""
        return self._trunk.preprocessing

    def untrained(self) -> nn.Module:
        """Make the trunk, as the network was trained on it, without its weights."""
        return self._trunk.for_training.untrained()

    def build(self) -> nn.Module:
        """Load the trunk from the network's file."""
        network = self.untrained()
        try:
            state = read_tensors(self._file, self._prefix)
            check_tensors(state, network.state_dict())
            network.load_state_dict(state, assign=True)
        except (ModelError, RuntimeError, ValueError) as error:
            reason = str(error).splitlines()[-1].strip()
            raise BackboneError(
                f"{self._file} does not fit {self._trunk}, from which it says its network was "
                f"trained: {reason}"
            ) from error
        return network.eval()


def find_file(name: str) -> tuple[Path, str | None] | None:
    """Split ``FILE[:TASK]`` into an existing file and a task; None where there is no such file."""
    if Path(name).is_file():
        return Path(name), None
    path, _, task = name.rpartition(":")
    return (Path(path), task) if path and Path(path).is_file() else None


def is_finished(name: str) -> bool:
    """Tell whether a name is that of a `FinishedBackbone`, which needs its file beside it."""
    return _NAME.fullmatch(name) is not None


def load_finished(
    name: str, file: Path | None, find_trunk: Callable[[str], Backbone]
) -> FinishedBackbone:
    """Find a backbone by the name that models remember, and its file.

    Parameters
    ----------
    name : str
        For which `is_finished` holds.
    file : Path or None
    find_trunk : callable
        As `FinishedBackbone` takes it.

    Raises
    ------
    BackboneError
        There is no file, or it is another one.
    """
    match = _NAME.fullmatch(name)
    assert match
    if file is None:
        raise BackboneError(f"{name} is a network's file: name that file with --weights FILE.")
    found = FinishedBackbone(file, match["task"], find_trunk)
    if str(found) != name:
        raise BackboneError(
            f"{file} is another network's file than that of {name}: the SHA-256 of this one begins "
            f"with {found.name.partition('-')[2]}. Name the right file with --weights."
        )
    return found


def _header(file: Path) -> Mapping[str, Any]:
    with open_regular(file, MAX_BYTES) as content:
        if content.read(4) == b"PK\x03\x04":
            raise BackboneError(f"{file} holds a model on embeddings, or several models. {_HOW}")
    header = read_header(file)
    if not fits(header, _HEADER) or not all(map(_TASK.fullmatch, header["networks"] or [""])):
        raise BackboneError(f"{file} is damaged: it does not describe its network.")
    return header


def _choose(file: Path, task: str | None, networks: Mapping[str, Any]) -> str:
    names = " and ".join(networks)
    if task is None and len(networks) > 1:
        example = f"{file}:{next(iter(networks))}"
        raise BackboneError(f"{file} holds networks for {names}: say which, such as {example}.")
    if task is not None and task not in networks:
        raise BackboneError(f"{file} holds no network for {task!r}, but for {names}.")
    return next(iter(networks)) if task is None else task


def _trunk(
    file: Path, described: Mapping[str, Any], find_trunk: Callable[[str], Backbone]
) -> Backbone:
    trunk = find_trunk(str(trunk_name(described)))
    if (trunk.chip_size, trunk.padding) != (described["chip_size"], described["padding"]):
        raise BackboneError(
            f"The network of {file} was trained on faces that were cut out in another way: fit it "
            "again with this version of featurex."
        )
    return trunk
