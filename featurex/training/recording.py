"""Trains on a GPU by replaying recorded kernels instead of launching each from Python.

A step of dlib's ResNet is hundreds of kernels, most of them done sooner than Python launches the
next. Recorded as CUDA graphs (Gray 2019, "Getting started with CUDA graphs"), the forward and the
backward pass are one call each.
"""

from __future__ import annotations

from contextlib import suppress

import torch
from torch import Tensor, nn

from featurex.networks.base import FaceNetwork

Logits = dict[str, Tensor]


class Recorded:
    """A network's logits in training, recorded for full batches.

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
        self._replay: nn.Module | None = None
        self._tried = not self._on_gpu

    def __call__(self, images: Tensor) -> Logits:
        """Return the logits of images ``(n, 3, h, w)``, float, 0 to 255."""
        is_full = len(images) == self._batch_size
        if is_full and not self._tried:
            # Before the first step: while a step's graph of gradients is alive, none is recorded.
            self._tried = True
            self._replay = _recorded(self._network, images)
        if not is_full or self._replay is None:
            return self._network.logits(images)
        replayed: Logits = self._replay(images)
        return replayed


class _LogitsModule(nn.Module):
    """What torch records is the forward of a module."""

    def __init__(self, network: FaceNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Logits:
        self.last = self.network.logits(images)
        return self.last

    def let_go(self) -> None:
        """Forget the recorded pass's graph of gradients, with which every later one would wait."""
        for logits in self.last.values():
            with suppress(RuntimeError):  # a view can't be detached
                logits.detach_()


def _recorded(network: FaceNetwork, images: Tensor) -> nn.Module | None:
    """Record the kernels; None where these can't be, or not in this memory."""
    # Recording runs the network, and running statistics must not learn from that.
    buffers = {name: buffer.clone() for name, buffer in network.named_buffers()}
    kind = images.device.type
    dtype, enabled = torch.get_autocast_dtype(kind), torch.is_autocast_enabled(kind)
    module = _LogitsModule(network)
    # torch's own warm-up is still alive when it records, and newer versions warn of that.
    if hasattr(torch.autograd.graph, "set_warn_on_accumulate_grad_stream_mismatch"):
        torch.autograd.graph.set_warn_on_accumulate_grad_stream_mismatch(False)
    try:
        with torch.autocast(kind, dtype, enabled=enabled, cache_enabled=False):
            torch.cuda.make_graphed_callables(module, (images.clone(),), allow_unused_input=True)
    except RuntimeError:
        _end_recording(images.device)
        return None
    finally:
        for name, buffer in network.named_buffers():
            buffer.copy_(buffers[name])
    module.let_go()
    return module


def _end_recording(device: torch.device) -> None:
    """Have the GPU's random numbers know that a recording that failed is over."""
    with torch.cuda.graph(torch.cuda.CUDAGraph()):
        torch.zeros(1, device=device)
