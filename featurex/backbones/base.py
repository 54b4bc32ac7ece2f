"""The contract of a frozen backbone: what it needs, who it is, and how to build it."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from featurex.backbones.seen_faces import SeenFaces, check_unseen
from featurex.exceptions import BackboneError

if TYPE_CHECKING:
    import pandas as pd
    from torch import nn


class Backbone(ABC):
    """What turns face chips into embeddings, described without being loaded.

    Mostly a frozen pretrained network. Describing one reads no weights into memory, so that a run
    that finds every embedding in the cache never loads it; `build` does the loading.

    Attributes
    ----------
    name : str
        As on the command line, without the layer.
    layer : str
        The layer whose output, averaged over space where it has any, is the embedding.
    chip_size : int
        Side of the square face chips that it takes, in pixels.
    padding : float
        Border around the face, as a share of its size (dlib's ``padding``).
    licence : str
        The terms of the weights, in a few words.
    notice : str
        What a user must be told, once, where it is used; mostly nothing.
    trainable : bool
        Whether it is a network that can be trained further.
    seen : SeenFaces or None
        The photos that it was trained on; None where that is not known, as of published weights.
    notes : tuple of str
        What its training data ask to be said beside every prediction.
    provenance : str
        What must be told under a table of scores; mostly nothing.
    origin : mapping of str to str
        What a model on its embeddings must remember to find it again, beside its name.
    """

    name: str
    layer: str
    chip_size: int
    padding: float
    licence: str = ""
    notice: str = ""
    trainable: bool = True
    seen: SeenFaces | None = None
    notes: tuple[str, ...] = ()
    provenance: str = ""
    origin: Mapping[str, str] = MappingProxyType({})

    @property
    @abstractmethod
    def weights_file(self) -> Path | None:
        """The file that holds the weights; BackboneError where it is not to be had.

        None where nothing was learnt.
        """

    @property
    @abstractmethod
    def preprocessing(self) -> dict[str, Any]:
        """What happens to a chip's numbers before the first layer."""

    def untrained(self) -> nn.Module:
        """Make the network up to the layer, its weights yet to be loaded; needs no file.

        Raises
        ------
        BackboneError
            It is no network that can be trained.
        """
        raise self._no_network()

    @abstractmethod
    def build(self) -> nn.Module:
        """Load the network.

        Returns
        -------
        torch.nn.Module
            In evaluation mode. Takes chips ``(n, 3, chip_size, chip_size)`` RGB, 0 to 255, of any
            dtype; normalises them itself; returns ``(n, n_features)``.
        """

    @property
    def for_training(self) -> Backbone:
        """The backbone that a network is trained on where this one is asked for: mostly itself."""
        return self

    def check_trainable(self) -> None:
        """Raise BackboneError where it is no network, so that there is nothing to train."""
        if not self.trainable:
            raise self._no_network()

    def check_unseen(self, table: pd.DataFrame) -> None:
        """Refuse photos that it is known to have been trained on: scores on them would be too good.

        Parameters
        ----------
        table : DataFrame
            With `image_id` and `dataset`, as of a `featurex.manifest.Manifest`.

        Raises
        ------
        BackboneError
            There are some; the message counts them.
        """
        if self.seen is not None:
            name = self.origin.get("file", self.name)
            check_unseen(table, self.seen, f"{name}:{self.layer}")

    def _no_network(self) -> BackboneError:
        return BackboneError(
            f"{self} is no network, so it can't be fine-tuned: choose a model on its embeddings, "
            "such as svm, or another backbone."
        )

    @property
    def settings(self) -> dict[str, Any]:
        """All that decides an embedding's numbers, but for the chip: one cache space each."""
        return {
            "backbone": self.name,
            "layer": self.layer,
            "weights_sha256": self._weights_sha256,
            "preprocessing": self.preprocessing,
        }

    @cached_property
    def _weights_sha256(self) -> str | None:
        """Hash the weights once: every key that is made of the settings asks for it."""
        file = self.weights_file
        return None if file is None else file_sha256(file)

    def __str__(self) -> str:
        return f"{self.name}:{self.layer}"


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file's bytes in lower-case hexadecimal."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise BackboneError(f"Can't read the weights {path}: {error.strerror}.") from error
