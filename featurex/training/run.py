"""One training under way: its net, its averages, how far it is, and all of this as a checkpoint."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from skorch.callbacks import GradientNormClipping
from torch import Tensor

from featurex.exceptions import ModelError
from featurex.networks.base import FaceNetwork
from featurex.training.averaging import WeightAverage
from featurex.training.callbacks import Averaging, Measures, Rates
from featurex.training.checkpoints import Checkpoint, damaged, write_checkpoint
from featurex.training.data import ChipDataset
from featurex.training.heads import Head
from featurex.training.net import FaceNet, HeadsLoss
from featurex.training.settings import TrainingSettings

Row = dict[str, Any]


class TrainingRun:
    """The parts of one training that have a state.

    Parameters
    ----------
    network : FaceNetwork
        On its device.
    heads : sequence of Head
    settings : TrainingSettings
    train, valid : ChipDataset
    name : str
        As `featurex.training.identity.training_id` gives it.

    Attributes
    ----------
    net : FaceNet
    average : WeightAverage
    measures : Measures
    history : list of dict
    best : dict of str to Tensor
        The weights of the epoch that is kept so far.
    """

    def __init__(
        self,
        network: FaceNetwork,
        heads: Sequence[Head],
        settings: TrainingSettings,
        train: ChipDataset,
        valid: ChipDataset,
        name: str,
    ) -> None:
        self.network, self.settings, self.train, self.name = network, settings, train, name
        self.history: list[Row] = []
        self.best: dict[str, Tensor] = {}
        self.best_epoch = 0
        self.deciding = deciding_heads(heads, settings)
        batch_size = min(settings.batch_size, len(train))
        # Batch normalisation can't learn from a single chip.
        drop_last = len(train) % batch_size == 1 < len(train)
        self.n_steps = len(train) // batch_size + (len(train) % batch_size > 0) - drop_last
        self.average = WeightAverage(network, settings.average_epochs * self.n_steps)
        weights = _class_weights(heads, settings, train, next(network.parameters()).device)
        self.measures = Measures(heads, weights)
        self.rates = Rates(settings.epochs * self.n_steps, settings.warmup)
        clipping = [GradientNormClipping(settings.clip_norm)] if settings.clip_norm else []
        self.net = FaceNet(
            network,
            HeadsLoss(heads, weights),
            settings,
            valid,
            self.average,
            batch_size=batch_size,
            drop_last=drop_last,
            callbacks=[self.rates, *clipping, Averaging(self.average), self.measures],
        ).initialize()

    @property
    def is_over(self) -> bool:
        """Whether there is no further epoch."""
        done = len(self.history)
        # While the rate rises, a loss that does not fall says nothing about the epochs after.
        waited = done - max(self.best_epoch, self.settings.warmup_epochs)
        return done >= self.settings.epochs or waited >= self.settings.patience

    def take(self, row: Row) -> None:
        """Add an epoch, and keep its weights if it is the best, or if the last is kept.

        Raises
        ------
        ModelError
            A loss is not finite: nothing that follows would be.
        """
        losses = [row[name] for name in row if "_loss_" in name and row[name] is not None]
        if not all(map(math.isfinite, losses)):
            raise _diverged(len(self.history) + 1, self.settings)
        self.history.append(row)
        best = self.history[self.best_epoch - 1] if self.best_epoch else None
        last = self.settings.keep == "last"
        if last or best is None or self._standing(row) < self._standing(best):
            self.best_epoch = len(self.history)
            with self.average.applied():
                state = self.network.state_dict()
                self.best = {name: tensor.detach().clone() for name, tensor in state.items()}

    def _standing(self, row: Row) -> float:
        """Return what decides on the best epoch; less is better."""
        if len(self.deciding) == 1 and not self.deciding[0].classes:
            # The loss of a distribution over years may rise while its mean still comes nearer.
            return row[f"valid_score_{self.deciding[0].name}"]
        losses = [row[f"valid_loss_{head.name}"] for head in self.deciding]
        return sum(loss for loss in losses if loss is not None)

    def save(self, path: Path, *, finished: bool = False) -> None:
        """Write a checkpoint; at the end with nothing but the best weights.

        Raises
        ------
        ModelError
            It can't be written.
        """
        best = {f"best/{name}": tensor for name, tensor in self.best.items()}
        record = {
            "training": self.name,
            "history": self.history,
            "best_epoch": self.best_epoch,
            "finished": finished,
        }
        write_checkpoint(path, best | ({} if finished else self._tensors()), record)

    def resume(self, checkpoint: Checkpoint) -> None:
        """Go on from a checkpoint of this training.

        Raises
        ------
        ModelError
            It is damaged.
        """
        try:
            self._load(checkpoint)
        except (KeyError, IndexError, RuntimeError, TypeError, ValueError) as error:
            raise damaged(checkpoint.path) from error

    def _tensors(self) -> dict[str, Tensor]:
        found = {f"network/{name}": t for name, t in self.network.state_dict().items()}
        found |= {f"average/{name}": t for name, t in self.average.tensors.items()}
        for number, state in self.net.optimizer_.state_dict()["state"].items():
            found |= {f"optimizer/{number}/{key}": tensor for key, tensor in state.items()}
        return found

    def _load(self, checkpoint: Checkpoint) -> None:
        tensors, record = checkpoint.tensors, checkpoint.record
        self.history, self.best_epoch = list(record["history"]), int(record["best_epoch"])
        device = next(self.network.parameters()).device
        self.best = {name: t.to(device) for name, t in _under("best/", tensors).items()}
        if checkpoint.is_finished:
            if not self.is_over:
                raise ValueError("an end before its time")
            self.network.load_state_dict(self.best)
            return
        done = len(self.history) * self.n_steps
        self.rates.step = done
        self.network.load_state_dict(_under("network/", tensors))
        self.average.load(_under("average/", tensors), done)
        self._load_optimizer(_under("optimizer/", tensors))

    def _load_optimizer(self, tensors: Mapping[str, Tensor]) -> None:
        optimizer = self.net.optimizer_
        parameters = [p for group in optimizer.param_groups for p in group["params"]]
        state: dict[int, dict[str, Tensor]] = {}
        for name, tensor in tensors.items():
            number, key = name.split("/")
            parameter = parameters[int(number)]
            if tensor.shape == parameter.shape:  # with the parameter's own order in memory
                tensor = torch.empty_like(parameter, requires_grad=False).copy_(tensor)
            state.setdefault(int(number), {})[key] = tensor
        optimizer.load_state_dict(optimizer.state_dict() | {"state": state})


def deciding_heads(heads: Sequence[Head], settings: TrainingSettings) -> list[Head]:
    """Return the heads whose validation decides which epoch is the best.

    The first; with ``side_tasks="all"`` all of them, of which some may lack validation labels.
    """
    return list(heads if settings.side_tasks == "all" else heads[:1])


def _diverged(epoch: int, settings: TrainingSettings) -> ModelError:
    """Return the error that says that a loss is not finite, and what to try."""
    names = ("learning_rate", "head_learning_rate", "scratch_learning_rate")
    rates = ", ".join(f"{name}={getattr(settings, name):g}" for name in names)
    exact = "" if settings.precision == "float32" else ", or precision=float32"
    return ModelError(
        f"The training diverged: a loss of epoch {epoch} is not finite, with {rates}. "
        f"Try a tenth of these rates (--train NAME=VALUE){exact}."
    )


def _under(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {
        name.removeprefix(prefix): tensor
        for name, tensor in tensors.items()
        if name.startswith(prefix)
    }


def _class_weights(
    heads: Sequence[Head], settings: TrainingSettings, train: ChipDataset, device: torch.device
) -> dict[str, Tensor | None]:
    balanced = settings.class_weights == "balanced"
    return {
        head.name: head.balanced_weights(train.codes[head.name][train.rows]).to(device)
        if balanced and head.classes
        else None
        for head in heads
    }
