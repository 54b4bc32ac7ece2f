"""An exponential average of a network's weights, which is what is validated and kept.

Polyak and Juditsky 1992, "Acceleration of stochastic approximation by averaging"; exponential
as in Tarvainen and Valpola 2017, "Mean teachers are better role models".
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class WeightAverage:
    """A running average of all floating-point weights and buffers.

    It begins as the plain mean of the steps so far, until these fill the window.

    Parameters
    ----------
    network : torch.nn.Module
    window : float
        In steps; 0 averages nothing.
    """

    def __init__(self, network: nn.Module, window: float) -> None:
        self._window = window
        self._steps = 0
        self._live = {
            name: tensor
            for name, tensor in network.state_dict(keep_vars=True).items()
            if window and tensor.is_floating_point()
        }
        self.tensors = {name: tensor.detach().clone() for name, tensor in self._live.items()}

    @torch.no_grad()
    def reset(self) -> None:
        """Begin anew from the weights as they are."""
        self._steps = 0
        for name, average in self.tensors.items():
            average.copy_(self._live[name])

    @torch.no_grad()
    def update(self) -> None:
        """Take in the weights after a step."""
        self._steps += 1
        share = max(1 / self._steps, 1 / max(self._window, 1))
        if self.tensors:
            live = [tensor.detach() for tensor in self._live.values()]
            # All in one call: a GPU would wait for hundreds of them.
            torch._foreach_lerp_(list(self.tensors.values()), live, share)

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Put the averages into the network, and its own weights back at the end."""
        self._swap()
        try:
            yield
        finally:
            self._swap()

    def load(self, tensors: dict[str, Tensor], steps: int) -> None:
        """Go on from earlier averages.

        Raises
        ------
        RuntimeError, KeyError
            They don't fit.
        """
        self._steps = steps
        for name, average in self.tensors.items():
            average.copy_(tensors[name])

    def _swap(self) -> None:
        for name, average in self.tensors.items():
            live = self._live[name]
            live.data, average.data = average.data, live.data
