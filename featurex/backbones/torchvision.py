"""Torchvision's ResNets, VGGs and Inception with ImageNet weights, any layer by name."""

from __future__ import annotations

import warnings
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from featurex.backbones.base import Backbone
from featurex.backbones.torchvision_import import import_torchvision
from featurex.backbones.weights import downloaded_weights, read_state_dict
from featurex.exceptions import BackboneError

PADDING = 0.25
# The layer before the last one, by family: what papers call the network's features.
DEFAULT_LAYERS = {"resnet": "flatten", "vgg": "classifier.4", "inception": "flatten"}
# torchvision sets the first by itself only where it downloads the weights itself.
_INCEPTION_OPTIONS = {"transform_input": True, "init_weights": False}


def model_names() -> list[str]:
    """List the networks that this module can load."""
    names = import_torchvision("torchvision.models").list_models(
        module=import_torchvision("torchvision.models")
    )
    return [name for name in names if name.startswith(tuple(DEFAULT_LAYERS))]


class TorchvisionBackbone(Backbone):
    """A classification network of torchvision, frozen.

    Parameters
    ----------
    name : str
        As torchvision names it, such as "resnet50".
    entry : str, optional
        Which of torchvision's weights, such as "IMAGENET1K_V1"; they also decide the
        preprocessing. By default torchvision's default.
    layer : str, optional
        A node of the network's graph, such as "layer3" or "classifier.4"; maps are averaged over
        space. By default the layer before the last one.
    weights : Path, optional
        A ``.pth`` or ``.safetensors`` file instead of torchvision's download.

    Raises
    ------
    BackboneError
        torchvision has no such network, weights or layer.
    """

    def __init__(
        self,
        name: str,
        entry: str | None = None,
        layer: str | None = None,
        weights: Path | None = None,
    ) -> None:
        if name not in model_names():
            raise BackboneError(
                f"There is no backbone {name!r}; there are dlib-resnet, {', '.join(model_names())}."
            )
        family = next(family for family in DEFAULT_LAYERS if name.startswith(family))
        self.architecture = name
        self._entry = _weights_entry(name, entry)
        self.name = f"{name}@{self._entry.name}"
        self.layer = layer or DEFAULT_LAYERS[family]
        self._weights = weights
        transforms = self._entry.transforms()
        self.chip_size, self.padding = transforms.crop_size[0], PADDING
        self._mean, self._std = list(transforms.mean), list(transforms.std)
        if layer:
            self.untrained()  # a wrong layer is an error before anything is downloaded

    @property
    def url(self) -> str:
        """Where torchvision downloads the weights from."""
        return self._entry.url

    @cached_property
    def weights_file(self) -> Path:
        """The file given, or torchvision's own from its local cache or by download."""
        return self._weights or downloaded_weights(self.url)

    @property
    def preprocessing(self) -> dict[str, Any]:
        """As torchvision documents for these weights: (x / 255 - mean) / std."""
        return {"mean": self._mean, "std": self._std}

    def untrained(self) -> nn.Module:
        """Make the network up to `layer`; its parameters have shapes but no memory yet."""
        models = import_torchvision("torchvision.models")
        options = _INCEPTION_OPTIONS if self.architecture.startswith("inception") else {}
        with torch.device("meta"):  # no time for random weights that are replaced at once
            network = models.get_model(self.architecture, weights=None, **options).eval()
        return _Features(_cut(network, self.name, self.layer), self._mean, self._std)

    def build(self) -> nn.Module:
        """Load the network up to `layer`."""
        network = self.untrained()
        extractor: nn.Module = network.extractor  # type: ignore[assignment]
        state = read_state_dict(self.weights_file, extractor.state_dict())
        try:
            extractor.load_state_dict(state, assign=True)
        except RuntimeError as error:
            reason = str(error).splitlines()[-1].strip()
            raise BackboneError(
                f"{self.weights_file} does not fit {self.name}: {reason}"
            ) from error
        return network.eval()


class _Features(nn.Module):
    """Normalises chips, runs the network up to a layer and averages maps over space."""

    mean: Tensor
    std: Tensor

    def __init__(self, extractor: nn.Module, mean: list[float], std: list[float]) -> None:
        super().__init__()
        self.extractor = extractor
        for name, values in (("mean", mean), ("std", std)):
            tensor = torch.tensor(values).view(1, 3, 1, 1) * 255
            self.register_buffer(name, tensor, persistent=False)

    def forward(self, chips: Tensor) -> Tensor:
        features = self.extractor((chips - self.mean) / self.std)["features"]
        if features.ndim == 4:
            return features.mean((2, 3), dtype=torch.float32)
        return features.flatten(1)


def _weights_entry(name: str, entry: str | None) -> Any:
    choices = import_torchvision("torchvision.models").get_model_weights(name)
    if entry is None:
        return choices.DEFAULT
    if entry not in choices.__members__:
        known = ", ".join(choices.__members__)
        raise BackboneError(f"{name} has no weights {entry!r}; torchvision lists {known}.")
    return choices[entry]


def _cut(network: nn.Module, name: str, layer: str) -> nn.Module:
    extraction = import_torchvision("torchvision.models.feature_extraction")
    with warnings.catch_warnings():
        # "the nodes in eval mode are a subsequence of those in train mode": only eval is used
        warnings.simplefilter("ignore", UserWarning)
        try:
            return extraction.create_feature_extractor(network, {layer: "features"})
        except ValueError as error:
            nodes = extraction.get_graph_node_names(network)[1]
            raise BackboneError(
                f"{name} has no layer {layer!r}. Its last layers: {', '.join(nodes[-12:])}."
            ) from error
