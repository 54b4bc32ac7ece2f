"""Runs a network on a GPU by replaying its recorded kernels instead of launching each from Python.

A CUDA graph (Gray 2019, "Getting started with CUDA graphs"): one call for hundreds of kernels. The
numbers are the same; what it saves is the time of the thread that feeds the GPU.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

# A library's first calls choose kernels and take memory, which can't be recorded.
_WARM_UPS = 2


class Replay:
    """A function of one tensor, recorded for one shape.

    Parameters
    ----------
    function : callable
        Maps a tensor on a GPU to a new one; launches the same kernels each time.
    example : Tensor
        Of the shape, dtype and memory format that it will be called with.

    Raises
    ------
    RuntimeError
        It can't be recorded, or the memory is too small for it.
    """

    def __init__(self, function: Callable[[Tensor], Tensor], example: Tensor) -> None:
        self._input = example.clone()
        with torch.cuda.device(example.device):
            working, aside = torch.cuda.current_stream(), torch.cuda.Stream()
            aside.wait_stream(working)
            with torch.cuda.stream(aside):
                for _ in range(_WARM_UPS):
                    function(self._input)
            working.wait_stream(aside)
            self._graph = torch.cuda.CUDAGraph()
            # Other threads may be finding faces on the GPU meanwhile.
            with torch.cuda.graph(self._graph, capture_error_mode="thread_local"):
                self._output = function(self._input)

    def __call__(self, batch: Tensor) -> Tensor:
        """Return what the function would."""
        self._input.copy_(batch)
        self._graph.replay()
        return self._output.clone()
