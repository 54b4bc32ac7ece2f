"""Every classification network of torchvision with ImageNet weights, any layer by name.

The quantised ones are left out: they are the same networks with 8-bit weights, whose kernels run
on a CPU only, and they can't be fine-tuned.
"""

from __future__ import annotations

import difflib
import re
from functools import cached_property
from pathlib import Path
from typing import Any

from torch import nn

from featurex.backbones.layers import PENULTIMATE, without_classifier
from featurex.backbones.network import NetworkBackbone, without_memory
from featurex.backbones.torchvision_import import import_torchvision
from featurex.backbones.weights import downloaded_weights
from featurex.exceptions import BackboneError

IMAGENET_LICENCE = "trained on ImageNet: non-commercial research"
SWAG_LICENCE = "CC BY-NC 4.0: non-commercial"
# torchvision turns the input transform on only where it loads the weights itself; the second
# classifier is for training from scratch.
_WITH_INCEPTION = {"transform_input": True, "init_weights": False, "aux_logits": False}
# Names of tensors that are older in torchvision's files than in its networks: DenseNet's, and
# those of vision transformers.
_OLD_NAMES = (
    (re.compile(r"(denselayer\d+\.(?:norm|conv))\.([12]\.)"), r"\1\2"),
    (re.compile(r"(encoder_layer_\d+\.mlp)\.linear_1\."), r"\1.0."),
    (re.compile(r"(encoder_layer_\d+\.mlp)\.linear_2\."), r"\1.3."),
)


def model_names() -> list[str]:
    """List torchvision's classification networks."""
    models = import_torchvision("torchvision.models")
    return models.list_models(module=models)


class TorchvisionBackbone(NetworkBackbone):
    """A classification network of torchvision, frozen.

    Parameters
    ----------
    name : str
        As torchvision names it, such as "resnet50".
    entry : str, optional
        Which of torchvision's weights, such as "IMAGENET1K_V1"; they also decide the
        preprocessing and the size. By default torchvision's default.
    layer : str, optional
        "penultimate", the default: the input of the last linear layer. Or a node of the network's
        graph, such as "layer3" or "classifier.4"; maps are averaged over space, and tokens too.
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
            raise BackboneError(_unknown(name))
        self.architecture = name
        self._entry = _weights_entry(name, entry)
        self.name = f"{name}@{self._entry.name}"
        self.layer = layer or PENULTIMATE
        self._weights = weights
        transforms = self._entry.transforms()
        self.chip_size = transforms.crop_size[0]
        self.mean, self.std = list(transforms.mean), list(transforms.std)
        self.licence = SWAG_LICENCE if "SWAG" in self._entry.name else IMAGENET_LICENCE
        if self.layer != PENULTIMATE:
            self.untrained()  # a wrong layer is an error before anything is downloaded

    @property
    def url(self) -> str:
        """Where torchvision downloads the weights from."""
        return self._entry.url

    @property
    def meta(self) -> dict[str, Any]:
        """What torchvision notes of these weights, such as ``num_params``."""
        return self._entry.meta

    @cached_property
    def weights_file(self) -> Path:
        """The file given, or torchvision's own from its local cache or by download."""
        return self._weights or downloaded_weights(self.url)

    def network(self) -> nn.Module:
        """Make the network; its parameters have shapes but no memory yet."""
        network = make_network(self.architecture, self.chip_size)
        return without_classifier(network) if self.layer == PENULTIMATE else network

    def renamed(self, name: str) -> str:
        """Return the network's own name of a tensor in a weights file."""
        for old, new in _OLD_NAMES:
            name = old.sub(new, name)
        return name


def make_network(architecture: str, size: int) -> nn.Module:
    """Make a network whose parameters have shapes but no memory."""
    options: dict[str, Any] = {}
    if architecture in ("inception_v3", "googlenet"):
        options = _WITH_INCEPTION
    elif architecture.startswith("vit"):
        options = {"image_size": size}
    models = import_torchvision("torchvision.models")
    with without_memory():
        return models.get_model(architecture, weights=None, **options).eval()


def _unknown(name: str) -> str:
    if name.startswith("quantized"):
        return (
            f"There is no backbone {name!r}: quantised networks run on a CPU only and can't be "
            "fine-tuned. Use the network of the same name without 'quantized_'."
        )
    close = difflib.get_close_matches(name, ["dlib-resnet", *model_names()], 3, 0.5)
    hint = f"did you mean {' or '.join(close)}? " if close else ""
    return f"There is no backbone {name!r}: {hint}'featurex backbones' lists them all."


def _weights_entry(name: str, entry: str | None) -> Any:
    choices = import_torchvision("torchvision.models").get_model_weights(name)
    if entry is None:
        return choices.DEFAULT
    if entry not in choices.__members__:
        known = ", ".join(choices.__members__)
        raise BackboneError(f"{name} has no weights {entry!r}; torchvision lists {known}.")
    return choices[entry]
