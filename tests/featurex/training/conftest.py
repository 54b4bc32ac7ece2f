"""A network of a few hundred numbers, and its training."""

import numpy as np
import pytest
import torch
from torch import nn

from featurex.networks.base import FaceNetwork
from featurex.training.data import ChipDataset
from featurex.training.heads import Head
from featurex.training.settings import TrainingSettings
from featurex.training.trainer import Trainer

GENDER = Head("gender", ("female", "male"))


class TinyNetwork(FaceNetwork):
    """Two convolutions, of which the first counts as pretrained, with all that has a state."""

    def __init__(self, heads):
        super().__init__(heads)
        self.trunk = nn.Sequential(nn.Conv2d(3, 6, 3, stride=2), nn.BatchNorm2d(6), nn.ReLU())
        self.body = nn.Sequential(nn.Conv2d(6, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Dropout(0.1))
        self.outputs = nn.ModuleDict({name: nn.Linear(8, n) for name, n in heads.items()})

    def pretrained_parameters(self):
        return list(self.trunk.parameters())

    def logits(self, images):
        features = self.body(self.trunk(images / 128 - 1)).mean((2, 3))
        return {name: output(features) for name, output in self.outputs.items()}


@pytest.fixture(scope="module")
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def settings():
    """Settings of a short training."""
    return TrainingSettings(
        epochs=6, batch_size=16, learning_rate=1e-2, head_learning_rate=3e-2, patience=6
    )


@pytest.fixture(scope="module")
def rows(colours, one_thread):
    """The colours as training and validation rows: of 18 and of 6 people."""
    chips, subject, male, group = colours
    codes = {"gender": male.astype(np.int64), "age": np.float32([5, 28, 70])[group]}
    train, valid = np.flatnonzero(subject < 18), np.flatnonzero(subject >= 18)
    return ChipDataset(chips, codes, train), ChipDataset(chips, codes, valid)


@pytest.fixture(scope="session")
def build():
    """Return a function that makes a network, for genders where no heads are named."""

    def build(*heads, seed=0):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return TinyNetwork({head.name: head.n_outputs for head in heads or [GENDER]})

    return build


@pytest.fixture(scope="session")
def train(build, settings):
    """Return a function that trains a network, and returns it with its history."""

    def train(rows, settings=settings, heads=(GENDER,), network=None, **options):
        trainer = Trainer(network or build(*heads), heads, settings, **options)
        return trainer.network, trainer.fit(*rows)

    return train


@pytest.fixture(scope="session")
def state():
    """Return a function that copies a network's tensors."""
    return lambda network: {name: tensor.clone() for name, tensor in network.state_dict().items()}


@pytest.fixture(scope="session")
def equal():
    """Return a function that tells whether two such copies are the same to the last bit."""

    def equal(first, second):
        assert first.keys() == second.keys()
        return all(torch.equal(first[name], second[name]) for name in first)

    return equal


@pytest.fixture(scope="module")
def trained(rows, train, state):
    network, history = train(rows)
    return state(network), history
