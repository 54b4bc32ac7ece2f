"""Small networks of every kind, and a training loop of a few lines."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from featurex.networks import NETWORKS, get_network


def _small(name):
    """Return the class, cropping to 58 of 64 pixels and thin where it has no trunk."""
    kind = get_network(name)
    if NETWORKS[name].has_trunk:
        return kind
    sizes = {"size": 64, "crop": 58, "filters": (8, 16, 16), "hidden": 32}
    return type(f"Small{kind.__name__}", (kind,), sizes)


@pytest.fixture(scope="session")
def small():
    """Every network's class by its name, in the small where it would take seconds a step."""
    return {name: _small(name) for name in NETWORKS}


@pytest.fixture(scope="session")
def make(small, tiny_backbone):
    """Return a function that makes a small network, the same one at every call."""

    def make(name, heads, untrained=False):
        kind, backbone = small[name], tiny_backbone if NETWORKS[name].has_trunk else None
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(1 if untrained else 0)
            network = (kind.make_untrained if untrained else kind.make)(backbone, heads)
            if backbone is None:
                _widen(network)
            return network

    return make


def _widen(network):
    """Draw larger weights: those that are right for wide layers are too small for thin ones."""
    layers = [m for m in network.body.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    for layer in layers[1:]:
        nn.init.normal_(layer.weight, std=0.5 * (2 / layer.weight[0].numel()) ** 0.5)


@pytest.fixture(scope="session")
def heads_of():
    """Return a function from a network's name to all heads that it is tested with."""

    def heads_of(name):
        heads = {"age-group": 3, "gender": 2, "race": 4, "age": 101}
        return {task: heads[task] for task in NETWORKS[name].tasks or heads}

    return heads_of


def _rates(network):
    """Return AdamW's groups, with rates for a trunk that was never trained."""
    pretrained, new = network.pretrained_parameters(), network.new_parameters()
    if not pretrained:
        return [{"params": new, "lr": 1e-3}]
    return [{"params": pretrained, "lr": 3e-3}, {"params": new, "lr": 3e-2}]


@pytest.fixture(scope="session")
def train():
    """Return a function that prepares and trains a network in place: AdamW, batches of 24."""

    def train(network, chips, targets, steps=60):
        chips = torch.as_tensor(chips)
        targets = {name: torch.as_tensor(values) for name, values in targets.items()}
        optimizer = torch.optim.AdamW(_rates(network))
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            with torch.no_grad():
                network.eval().prepare([chips], targets)
            network.train()
            for _ in range(steps):
                rows = torch.randperm(len(chips))[:24]
                logits = network(chips[rows])
                losses = [F.cross_entropy(logits[name], y[rows]) for name, y in targets.items()]
                optimizer.zero_grad()
                sum(losses).backward()
                optimizer.step()
        return network.eval()

    return train
