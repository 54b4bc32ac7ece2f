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
    channels : int
        Its output is ``(n, channels, side, side)``.
    """

    path: str
    channels: int


def find_inner_map(shapes: nn.Module, images: Tensor, name: str) -> InnerMap:
    """Find the last stage whose map has eight places or more along its side.

    Blocks of layers come before single ones: what is inside of a block is no stage, also where
    that block makes the map smaller.

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
        It has no such map, such as a transformer.
    """
    outputs = _outputs(shapes, images)
    inside = tuple(f"{path}." for path, module, output in outputs if _is_smaller(module, output))
    found = [
        (module, InnerMap(path, output.shape[1]))
        for path, module, output in outputs
        if map_side(module, output) >= LEAST_SIDE and not path.startswith(inside)
    ]
    if not found:
        raise BackboneError(
            f"{name} has no inner maps of {LEAST_SIDE} places or more along a side: choose a "
            "convolutional backbone."
        )
    blocks = [inner for module, inner in found if next(module.children(), None) is not None]
    return blocks[-1] if blocks else found[-1][1]


def map_side(module: nn.Module, output: Any) -> int:
    """Return the side of a module's square maps ``(n, channels, side, side)``, else 0.

    The patches that a transformer makes its tokens of are no maps: one linear layer of the pixels.
    """
    if not (isinstance(output, Tensor) and output.ndim == 4) or _embeds_patches(module):
        return 0
    return output.shape[2] if output.shape[2] == output.shape[3] else 0


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


def _embeds_patches(module: nn.Module) -> bool:
    if not isinstance(module, nn.Conv2d) or module.in_channels != 3:
        return False
    return module.kernel_size == module.stride != (1, 1)


def _is_smaller(module: nn.Module, output: Tensor) -> bool:
    """Tell whether a module is a block that returns a map with fewer places, or tokens."""
    is_block = not isinstance(module, nn.Sequential)
    return output.ndim == 3 or (is_block and 0 < map_side(module, output) < LEAST_SIDE)


def _outputs(network: nn.Module, images: Tensor) -> list[tuple[str, nn.Module, Tensor]]:
    """Run a network, and return path, module and tensor of all that its modules return."""
    found: list[tuple[str, nn.Module, Tensor]] = []

    def note(path: str, module: nn.Module, output: Any) -> None:
        if isinstance(output, Tensor):
            found.append((path, module, output))

    hooks = [
        module.register_forward_hook(
            lambda module, _, output, path=path: note(path, module, output)
        )
        for path, module in network.named_modules()
    ]
    network(images)
    for hook in hooks:
        hook.remove()
    return found
