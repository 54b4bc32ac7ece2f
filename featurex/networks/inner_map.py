"""Finds and reads the map of an inner stage of a trunk, whatever its layers are called."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from featurex.exceptions import BackboneError

# The fewest places along a side: enough to tell eyes, nose and mouth apart.
LEAST_SIDE = 8


@dataclass(frozen=True)
class InnerMap:
    """One layer of a trunk.

    Attributes
    ----------
    path : str
        Of the module inside the trunk.
    channels, side : int
        Its output is ``(n, channels, side, side)``.
    """

    path: str
    channels: int
    side: int


def find_inner_map(shapes: nn.Module, images: Tensor, name: str) -> InnerMap:
    """Find the last stage whose map has eight places or more along its side.

    Blocks of layers come before single ones: what is inside of a block is no stage.

    Parameters
    ----------
    shapes : torch.nn.Module
        The trunk; one on the meta device is enough.
    images : Tensor of shape (1, 3, h, w)
        On the same device.
    name : str
        Of the backbone, for the error.

    Raises
    ------
    BackboneError
        It has no such map.
    """
    found: list[tuple[bool, InnerMap]] = []

    def note(path: str, module: nn.Module, output: Any) -> None:
        if not (isinstance(output, Tensor) and output.ndim == 4):
            return
        channels, height, width = output.shape[1:]
        if height == width >= LEAST_SIDE:
            is_block = next(module.children(), None) is not None
            found.append((is_block, InnerMap(path, channels, height)))

    hooks = [
        module.register_forward_hook(
            lambda module, _, output, path=path: note(path, module, output)
        )
        for path, module in shapes.named_modules()
    ]
    shapes(images)
    for hook in hooks:
        hook.remove()
    if not found:
        raise BackboneError(
            f"{name} has no inner maps of {LEAST_SIDE} places or more along a side: choose a "
            "convolutional backbone."
        )
    blocks = [inner for is_block, inner in found if is_block]
    return blocks[-1] if blocks else found[-1][1]


def run_with_map(trunk: nn.Module, path: str, images: Tensor) -> tuple[Tensor, Tensor]:
    """Run a trunk once, and return an inner layer's output beside its own.

    Returns
    -------
    inner : Tensor of shape (n, channels, side, side)
    features : Tensor of shape (n, n_features)
    """
    found: list[Tensor] = []
    hook = trunk.get_submodule(path).register_forward_hook(
        lambda module, inputs, output: found.append(output)
    )
    try:
        features = trunk(images)
    finally:
        hook.remove()
    return found[-1], features
