from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from featurex.exceptions import ModelError
from featurex.networks.finetuned import FineTunedNetwork
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


HEADS = [Head("age"), Head("gender", ("female", "male"))]


@pytest.mark.parametrize(
    ("side_tasks", "heads", "best_epoch"),
    [
        ("needed", HEADS[1:], 1),  # classes by their loss
        ("needed", HEADS, 3),  # years by their error
        ("needed", HEADS[::-1], 1),  # by the first head alone
        ("all", HEADS[:1], 3),
        ("all", HEADS, 2),  # several by the sum of their losses, in any order
        ("all", HEADS[::-1], 2),
    ],
)
def test_what_decides_which_epoch_is_the_best(side_tasks, heads, best_epoch):
    settings = TrainingSettings(batch_size=4, side_tasks=side_tasks, average_epochs=0)
    network = FineTunedNetwork(Means(), 3, {head.name: head.n_outputs for head in heads})
    codes = {"age": np.arange(8, dtype=np.float32), "gender": np.arange(8) % 2}
    rows = ChipDataset(np.zeros((8, 4, 4, 3), np.uint8), codes, np.arange(8))
    run = TrainingRun(network, heads, settings, rows, rows, "name")
    epochs = [(0.1, 4.0, 9.0), (0.2, 3.0, 7.0), (0.3, 5.0, 6.0), (0.4, 6.0, 8.0)]
    for epoch, (gender, age, error) in enumerate(epochs, 1):
        with torch.no_grad():
            network.linear.mean.fill_(epoch)
        losses = {"valid_loss_gender": gender, "valid_loss_age": age, "valid_score_age": error}
        run.take({"epoch": epoch} | losses)
    assert (run.best_epoch, run.best["linear.mean"][0]) == (best_epoch, best_epoch)


def test_a_head_without_validation_labels_does_not_decide():
    settings = TrainingSettings(batch_size=4, side_tasks="all")
    network = FineTunedNetwork(Means(), 3, {"age": 101, "gender": 2})
    rows = ChipDataset(
        np.zeros((8, 4, 4, 3), np.uint8),
        {"age": np.full(8, np.nan, np.float32), "gender": np.arange(8) % 2},
        np.arange(8),
    )
    run = TrainingRun(network, HEADS, settings, rows, rows, "name")
    for loss in (3.0, 1.0, 2.0):
        run.take({"valid_loss_gender": loss, "valid_loss_age": None, "valid_score_age": None})
    assert run.best_epoch == 2


def test_the_last_epoch_is_kept_where_the_settings_say_so():
    settings = TrainingSettings(batch_size=4, keep="last", epochs=4, patience=1, warmup=0)
    network = FineTunedNetwork(Means(), 3, {"age": 101})
    codes = {"age": np.arange(8, dtype=np.float32)}
    rows = ChipDataset(np.zeros((8, 4, 4, 3), np.uint8), codes, np.arange(8))
    run = TrainingRun(network, HEADS[:1], settings, rows, rows, "name")
    over = []
    for error in (1.0, 2.0, 3.0, 4.0):
        run.take({"valid_loss_age": error, "valid_score_age": error})
        over.append((run.best_epoch, run.is_over))
    assert over == [(1, False), (2, False), (3, False), (4, True)]


@pytest.mark.parametrize("part", ["train", "valid"])
@pytest.mark.parametrize("loss", [np.nan, np.inf])
def test_an_epoch_whose_loss_is_not_finite_is_an_error_and_not_taken(part, loss):
    settings = TrainingSettings(batch_size=4, learning_rate=3, precision="bfloat16", keep="last")
    network = FineTunedNetwork(Means(), 3, {"age": 101})
    codes = {"age": np.arange(8, dtype=np.float32)}
    rows = ChipDataset(np.zeros((8, 4, 4, 3), np.uint8), codes, np.arange(8))
    run = TrainingRun(network, HEADS[:1], settings, rows, rows, "name")
    row = {"train_loss_age": 1.0, "valid_loss_age": 1.0, "valid_score_age": 1.0}
    run.take(row)
    with pytest.raises(ModelError, match=r"epoch 2 .* learning_rate=3, .*precision=float32\.$"):
        run.take(row | {f"{part}_loss_age": loss})
    assert (run.history, run.best_epoch) == ([row], 1)
