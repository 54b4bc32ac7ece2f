import pytest
import torch
from torch import nn

from featurex.training.averaging import WeightAverage


def steps(average, layer, values):
    for value in values:
        with torch.no_grad():
            layer.weight.fill_(value)
        average.update()


def test_the_first_steps_are_averaged_plainly():
    layer = nn.Linear(1, 1)
    average = WeightAverage(layer, window=4)
    steps(average, layer, [1.0, 2.0, 6.0])
    assert average.tensors["weight"].item() == pytest.approx(3)


def test_later_ones_count_less_and_less():
    layer = nn.Linear(1, 1)
    average = WeightAverage(layer, window=2)
    steps(average, layer, [2.0, 4.0, 9.0])
    assert average.tensors["weight"].item() == pytest.approx((2 + 4) / 2 / 2 + 9 / 2)


def test_the_average_is_in_the_network_only_while_applied():
    layer = nn.Linear(1, 1)
    average = WeightAverage(layer, window=2)
    steps(average, layer, [2.0, 4.0])
    with average.applied():
        assert layer.weight.item() == 3
        assert layer(torch.ones(1, 1)).item() == pytest.approx(3 + layer.bias.item())
    assert layer.weight.item() == 4
    assert average.tensors["weight"].item() == 3


def test_no_window_leaves_the_weights_alone():
    layer = nn.Linear(1, 1)
    average = WeightAverage(layer, window=0)
    steps(average, layer, [2.0, 4.0])
    with average.applied():
        assert layer.weight.item() == 4
    assert average.tensors == {}


def test_buffers_are_averaged_and_counts_are_not():
    norm = nn.BatchNorm1d(2)
    average = WeightAverage(norm, window=2)
    for value in (1.0, 3.0):
        norm.running_mean.fill_(value)
        norm.num_batches_tracked += 1
        average.update()
    with average.applied():
        assert norm.running_mean.tolist() == [2, 2]
        assert norm.num_batches_tracked == 2
