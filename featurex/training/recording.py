"""Trains on a GPU by replaying recorded kernels instead of launching each from Python.

A step of dlib's ResNet is a thousand kernels, most of them done sooner than Python launches the
next. Recorded as CUDA graphs (Gray 2019, "Getting started with CUDA graphs"), the forward and the
backward pass are one call each.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from featurex.networks.base import FaceNetwork

# Steps before the recording: a library's first calls choose kernels and take memory.
_FROM_STEP = 4

Logits = dict[str, Tensor]


class Recorded:
    """A network's logits in training, recorded for full batches after a few of them.

    On a CPU, for smaller batches, and where a network can't be recorded, it is the network.

    Parameters
    ----------
    network : FaceNetwork
        On its device.
    batch_size : int
        Of a full batch.
    """

    def __init__(self, network: FaceNetwork, batch_size: int) -> None:
        self._network = network
        self._batch_size = batch_size
        self._on_gpu = next(network.parameters()).device.type == "cuda"
        self.forget()

    def forget(self) -> None:
        """Record anew: other layers are trained from now on."""
        self._steps = 0
        self._replay: nn.Module | None = None

    def __call__(self, images: Tensor) -> Logits:
        """Return the logits of images ``(n, 3, h, w)``, float, 0 to 255."""
        if not self._on_gpu or len(images) != self._batch_size:
            return self._network.logits(images)
        self._steps += 1
        if self._steps == _FROM_STEP:
            self._replay = _recorded(self._network, images)
        if self._replay is None:
            return self._network.logits(images)
        replayed: Logits = self._replay(images)
        return replayed


class _LogitsModule(nn.Module):
    """What torch records is the forward of a module."""

    def __init__(self, network: FaceNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Logits:
        return self.network.logits(images)


def _recorded(network: FaceNetwork, images: Tensor) -> nn.Module | None:
    """Record the kernels; None where these can't be, or not in this memory."""
    # Recording runs the network, and running statistics must not learn from that.
    buffers = {name: buffer.clone() for name, buffer in network.named_buffers()}
    kind = images.device.type
    dtype, enabled = torch.get_autocast_dtype(kind), torch.is_autocast_enabled(kind)
    try:
        with torch.autocast(kind, dtype, enabled=enabled, cache_enabled=False):
            module = torch.cuda.make_graphed_callables(
                _LogitsModule(network), (images.clone(),), allow_unused_input=True
            )
    except RuntimeError:
        return None
    finally:
        for name, buffer in network.named_buffers():
            buffer.copy_(buffers[name])
    assert isinstance(module, nn.Module)
    return module
