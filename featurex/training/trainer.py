"""The training loop: epochs, the kept one's weights, and going on where a killed run stopped."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch

from featurex.networks.base import FaceNetwork
from featurex.training.checkpoints import read_checkpoint
from featurex.training.data import ChipDataset, parts
from featurex.training.heads import Head
from featurex.training.identity import training_id
from featurex.training.net import memory_errors
from featurex.training.reading import brought_to
from featurex.training.run import Row, TrainingRun, deciding_heads
from featurex.training.settings import TrainingSettings

# The most training rows that a network sees before the training.
PREPARE_ROWS = 20_000


class Trainer:
    """Trains one network on one set of rows.

    The same seed gives the same weights on one kind of machine, and so does a run that was killed
    and started again with the same checkpoint: all random numbers of an epoch come from the seed
    and the epoch's number.

    Parameters
    ----------
    network : FaceNetwork
        On its device; trained in place, left in evaluation mode with the kept epoch's weights.
    heads : sequence of Head
        The first is the one that the network is for: its validation loss decides, or for years
        its validation error; with ``side_tasks="all"`` the sum of the losses decides.
    settings : TrainingSettings
    seed : int
    checkpoint : Path, optional
        A file written after every epoch, from which a later run goes on. At the end it holds the
        kept weights only.
    on_epoch : callable, optional
        Called after each epoch with its row of the history and the most epochs there can be.
    backbone : mapping, optional
        The settings of the network's backbone: a checkpoint of another one is not gone on from.
    """

    def __init__(
        self,
        network: FaceNetwork,
        heads: Sequence[Head],
        settings: TrainingSettings,
        *,
        seed: int = 0,
        checkpoint: Path | None = None,
        on_epoch: Callable[[Row, int], None] | None = None,
        backbone: Mapping[str, Any] | None = None,
    ) -> None:
        self.network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.device = next(network.parameters()).device
        self.heads = list(heads)
        self.settings = settings
        self.seed = seed
        self.checkpoint = checkpoint
        self.on_epoch = on_epoch
        self.backbone = backbone

    def fit(self, train: ChipDataset, valid: ChipDataset) -> list[Row]:
        """Train.

        Parameters
        ----------
        train, valid : ChipDataset
            With the codes of every head.

        Returns
        -------
        list of dict
            One an epoch: ``epoch``, ``seconds``, and of each head, with its name after an
            underscore, ``train_loss``, ``valid_loss``, ``train_score`` and ``valid_score``
            (accuracy, or mean error in years).

        Raises
        ------
        ValueError
            A head without a label among the training rows, or none among the validation rows that
            would decide.
        ModelError
            The memory is too small, the training diverges, or the checkpoint is damaged or can't be
            written.
        """
        self._check(train, valid)
        with _own_random_numbers(self.device):
            run = self._start(train, valid)
            while not run.is_over:
                self._epoch(run)
        self.network.load_state_dict(run.best)
        if self.checkpoint:
            run.save(self.checkpoint, finished=True)
        self.network.eval()
        return run.history

    def _check(self, train: ChipDataset, valid: ChipDataset) -> None:
        for head in self.heads:
            if not _has_labels(train, head):
                raise ValueError(f"None of the {len(train)} training rows has a {head.name!r}.")
        deciding = deciding_heads(self.heads, self.settings)
        if not any(_has_labels(valid, head) for head in deciding):
            names = " or ".join(repr(head.name) for head in deciding)
            raise ValueError(f"None of the {len(valid)} validation rows has a {names}.")

    def _start(self, train: ChipDataset, valid: ChipDataset) -> TrainingRun:
        """Go on from the checkpoint, or prepare the network."""
        name = training_id(
            self.network, self.heads, self.settings, self.seed, train, valid, self.backbone
        )
        found = read_checkpoint(self.checkpoint, name) if self.checkpoint else None
        if not (found and found.is_finished):  # then no chip is looked at any more
            train, valid = brought_to(self.device, train, valid)
        run = TrainingRun(self.network, self.heads, self.settings, train, valid, name)
        if found:
            run.resume(found)
            return run
        torch.manual_seed(self.seed)
        self._prepare(train)
        run.average.reset()
        return run

    def _prepare(self, train: ChipDataset) -> None:
        chosen = np.random.default_rng(self.seed).permutation(train.rows)[:PREPARE_ROWS]
        rows, size = np.sort(chosen), self.settings.batch_size
        targets = {
            head.name: head.targets(torch.from_numpy(train.codes[head.name][rows]).to(self.device))
            for head in self.heads
        }
        batches = (train.chips(part).to(self.device) for part in parts(rows, size))
        self.network.eval()
        with torch.no_grad(), memory_errors(self.device, size):
            self.network.prepare(batches, targets)

    def _epoch(self, run: TrainingRun) -> None:
        number = len(run.history) + 1
        started = time.perf_counter()
        torch.manual_seed(_epoch_seed(self.seed, number))
        run.net.freeze(number <= self.settings.frozen_epochs)
        run.net.fit_loop(run.train, epochs=1)
        seconds = time.perf_counter() - started
        run.take({"epoch": number, **run.measures.row(), "seconds": seconds})
        if self.checkpoint and not run.is_over:
            run.save(self.checkpoint)
        if self.on_epoch:
            self.on_epoch(run.history[-1], self.settings.epochs)


def _has_labels(rows: ChipDataset, head: Head) -> bool:
    return bool(head.known(torch.from_numpy(rows.codes[head.name][rows.rows])).any())


def _epoch_seed(seed: int, epoch: int) -> int:
    return int(np.random.SeedSequence([seed, epoch]).generate_state(1)[0])


@contextmanager
def _own_random_numbers(device: torch.device) -> Iterator[None]:
    """Leave the caller's random numbers as they are."""
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        yield
