"""Any network of timm, the collection of PyTorch image models; timm is the extra of that name.

Imported only where one is asked for. Nothing of timm's own loading is used: its files are read as
every other weights file, without unpickling.
"""

from __future__ import annotations

import difflib
from functools import cached_property
from pathlib import Path
from typing import Any

from torch import nn

from featurex.backbones.layers import PENULTIMATE
from featurex.backbones.network import NetworkBackbone
from featurex.backbones.torchvision_import import import_torchvision
from featurex.exceptions import BackboneError

PREFIX = "timm:"
MISSING = "timm is not installed: run 'pip install timm'."
FILE = "model.safetensors"  # of every network in timm's collection


class TimmBackbone(NetworkBackbone):
    """A network of timm, frozen.

    Mean, standard deviation and size are those of timm's ``pretrained_cfg``. Its ``crop_pct`` is
    not applied: it cuts the middle out of a photo, and a chip is cut out already.

    Parameters
    ----------
    name : str
        As timm names it, with or without the tag of its weights: "resnet18.a1_in1k", "resnet18".
    layer : str, optional
        "penultimate", the default: what timm gives with ``num_classes=0``. Or a node of the
        network's graph, where timm's code can be traced.
    weights : Path, optional
        A ``.safetensors`` or ``.pth`` file instead of timm's download.

    Raises
    ------
    BackboneError
        timm is missing, or has no such network, weights or layer.
    """

    def __init__(self, name: str, layer: str | None = None, weights: Path | None = None) -> None:
        self._timm = _import_timm()
        self._config = self._pretrained_config(name)
        tag = f".{self._config.tag}" if self._config.tag else ""
        self.architecture = name.split(".")[0]
        self.name = f"{PREFIX}{self.architecture}{tag}"
        self.layer = layer or PENULTIMATE
        self._weights = weights
        self.chip_size = self._size()
        self.mean, self.std = list(self._config.mean), list(self._config.std)
        self.licence = self._config.license or "see the page of the weights"
        if self.layer != PENULTIMATE:
            self.untrained()  # a wrong layer is an error before anything is downloaded

    @cached_property
    def weights_file(self) -> Path:
        """The file given, or timm's own: put into torch's cache by hand, or downloaded."""
        return self._weights or self._downloaded()

    def network(self) -> nn.Module:
        """Make the network.

        In memory, not on the meta device: buffers such as a transformer's positions are computed
        when it is made, and are in no file.
        """
        options = {"num_classes": 0} if self.layer == PENULTIMATE else {}
        return self._timm.create_model(self.architecture, pretrained=False, **options).eval()

    def tracer(self) -> dict[str, Any]:
        """Leave alone what timm marks as not to be traced."""
        from timm.models import _features_fx as marked

        return {
            "leaf_modules": marked.get_notrace_modules(),
            "autowrap_functions": marked.get_notrace_functions(),
        }

    def _pretrained_config(self, name: str) -> Any:
        architecture = name.split(".")[0]
        if not self._timm.is_model(architecture):
            close = difflib.get_close_matches(architecture, self._timm.list_models(), 3, 0.5)
            hint = f" Did you mean {' or '.join(close)}?" if close else ""
            raise BackboneError(f"timm has no network {architecture!r}.{hint}")
        try:
            return self._timm.get_pretrained_cfg(name, allow_unregistered=False)
        except RuntimeError as error:
            known = ", ".join(self._timm.list_pretrained(f"{architecture}.*")) or "none"
            raise BackboneError(f"timm has no weights {name!r}; it lists {known}.") from error

    def _size(self) -> int:
        channels, height, width = self._config.input_size
        if channels != 3 or height != width:
            raise BackboneError(
                f"{self.name} takes {channels} channels of {height}x{width} pixels; face chips "
                "are square and RGB."
            )
        return height

    def _downloaded(self) -> Path:
        import torch

        name = f"{self.name.removeprefix(PREFIX)}.safetensors"
        path = Path(torch.hub.get_dir()) / "checkpoints" / f"timm-{name}"
        if path.exists():
            return path
        source = self._config.hf_hub_id
        try:
            return _download(source)
        except Exception as error:  # the hub's client raises its own kinds and those of its layers
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            raise BackboneError(
                f"Can't download {FILE} of {source} ({reason}). Put that file at {path}, or name a "
                "copy with --weights FILE."
            ) from error


def _import_timm() -> Any:
    import_torchvision()  # timm imports it
    try:
        import timm
    except ImportError as error:
        raise BackboneError(MISSING) from error
    return timm


def _download(source: str | None) -> Path:
    if not source:
        raise ValueError("timm names no place to download it from")
    from huggingface_hub import hf_hub_download

    return Path(hf_hub_download(source, FILE))
