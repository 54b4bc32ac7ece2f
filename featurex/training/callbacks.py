"""What happens at every step beside the step itself: rates, averages, and measuring."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from skorch import NeuralNet
from skorch.callbacks import Callback
from torch import Tensor

from featurex.training.averaging import WeightAverage
from featurex.training.heads import Head


def rate_factor(step: int, n_steps: int, warmup: float) -> float:
    """Return the share of the highest rate at a step: rising linearly, then falling as a cosine.

    Parameters
    ----------
    step : int
        From 0 to ``n_steps - 1``.
    n_steps : int
    warmup : float
        Share of the steps in which it rises.

    Examples
    --------
    >>> [round(rate_factor(step, 5, 0.4), 2) for step in range(5)]
    [0.5, 1.0, 0.85, 0.5, 0.15]
    """
    rising = round(warmup * n_steps)
    if step < rising:
        return (step + 1) / rising
    fallen = (step - rising + 1) / (n_steps - rising + 1)
    return (1 + math.cos(math.pi * fallen)) / 2


class Rates(Callback):
    """Sets the rate of each step: a function of its number, so there is no state to lose.

    Parameters
    ----------
    n_steps : int
        Of the whole training.
    warmup : float
    done : int
        Steps of an earlier run that this one continues.
    """

    def __init__(self, n_steps: int, warmup: float, done: int = 0) -> None:
        self.n_steps = n_steps
        self.warmup = warmup
        self.step = done

    def on_batch_begin(self, net: NeuralNet, training: bool = False, **kwargs: Any) -> None:
        """Set the rates before a training step."""
        if not training:
            return
        factor = rate_factor(self.step, self.n_steps, self.warmup)
        for group in net.optimizer_.param_groups:
            group["lr"] = group["highest_lr"] * factor
        self.step += 1


class Averaging(Callback):
    """Takes the weights into their average after each step."""

    def __init__(self, average: WeightAverage) -> None:
        self.average = average

    def on_batch_end(self, net: NeuralNet, training: bool = False, **kwargs: Any) -> None:
        """Update the average after a training step."""
        if training:
            self.average.update()


class Measures(Callback):
    """Loss and score of every head over an epoch, for training and for validation.

    Parameters
    ----------
    heads : sequence of Head
    weights : mapping of str to Tensor or None
        Class weights of the loss, by head.
    """

    def __init__(self, heads: Sequence[Head], weights: Mapping[str, Tensor | None]) -> None:
        self.heads = heads
        self.weights = weights

    def on_epoch_begin(self, net: NeuralNet, **kwargs: Any) -> None:
        """Forget the last epoch."""
        self.sums = {
            (head.name, part): torch.zeros(4, dtype=torch.float64)
            for head in self.heads
            for part in ("train", "valid")
        }

    @torch.no_grad()
    def on_batch_end(
        self,
        net: NeuralNet,
        batch: Any = None,
        training: bool = False,
        y_pred: Any = None,
        **kwargs: Any,
    ) -> None:
        """Add a batch's losses and scores."""
        for head in self.heads:
            logits = y_pred[head.name].detach()
            codes = batch[1][head.name]
            scores = head.scores(logits, codes)
            loss = head.loss(logits, codes, self.weights[head.name]).double()
            weight = head.weight(logits, codes, self.weights[head.name])
            count = loss.new_full((), len(scores))
            row = torch.stack([loss * weight, weight, scores.sum(), count])
            key = head.name, "train" if training else "valid"
            # Where they are: a GPU is not to be waited for at every step.
            self.sums[key] = self.sums[key].to(row.device) + row

    def row(self) -> dict[str, float | None]:
        """Return the epoch's losses and scores: accuracy, or mean error in years.

        Each with its head's name at the end. None where no row has a label.
        """
        found: dict[str, float | None] = {}
        for head in self.heads:
            for part in ("train", "valid"):
                loss, weight, score, count = self.sums[head.name, part].tolist()
                found[f"{part}_loss_{head.name}"] = loss / (weight or 1) if count else None
                found[f"{part}_score_{head.name}"] = score / count if count else None
        return found
