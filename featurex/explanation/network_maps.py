"""Maps from inside a network: its own attention, or Grad-CAM.

A network is a torch module that maps chips ``(n, h, w, 3)`` uint8 to logits ``(n, n_outputs)``,
or to a dict of them by task. One with a method ``attention(chips)``, which returns ``(n, h', w')``,
has attention to show.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from importlib.util import find_spec
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from featurex.backbones.torchvision_import import import_torchvision
from featurex.exceptions import ModelError
from featurex.explanation.maps import Explanation, relative_map
from featurex.networks.inner_map import map_side

BATCH_SIZE = 32
# Places a side of the layer that Grad-CAM looks at: what Selvaraju et al. have on a ResNet. The
# last maps of networks for small chips are smaller (2 in dlib's), too coarse to show a place.
MIN_PLACES = 7
MISSING = (
    "Grad-CAM needs grad-cam, which is not installed: run 'pip install grad-cam', or choose "
    "--method occlusion."
)


def has_attention(network: nn.Module) -> bool:
    """Tell whether a network has attention maps of its own."""
    return callable(getattr(network, "attention", None))


@torch.inference_mode()
def attention_maps(network: nn.Module, chips: np.ndarray) -> list[Explanation]:
    """Return a network's own attention.

    Parameters
    ----------
    network : torch.nn.Module
        With a method ``attention(chips)``, which returns ``(n, h', w')``.
    chips : ndarray of shape (n, h, w, 3), uint8

    Returns
    -------
    list of Explanation
        One a chip.
    """
    maps = [network.attention(batch).float().cpu().numpy() for batch in _batches(network, chips)]  # type: ignore[operator]
    return [relative_map(places, _size(chips), "attention") for part in maps for places in part]


class GradCam:
    """Grad-CAM of a network's answer to one task, with the package grad-cam.

    Selvaraju et al. 2017, "Grad-CAM: visual explanations from deep networks via gradient-based
    localization". The layer is the last one that has 7 places a side or more, or else the last one
    with several places. Of a network that averages several views of a chip (its mirror image, or
    crops), the map is that of the first, which is the chip itself or its middle.

    Parameters
    ----------
    network : torch.nn.Module
    task : str
        Which of several heads.
    chip_size : int
        Side of a chip in pixels.

    Raises
    ------
    ModelError
        The package is missing, the network has no layer with places, or no such head.
    """

    def __init__(self, network: nn.Module, task: str, chip_size: int) -> None:
        self._cam = _import_grad_cam()
        self._network = network.eval()
        self._task = task
        layer = spatial_layer(network, chip_size)
        if layer is None:
            raise ModelError(
                "The network has no layer that keeps places, which Grad-CAM needs: choose "
                "--method occlusion."
            )
        self._layer = layer

    def __call__(self, chips: np.ndarray, outputs: Sequence[int]) -> list[Explanation]:
        """Explain one output of each chip.

        Parameters
        ----------
        chips : ndarray of shape (n, h, w, 3), uint8
        outputs : sequence of int, length n
            Which logit to explain: it is its log odds that count. A network with a single number
            is explained by that number.

        Returns
        -------
        list of Explanation
            One a chip; positive where the layer's maps speak for the output.
        """
        found, first = [], 0
        for batch in _batches(self._network, chips):
            found += self._maps(batch, outputs[first : first + len(batch)])
            first += len(batch)
        seen = _seen(self._network)
        return [relative_map(places, _size(chips), "grad-cam", seen) for places in found]

    def _maps(self, batch: Tensor, outputs: Sequence[int]) -> list[np.ndarray]:
        targets = [partial(_log_odds, output=output) for output in outputs]
        images = batch.permute(0, 3, 1, 2)
        with _gradients_from(self._layer, self._network), torch.enable_grad():
            cam = self._cam(_TaskLogits(self._network, self._task), [self._layer])
            kept = cam.activations_and_grads
            try:  # its own context manager prints and swallows errors
                cam(images, targets)
                # The first view is the chip's own, be it in a pass of its own or in the first
                # rows of one that all views share.
                maps, gradients = kept.activations[0].numpy(), kept.gradients[0].numpy()
                places = cam.get_cam_image(images, self._layer, targets, maps, gradients)
            finally:
                kept.release()
        return list(np.maximum(places, 0)[: len(batch)])


def spatial_layer(network: nn.Module, chip_size: int) -> nn.Module | None:
    """Find the last layer of a network that keeps places.

    Parameters
    ----------
    network : torch.nn.Module
        In evaluation mode.
    chip_size : int
        Side of a chip in pixels.

    Returns
    -------
    torch.nn.Module or None
        The last with 7 places a side or more, else with 2 or more; None where there is none, such
        as in transformers that turn the patches of the chip into tokens.
    """
    sides: dict[nn.Module, int] = {}  # in the order in which the layers were last done
    calls: Counter[nn.Module] = Counter()
    among_tokens: set[nn.Module] = set()

    def note(module: nn.Module, _: Any, output: Any) -> None:
        if isinstance(output, Tensor) and output.ndim == 3:
            among_tokens.update(module.modules())
        if (side := map_side(module, output)) > 1:
            calls[module] += 1
            sides.pop(module, None)
            sides[module] = side

    blank = torch.zeros(1, chip_size, chip_size, 3, dtype=torch.uint8, device=_device(network))
    hooks = [module.register_forward_hook(note) for module in network.modules()]
    try:
        with torch.inference_mode():
            network(blank)
    finally:
        for hook in hooks:
            hook.remove()
    # A layer that is called at several depths, such as a shared ReLU, has no map of its own. All
    # others are called as often as there are views.
    views = min(calls.values(), default=0)
    own = {module: side for module, side in sides.items() if calls[module] == views}
    for least in (MIN_PLACES, 2):
        if layers := [m for m, side in own.items() if side >= least and m not in among_tokens]:
            return layers[-1]
    return None


class _TaskLogits(nn.Module):
    """A network as grad-cam wants one: images with the channels first, logits of one task."""

    def __init__(self, network: nn.Module, task: str) -> None:
        super().__init__()
        self.network = network
        self.task = task

    def forward(self, images: Tensor) -> Tensor:
        logits = self.network(images.permute(0, 2, 3, 1))
        if not isinstance(logits, dict):
            return logits
        if self.task not in logits:
            raise ModelError(
                f"The network has no output for the task {self.task!r}; it has {', '.join(logits)}."
            )
        return logits[self.task]


def _import_grad_cam() -> Callable[..., Any]:
    if find_spec("pytorch_grad_cam") is None:  # asked first, since torchvision takes a while
        raise ModelError(MISSING)
    import_torchvision()  # grad-cam imports it
    from pytorch_grad_cam import GradCAM

    return GradCAM


def _log_odds(logits: Tensor, output: int) -> Tensor:
    """Return the log odds of one output: unlike its probability, it has a slope everywhere."""
    if len(logits) == 1:
        return logits[0]
    output = min(output, len(logits) - 1)  # years beyond the last count as the last
    others = torch.arange(len(logits), device=logits.device) != output
    return logits[output] - logits[others].logsumexp(0)


@contextmanager
def _gradients_from(layer: nn.Module, network: nn.Module) -> Iterator[None]:
    """Let gradients begin at a layer: none are computed before it, and none for parameters."""
    trained = [p for p in network.parameters() if p.requires_grad]
    # The copy, since what follows may change its input in place.
    hook = layer.register_forward_hook(lambda _, __, out: out.detach().requires_grad_().clone())
    for parameter in trained:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        hook.remove()
        for parameter in trained:
            parameter.requires_grad_(True)


def _seen(network: nn.Module) -> float:
    """Return which share of a chip's side the first view shows, of a network that crops chips."""
    size, crop = getattr(network, "size", None), getattr(network, "crop", None)
    return crop / size if isinstance(size, int) and isinstance(crop, int) else 1.0


def _batches(network: nn.Module, chips: np.ndarray) -> Iterator[Tensor]:
    for start in range(0, len(chips), BATCH_SIZE):
        batch = np.ascontiguousarray(chips[start : start + BATCH_SIZE])
        yield torch.from_numpy(batch).to(_device(network))


def _device(network: nn.Module) -> torch.device:
    return next((p.device for p in network.parameters()), torch.device("cpu"))


def _size(chips: np.ndarray) -> tuple[int, int]:
    return chips.shape[1], chips.shape[2]
