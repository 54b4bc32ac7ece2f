"""skorch's net for networks of several heads: autocast, frozen layers, and clear errors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any

import torch
from skorch import NeuralNet
from skorch.helper import predefined_split
from torch import Tensor, nn

from featurex.exceptions import ModelError
from featurex.networks.base import FaceNetwork
from featurex.training.augmentation import Augmentation
from featurex.training.averaging import WeightAverage
from featurex.training.data import ChipDataset, as_it_is
from featurex.training.heads import Head
from featurex.training.reading import loader
from featurex.training.recording import Recorded
from featurex.training.settings import TrainingSettings

# Inputs of a head for which the rates were chosen: dlib's pyramid has 736, and a network may append
# another head's answer.
RATED_INPUTS = 768
_NO_LOSS = torch.tensor(float("nan"))
_NO_MEMORY = ("out of memory", "not enough memory", "can't allocate memory")


class HeadsLoss(nn.Module):
    """The sum of all heads' losses.

    Parameters
    ----------
    heads : sequence of Head
    weights : mapping of str to Tensor or None
        Class weights, by head.
    """

    def __init__(self, heads: Sequence[Head], weights: Mapping[str, Tensor | None]) -> None:
        super().__init__()
        self.heads = heads
        self.weights = weights

    def forward(self, logits: dict[str, Tensor], codes: dict[str, Tensor]) -> Tensor:
        """Return the total loss."""
        losses = [
            head.loss(logits[head.name], codes[head.name], self.weights[head.name])
            for head in self.heads
        ]
        return torch.stack(losses).sum()


class FaceNet(NeuralNet):
    """Runs the epochs of one training.

    Parameters
    ----------
    network : FaceNetwork
        On its device.
    loss : HeadsLoss
    settings : TrainingSettings
    valid : ChipDataset
    average : WeightAverage
        Whose weights are validated.
    batch_size : int
    drop_last : bool
        Whether a last, smaller batch is left out of training.
    callbacks : list
    """

    def __init__(
        self,
        network: FaceNetwork,
        loss: HeadsLoss,
        settings: TrainingSettings,
        valid: ChipDataset,
        average: WeightAverage,
        *,
        batch_size: int,
        drop_last: bool,
        callbacks: list[Any],
    ) -> None:
        self.settings = settings
        self.average = average
        self.augmentation = Augmentation(settings)
        self.recorded = Recorded(network, batch_size)
        device = next(network.parameters()).device
        super().__init__(
            network,
            loss,
            optimizer=torch.optim.AdamW,
            batch_size=batch_size,
            iterator_train=loader(device, valid),
            iterator_valid=loader(device, valid),
            iterator_train__shuffle=True,
            iterator_train__drop_last=drop_last,
            iterator_train__collate_fn=as_it_is,
            iterator_valid__collate_fn=as_it_is,
            train_split=predefined_split(valid),
            callbacks=callbacks,
            device=str(device),
            verbose=0,
        )

    @property
    def _default_callbacks(self) -> list[Any]:
        return []  # no printing; what is measured is measured by `Measures`

    def initialize_optimizer(self, triggered_directly: bool | None = None) -> FaceNet:
        """Make AdamW with a rate for pretrained, and one for new layers."""
        groups = [
            {"params": parameters, "lr": rate, "highest_lr": rate}
            for parameters, rate in rate_groups(self.module_, self.settings)
        ]
        decay = self.settings.weight_decay
        self.optimizer_ = torch.optim.AdamW(groups, weight_decay=decay, fused=True)
        return self

    def freeze(self, frozen: bool) -> None:
        """Keep the pretrained layers as they are from now on, or train them too."""
        parameters = self.module_.pretrained_parameters()
        if any(parameter.requires_grad is frozen for parameter in parameters):
            self.recorded.forget()
        for parameter in parameters:
            parameter.requires_grad_(not frozen)
        ids = {id(parameter) for parameter in parameters} if frozen else set()
        self.still = [
            module
            for module in self.module_.modules()
            if any(id(parameter) in ids for parameter in module.parameters(recurse=False))
        ]

    def infer(self, x: Tensor, **fit_params: Any) -> dict[str, Tensor]:
        """Run a batch through the network: changed at random, or in all its views."""
        chips, network = x.to(self.device), self.module_
        if not network.training:
            return dict(network(chips))
        for module in self.still:  # batch normalisation learns in training mode
            module.eval()
        with torch.autocast(
            chips.device.type, torch.bfloat16, enabled=self.settings.precision == "bfloat16"
        ):
            logits = self.recorded(network.training_view(self.augmentation(chips)))
        return {name: values.float() for name, values in logits.items()}

    def get_loss(self, y_pred: Any, y_true: Any, X: Any = None, training: bool = False) -> Tensor:
        """Return the loss; the labels stay on the CPU, where the heads look which are missing."""
        loss: Tensor = self.criterion_(y_pred, y_true)
        return loss

    def train_step(self, batch: Any, **fit_params: Any) -> dict[str, Any]:
        """Train on a batch."""
        return _not_read(super().train_step(batch, **fit_params))

    def validation_step(self, batch: Any, **fit_params: Any) -> dict[str, Any]:
        """Run a batch through the network as it is."""
        return _not_read(super().validation_step(batch, **fit_params))

    def run_single_epoch(
        self, iterator: Any, training: bool, prefix: str, step_fn: Any, **fit_params: Any
    ) -> None:
        """Train, or validate with the averaged weights."""
        weights = nullcontext() if training else self.average.applied()
        with weights, memory_errors(self.device, self.batch_size):
            super().run_single_epoch(iterator, training, prefix, step_fn, **fit_params)


def _not_read(step: dict[str, Any]) -> dict[str, Any]:
    """Take the loss out: skorch would read it into its history, and wait for the GPU to know it."""
    return step | {"loss": _NO_LOSS}


def rate_groups(
    network: FaceNetwork, settings: TrainingSettings
) -> list[tuple[list[nn.Parameter], float]]:
    """Return the parameters that share a rate, and it; no group is empty.

    Adam moves every weight by the rate, so an output by as much more as there are more inputs: the
    weights of heads with very many have a smaller rate, in inverse proportion (Yang et al. 2022,
    "Tensor programs V: Tuning large neural networks via zero-shot hyperparameter transfer").
    """
    scratch = network.scratch_parameters()
    known = {id(parameter) for parameter in scratch}
    heads: dict[float, list[nn.Parameter]] = {}
    for parameter in network.new_parameters():
        if id(parameter) not in known:
            heads.setdefault(_width_factor(parameter), []).append(parameter)
    groups = [
        (network.pretrained_parameters(), settings.learning_rate),
        *((some, settings.head_learning_rate * factor) for factor, some in heads.items()),
        (scratch, settings.scratch_learning_rate),
    ]
    return [(parameters, rate) for parameters, rate in groups if parameters]


def _width_factor(parameter: nn.Parameter) -> float:
    n_inputs = parameter[0].numel() if parameter.ndim > 1 else 1
    return min(1.0, RATED_INPUTS / n_inputs)


@contextmanager
def memory_errors(device: Any, batch_size: int | None = None) -> Iterator[None]:
    """Say what to do where the memory is too small.

    Parameters
    ----------
    device : torch.device or str
    batch_size : int, optional
        Where the caller's caller chose it and can choose another.

    Raises
    ------
    ModelError
        In place of torch's error.
    """
    try:
        yield
    except RuntimeError as error:
        if not any(words in str(error) for words in _NO_MEMORY):
            raise
        what, advice = ("", "free some of it, or choose --device cpu")
        if batch_size:
            what, advice = f" for batches of {batch_size}", f"try batches of {batch_size // 2 or 1}"
        raise ModelError(f"The memory of {device} is too small{what}: {advice}.") from error
