"""What the backbones that are networks trained on photos have in common."""

from __future__ import annotations

from abc import abstractmethod
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from featurex.backbones.base import Backbone
from featurex.backbones.layers import PENULTIMATE, average_over_space, cut
from featurex.backbones.weights import read_state_dict
from featurex.exceptions import BackboneError

# Border around the face, as dlib's chips for its own network have it.
PADDING = 0.25


class NetworkBackbone(Backbone):
    """A classification network, cut at a layer.

    A subclass names its network and makes it.

    Attributes
    ----------
    mean, std : list of float
        Of each channel, for pixels from 0 to 1.
    """

    mean: list[float]
    std: list[float]
    padding = PADDING

    @abstractmethod
    def network(self) -> nn.Module:
        """Make the network in evaluation mode, its weights yet to be loaded.

        Without its classifier where `layer` is `PENULTIMATE`.
        """

    @property
    @abstractmethod
    def weights_file(self) -> Path:
        """Where the weights are; raises a BackboneError that says how to get them."""

    @property
    def preprocessing(self) -> dict[str, Any]:
        """``(x / 255 - mean) / std`` of a chip that has the network's size; nothing is cropped."""
        return {"mean": self.mean, "std": self.std}

    def tracer(self) -> dict[str, Any]:
        """Options of the tracer that finds inner layers."""
        return {}

    def renamed(self, name: str) -> str:
        """Return the network's own name of a tensor in a weights file."""
        return name

    def untrained(self) -> nn.Module:
        """Make the network up to `layer`."""
        network = self.network()
        if self.layer != PENULTIMATE:
            network = cut(network, self.name, self.layer, self.tracer())
        return _Features(network, self.mean, self.std)

    def build(self) -> nn.Module:
        """Load the network up to `layer`."""
        network = self.untrained()
        extractor: nn.Module = network.extractor  # type: ignore[assignment]
        _load(extractor, self.weights_file, self)
        return network.eval()


@contextmanager
def without_memory() -> Iterator[None]:
    """Make networks whose parameters have shapes but no memory, on torch's meta device.

    No time goes into random weights that are replaced at once.
    """
    with torch.device("meta"), _OnlyWhatDecidesShapes():
        yield


class _OnlyWhatDecidesShapes(TorchFunctionMode):
    """Skips `normal_`, which takes milliseconds on the meta device, where it changes nothing.

    And makes `arange` and `tensor` real: RegNets compute the widths of their layers with them.
    """

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func.__name__ == "normal_":
            return args[0] if args else kwargs["tensor"]
        if func.__name__ in ("arange", "tensor"):
            kwargs = {"device": "cpu"} | kwargs
        return func(*args, **kwargs)


class _Features(nn.Module):
    """Normalises chips, runs a network up to a layer and averages maps over space."""

    mean: Tensor
    std: Tensor

    def __init__(self, extractor: nn.Module, mean: list[float], std: list[float]) -> None:
        super().__init__()
        self.extractor = extractor
        for name, values in (("mean", mean), ("std", std)):
            tensor = torch.tensor(values).view(1, 3, 1, 1) * 255
            self.register_buffer(name, tensor, persistent=False)

    def forward(self, chips: Tensor) -> Tensor:
        return average_over_space(self.extractor((chips - self.mean) / self.std))


def _load(extractor: nn.Module, file: Path, backbone: NetworkBackbone) -> None:
    expected = extractor.state_dict()
    state = read_state_dict(file, expected, backbone.renamed)
    # Files older than torch 0.4.1 have no counts of batches, which only training uses.
    complete = OrderedDict((n, state.get(n, torch.tensor(0))) for n in expected)
    # Without the versions of its modules a state counts as older than its own names and shapes.
    complete._metadata = expected._metadata  # type: ignore[attr-defined]
    try:
        extractor.load_state_dict(complete, assign=True)
    except RuntimeError as error:
        reason = str(error).splitlines()[-1].strip()
        raise BackboneError(f"{file} does not fit {backbone.name}: {reason}") from error
