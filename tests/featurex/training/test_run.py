from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from featurex.networks.finetuned import FineTunedNetwork
from featurex.training.averaging import WeightAverage
from featurex.training.data import ChipDataset
from featurex.training.heads import Head
from featurex.training.run import TrainingRun
from featurex.training.settings import TrainingSettings


class Means(nn.Module):
    def forward(self, chips):
        return chips.mean((2, 3))


@pytest.mark.parametrize(
    ("warmup", "patience", "best_epoch", "last"),
    [
        (0.3, 4, 1, 7),  # three epochs of warm-up, and four of waiting
        (0.3, 4, 3, 7),
        (0.3, 4, 5, 9),
        (0.25, 4, 1, 7),  # half an epoch counts as one
        (0.0, 4, 1, 5),
        (0.3, 4, 9, 10),
        (1.0, 1, 1, 10),
    ],
)
def test_patience_counts_from_the_end_of_the_warm_up(warmup, patience, best_epoch, last):
    settings = TrainingSettings(epochs=10, warmup=warmup, patience=patience)
    over = [
        TrainingRun.is_over.fget(
            SimpleNamespace(
                history=[{}] * done, best_epoch=min(done, best_epoch), settings=settings
            )
        )
        for done in range(1, 11)
    ]
    assert over.index(True) + 1 == last


@pytest.mark.parametrize(("criterion", "best_epoch"), [("valid_loss", 1), ("valid_score", 3)])
def test_the_criterion_decides_which_epoch_is_the_best(criterion, best_epoch):
    weights = torch.zeros(1)
    run = SimpleNamespace(
        history=[],
        best_epoch=0,
        criterion=criterion,
        average=WeightAverage(nn.Identity(), 0),
        network=SimpleNamespace(state_dict=lambda: {"weights": weights}),
    )
    for epoch, (loss, error) in enumerate([(1.0, 9.0), (2.0, 7.0), (3.0, 6.0), (4.0, 8.0)], 1):
        weights += 1
        TrainingRun.take(run, {"epoch": epoch, "valid_loss": loss, "valid_score": error})
    assert (run.best_epoch, run.best["weights"].item()) == (best_epoch, best_epoch)


def test_years_are_judged_by_their_error_and_classes_by_their_loss():
    network = FineTunedNetwork(Means(), 3, {"age": 101, "gender": 2})
    rows = ChipDataset(
        np.zeros((8, 4, 4, 3), np.uint8),
        {"age": np.arange(8, dtype=np.float32), "gender": np.arange(8) % 2},
        np.arange(8),
    )
    heads = [Head("age"), Head("gender", ("female", "male"))]
    settings = TrainingSettings(batch_size=4)
    for order, criterion in ((heads, "valid_score"), (heads[::-1], "valid_loss")):
        assert TrainingRun(network, order, settings, rows, rows, "name").criterion == criterion
