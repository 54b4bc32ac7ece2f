"""Which weights move, and how far: rates, frozen layers, averages, class weights."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from featurex.networks.base import FaceNetwork
from featurex.networks.finetuned import FineTunedNetwork
from featurex.training import net
from featurex.training.data import ChipDataset
from featurex.training.heads import Head
from featurex.training.run import TrainingRun

GENDER, AGE = Head("gender", ("female", "male")), Head("age")


def test_gradients_reach_every_parameter(rows, settings, build, train, state):
    heads = (GENDER, AGE)
    network = build(*heads)
    before = state(network)
    train(rows, replace(settings, epochs=1, weight_decay=0), heads, network)
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        # A bias before batch normalisation has no effect, so its gradient is rounding only.
        if not name.endswith(("0.bias",)):
            assert parameter.grad.abs().sum() > 0, name
            assert not torch.equal(before[name], parameter), name


def test_frozen_layers_stay_until_they_are_let_go(rows, settings, build, train, state, equal):
    network = build()
    before = state(network.trunk)
    frozen = replace(settings, epochs=2, frozen_epochs=2)
    train(rows, frozen, network=network)
    assert equal(state(network.trunk), before)  # batch normalisation's averages too
    assert all(p.grad is None for p in network.trunk.parameters())
    assert all(p.grad is not None for p in network.body.parameters())
    network = build()
    train(rows, replace(frozen, epochs=6), network=network)
    assert not equal(state(network.trunk), before)


def test_pretrained_and_new_layers_have_rates_of_their_own(rows, settings, build, train, state):
    network = build()
    before = state(network)
    only_new = replace(settings, learning_rate=0, weight_decay=0, epochs=1)
    train(rows, only_new, network=network)
    trunk = dict(network.trunk.named_parameters())
    assert all(torch.equal(before[f"trunk.{name}"], trunk[name]) for name in trunk)
    assert not torch.equal(before["body.0.weight"], network.body[0].weight)


def test_random_networks_have_the_rate_from_scratch(monkeypatch, settings, build):
    monkeypatch.setattr(type(build()), "pretrained_parameters", FaceNetwork.pretrained_parameters)
    groups = net.rate_groups(build(), settings)
    assert [rate for _, rate in groups] == [settings.scratch_learning_rate]
    assert len(groups[0][0]) == len(list(build().parameters()))


@pytest.mark.parametrize(("n_features", "share"), [(12, 1), (768, 1), (1536, 0.5), (3072, 0.25)])
def test_heads_of_many_features_have_a_smaller_rate(n_features, share, settings):
    wide = FineTunedNetwork(nn.Conv2d(3, n_features, 1), n_features, {"gender": 2})
    layer = wide.linear.outputs["gender"]
    rates = {id(p): rate for some, rate in net.rate_groups(wide, settings) for p in some}
    assert rates[id(layer.weight)] == settings.head_learning_rate * share
    assert rates[id(layer.bias)] == settings.head_learning_rate
    assert rates[id(wide.trunk.weight)] == settings.learning_rate


def test_class_weights_lift_the_rare_class(rows, settings, train):
    """With noise for faces, a network predicts the frequencies: equal ones, if weighted."""
    rng = np.random.default_rng(0)
    X = rng.integers(0, 256, (120, 16, 16, 3), dtype=np.uint8)
    codes = {"gender": (np.arange(120) % 6 == 0).astype(np.int64)}
    parts = ChipDataset(X, codes, np.arange(96)), ChipDataset(X, codes, np.arange(96, 120))
    rare = []
    for weights in ("none", "balanced"):
        network, _ = train(parts, replace(settings, class_weights=weights))
        with torch.no_grad():
            rare.append(network(torch.from_numpy(X))["gender"].softmax(1)[:, 1].mean().item())
    assert rare[0] < 0.3
    assert 0.4 < rare[1] < 0.6


def test_the_averaged_weights_are_validated_and_kept(rows, settings, train, state, equal):
    averaged, history = train(rows, replace(settings, average_epochs=2))
    plain, _ = train(rows)
    assert not equal(state(averaged), state(plain))
    best = min(history, key=lambda row: row["valid_loss_gender"])
    logits = averaged(torch.from_numpy(rows[1].X[rows[1].rows]))["gender"].detach()
    codes = torch.from_numpy(rows[1].codes["gender"][rows[1].rows])
    assert GENDER.loss(logits, codes).item() == pytest.approx(best["valid_loss_gender"], rel=1e-4)


def test_large_gradients_are_clipped(rows, monkeypatch, settings, train):
    norms = []
    real = torch.optim.AdamW.step

    def spy(self, closure=None):
        result = real(self, closure)
        grads = [p.grad for group in self.param_groups for p in group["params"]]
        norms.append(torch.stack([grad.norm() for grad in grads]).norm().item())
        return result

    monkeypatch.setattr(torch.optim.AdamW, "step", spy)
    train(rows, replace(settings, epochs=1))
    largest = max(norms)
    norms.clear()
    train(rows, replace(settings, epochs=1, clip_norm=largest / 10))
    assert max(norms) <= largest / 10 * 1.001


def test_bfloat16_is_close_to_float32_and_not_the_same(rows, trained, settings, train):
    network, history = train(rows, replace(settings, precision="bfloat16"))
    assert all(parameter.dtype == torch.float32 for parameter in network.parameters())
    first, other = history[0]["train_loss_gender"], trained[1][0]["train_loss_gender"]
    assert first != other
    assert first == pytest.approx(other, rel=0.05)


def test_bfloat16_is_validated_in_float32(rows, settings, build):
    network = build().eval()
    run = TrainingRun(network, [GENDER], replace(settings, precision="bfloat16"), *rows, "name")
    chips = torch.from_numpy(rows[1].X[rows[1].rows])
    with torch.no_grad():
        assert torch.equal(run.net.infer(chips)["gender"], network(chips)["gender"])
