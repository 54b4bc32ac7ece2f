"""The training loop on a network of a few hundred numbers."""

import json
from dataclasses import replace
from itertools import chain

import numpy as np
import pytest
import torch
from safetensors import safe_open
from torch import nn

from featurex.exceptions import ModelError
from featurex.networks.base import FaceNetwork
from featurex.networks.finetuned import FineTunedNetwork
from featurex.training import data, net
from featurex.training.checkpoints import read_checkpoint, write_checkpoint
from featurex.training.data import ChipDataset
from featurex.training.heads import Head
from featurex.training.settings import TrainingSettings
from featurex.training.trainer import Trainer

GENDER, AGE = Head("gender", ("female", "male")), Head("age")
SETTINGS = TrainingSettings(
    epochs=6, batch_size=16, learning_rate=1e-2, head_learning_rate=3e-2, patience=6
)


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


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def rows(colours):
    """The colours as training and validation rows: of 18 and of 6 people."""
    chips, subject, male, group = colours
    codes = {"gender": male.astype(np.int64), "age": np.float32([5, 28, 70])[group]}
    train, valid = np.flatnonzero(subject < 18), np.flatnonzero(subject >= 18)
    return ChipDataset(chips, codes, train), ChipDataset(chips, codes, valid)


def build(*heads, seed=0):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return TinyNetwork({head.name: head.n_outputs for head in heads or [GENDER]})


def train(rows, settings=SETTINGS, heads=(GENDER,), network=None, **options):
    trainer = Trainer(network or build(*heads), heads, settings, **options)
    return trainer.network, trainer.fit(*rows)


def state(network):
    return {name: tensor.clone() for name, tensor in network.state_dict().items()}


def equal(first, second):
    assert first.keys() == second.keys()
    return all(torch.equal(first[name], second[name]) for name in first)


@pytest.fixture(scope="module")
def trained(rows):
    network, history = train(rows)
    return state(network), history


def test_a_planted_rule_is_learnt(rows):
    _, history = train(rows, replace(SETTINGS, epochs=15), (GENDER, AGE))
    best = min(history, key=lambda row: row["valid_loss_gender"])
    assert best["valid_score_gender"] > 0.95
    assert best["train_score_gender"] > 0.9
    assert best["valid_score_age"] < 20 < 27  # years; 26 are off without a rule


def test_shuffled_labels_are_not(rows):
    people = np.random.default_rng(0).permutation(24) % 2
    codes = {"gender": people.repeat(3).astype(np.int64)}
    shuffled = [ChipDataset(part.X, codes, part.rows) for part in rows]
    _, history = train(shuffled)
    assert 0.1 < np.mean([row["valid_score_gender"] for row in history]) < 0.9


def test_the_same_seed_gives_the_same_network_and_another_one_another(rows, trained):
    first, _ = trained
    again, _ = train(rows)
    other, _ = train(rows, seed=1)
    assert equal(state(again), first)
    assert not equal(state(other), first)


def test_what_else_drew_random_numbers_does_not_matter(rows, trained):
    torch.manual_seed(99)
    before = torch.get_rng_state()
    network, _ = train(rows)
    assert equal(state(network), trained[0])
    assert torch.equal(torch.get_rng_state(), before)


def test_every_epoch_has_its_own_order_of_all_rows(rows, monkeypatch):
    seen = []
    real = data.ChipDataset.__getitems__

    def spy(self, positions):
        if len(self) == len(rows[0]):
            seen.append(list(positions))
        return real(self, positions)

    monkeypatch.setattr(data.ChipDataset, "__getitems__", spy)
    train(rows, replace(SETTINGS, epochs=2))
    batches, n_rows = -(-len(rows[0]) // 16), len(rows[0])
    first, second = (list(chain(*seen[i : i + batches])) for i in (0, batches))
    assert sorted(first) == sorted(second) == list(range(n_rows))
    assert first != second
    assert first != sorted(first)


class Killed(Exception):
    """As if the process had ended here."""


@pytest.mark.parametrize("last", [1, 2, 4, 5])
@pytest.mark.parametrize(
    "settings",
    [
        SETTINGS,
        replace(
            SETTINGS, frozen_epochs=3, average_epochs=1.5, clip_norm=1, rotation=10, erasing=0.5
        ),
    ],
    ids=["plain", "everything"],
)
def test_a_killed_training_goes_on_to_the_same_end(rows, tmp_path, last, settings):
    path = tmp_path / "net.safetensors"
    whole, history = train(rows, settings)

    def kill(row, n_epochs):
        if row["epoch"] == last:
            raise Killed

    with pytest.raises(Killed):
        train(rows, settings, checkpoint=path, on_epoch=kill)
    told = []
    again, continued = train(
        rows, settings, checkpoint=path, on_epoch=lambda row, n: told.append(row["epoch"])
    )
    assert told == list(range(last + 1, 7))
    assert equal(state(again), state(whole))
    assert without_time(continued) == without_time(history)


def without_time(history):
    return [{key: value for key, value in row.items() if key != "seconds"} for row in history]


def test_a_training_killed_inside_an_epoch_repeats_that_epoch(rows, tmp_path, monkeypatch, trained):
    path, real, steps = tmp_path / "net.safetensors", net.FaceNet.train_step, []

    def kill(self, batch, **options):
        steps.append(1)
        if len(steps) == 11:  # the third epoch's third step
            raise Killed
        return real(self, batch, **options)

    with monkeypatch.context() as patch:
        patch.setattr(net.FaceNet, "train_step", kill)
        with pytest.raises(Killed):
            train(rows, checkpoint=path)
    again, _ = train(rows, checkpoint=path)
    assert equal(state(again), trained[0])


def test_a_finished_training_is_not_repeated(rows, tmp_path, trained, monkeypatch):
    path, told = tmp_path / "net.safetensors", []
    train(rows, checkpoint=path)
    monkeypatch.setattr(
        "featurex.training.trainer.brought_to", lambda *_: pytest.fail("chips for nothing")
    )
    again, history = train(rows, checkpoint=path, on_epoch=lambda *row: told.append(row))
    assert told == []
    assert equal(state(again), trained[0])
    assert without_time(history) == without_time(trained[1])


@pytest.mark.parametrize("change", ["settings", "seed", "weights", "labels", "rows", "chips"])
def test_another_training_does_not_go_on_from_the_checkpoint(rows, tmp_path, change):
    path, (some, valid) = tmp_path / "net.safetensors", rows
    train(rows, replace(SETTINGS, epochs=1), checkpoint=path)
    others = {
        "settings": lambda: train(rows, replace(SETTINGS, epochs=2), **spied),
        "seed": lambda: train(rows, replace(SETTINGS, epochs=1), seed=1, **spied),
        "weights": lambda: train(
            rows, replace(SETTINGS, epochs=1), network=build(GENDER, seed=1), **spied
        ),
        "labels": lambda: train(
            (ChipDataset(some.X, {"gender": 1 - some.codes["gender"]}, some.rows), valid),
            replace(SETTINGS, epochs=1),
            **spied,
        ),
        "rows": lambda: train(
            (ChipDataset(some.X, some.codes, some.rows[1:]), valid),
            replace(SETTINGS, epochs=1),
            **spied,
        ),
        "chips": lambda: train(
            (ChipDataset(255 - some.X, some.codes, some.rows), valid),
            replace(SETTINGS, epochs=1),
            **spied,
        ),
    }
    told = []
    spied = {"checkpoint": path, "on_epoch": lambda row, n: told.append(row["epoch"])}
    others[change]()
    assert told[0] == 1


def test_a_checkpoint_that_does_not_fit_its_network_is_refused(rows, tmp_path):
    path = tmp_path / "net.safetensors"

    def kill(row, n_epochs):
        raise Killed

    with pytest.raises(Killed):
        train(rows, checkpoint=path, on_epoch=kill)
    with safe_open(path, "pt") as file:
        name = json.loads(file.metadata()["record"])["training"]
    _, tensors, record = read_checkpoint(path, name)
    key = "network/outputs.gender.weight"
    write_checkpoint(path, tensors | {key: tensors[key][:1]}, record)
    with pytest.raises(ModelError, match="is damaged: delete it"):
        train(rows, checkpoint=path)


def test_gradients_reach_every_parameter(rows):
    heads = (GENDER, AGE)
    network = build(*heads)
    before = state(network)
    train(rows, replace(SETTINGS, epochs=1, weight_decay=0), heads, network)
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        # A bias before batch normalisation has no effect, so its gradient is rounding only.
        if not name.endswith(("0.bias",)):
            assert parameter.grad.abs().sum() > 0, name
            assert not torch.equal(before[name], parameter), name


def test_frozen_layers_stay_until_they_are_let_go(rows):
    network = build()
    before = state(network.trunk)
    frozen = replace(SETTINGS, epochs=2, frozen_epochs=2)
    train(rows, frozen, network=network)
    assert equal(state(network.trunk), before)  # batch normalisation's averages too
    assert all(p.grad is None for p in network.trunk.parameters())
    assert all(p.grad is not None for p in network.body.parameters())
    network = build()
    train(rows, replace(frozen, epochs=6), network=network)
    assert not equal(state(network.trunk), before)


def test_pretrained_and_new_layers_have_rates_of_their_own(rows):
    network = build()
    before = state(network)
    only_new = replace(SETTINGS, learning_rate=0, weight_decay=0, epochs=1)
    train(rows, only_new, network=network)
    trunk = dict(network.trunk.named_parameters())
    assert all(torch.equal(before[f"trunk.{name}"], trunk[name]) for name in trunk)
    assert not torch.equal(before["body.0.weight"], network.body[0].weight)


def test_random_networks_have_the_rate_from_scratch(rows, monkeypatch):
    monkeypatch.setattr(TinyNetwork, "pretrained_parameters", FaceNetwork.pretrained_parameters)
    groups = net.rate_groups(build(), SETTINGS)
    assert [rate for _, rate in groups] == [SETTINGS.scratch_learning_rate]
    assert len(groups[0][0]) == len(list(build().parameters()))


@pytest.mark.parametrize(("n_features", "share"), [(12, 1), (768, 1), (1536, 0.5), (3072, 0.25)])
def test_heads_of_many_features_have_a_smaller_rate(n_features, share):
    wide = FineTunedNetwork(nn.Conv2d(3, n_features, 1), n_features, {"gender": 2})
    layer = wide.linear.outputs["gender"]
    rates = {id(p): rate for some, rate in net.rate_groups(wide, SETTINGS) for p in some}
    assert rates[id(layer.weight)] == SETTINGS.head_learning_rate * share
    assert rates[id(layer.bias)] == SETTINGS.head_learning_rate
    assert rates[id(wide.trunk.weight)] == SETTINGS.learning_rate


def test_class_weights_lift_the_rare_class(rows):
    """With noise for faces, a network predicts the frequencies: equal ones, if weighted."""
    rng = np.random.default_rng(0)
    X = rng.integers(0, 256, (120, 16, 16, 3), dtype=np.uint8)
    codes = {"gender": (np.arange(120) % 6 == 0).astype(np.int64)}
    parts = ChipDataset(X, codes, np.arange(96)), ChipDataset(X, codes, np.arange(96, 120))
    rare = []
    for weights in ("none", "balanced"):
        network, _ = train(parts, replace(SETTINGS, class_weights=weights))
        with torch.no_grad():
            rare.append(network(torch.from_numpy(X))["gender"].softmax(1)[:, 1].mean().item())
    assert rare[0] < 0.3
    assert 0.4 < rare[1] < 0.6


def test_missing_labels_of_a_head_do_not_stop_the_other(rows):
    some, valid = rows
    codes = some.codes | {"age": np.where(np.arange(72) % 2, np.nan, some.codes["age"])}
    parts = ChipDataset(some.X, codes, some.rows), ChipDataset(valid.X, codes, valid.rows)
    _, history = train(parts, heads=(GENDER, AGE))
    assert all(np.isfinite(row[key]) for row in history for key in row)


def test_validation_rows_without_a_side_label_have_no_score(rows):
    some, valid = rows
    codes = valid.codes | {"age": np.full(72, np.nan, np.float32)}
    parts = some, ChipDataset(valid.X, codes, valid.rows)
    _, history = train(parts, replace(SETTINGS, epochs=1), heads=(GENDER, AGE))
    assert history[0]["valid_score_age"] is None


@pytest.mark.parametrize(("part", "kind"), [(0, "training"), (1, "validation")])
def test_no_label_at_all_is_an_error(rows, part, kind):
    parts = list(rows)
    nothing = {"age": np.full(72, np.nan, np.float32)}
    parts[part] = ChipDataset(parts[part].X, nothing, parts[part].rows)
    with pytest.raises(ValueError, match=f"None of the .* {kind} rows has a 'age'"):
        train(parts, heads=(AGE,))


def test_the_averaged_weights_are_validated_and_kept(rows):
    averaged, history = train(rows, replace(SETTINGS, average_epochs=2))
    plain, _ = train(rows)
    assert not equal(state(averaged), state(plain))
    best = min(history, key=lambda row: row["valid_loss_gender"])
    logits = averaged(torch.from_numpy(rows[1].X[rows[1].rows]))["gender"].detach()
    codes = torch.from_numpy(rows[1].codes["gender"][rows[1].rows])
    assert GENDER.loss(logits, codes).item() == pytest.approx(best["valid_loss_gender"], rel=1e-4)


def test_large_gradients_are_clipped(rows, monkeypatch):
    norms = []
    real = torch.optim.AdamW.step

    def spy(self, closure=None):
        result = real(self, closure)
        grads = [p.grad for group in self.param_groups for p in group["params"]]
        norms.append(torch.stack([grad.norm() for grad in grads]).norm().item())
        return result

    monkeypatch.setattr(torch.optim.AdamW, "step", spy)
    train(rows, replace(SETTINGS, epochs=1))
    largest = max(norms)
    norms.clear()
    train(rows, replace(SETTINGS, epochs=1, clip_norm=largest / 10))
    assert max(norms) <= largest / 10 * 1.001


def test_bfloat16_is_close_to_float32_and_not_the_same(rows, trained):
    network, history = train(rows, replace(SETTINGS, precision="bfloat16"))
    assert all(parameter.dtype == torch.float32 for parameter in network.parameters())
    first, other = history[0]["train_loss_gender"], trained[1][0]["train_loss_gender"]
    assert first != other
    assert first == pytest.approx(other, rel=0.05)


def test_a_single_chip_left_over_is_no_batch(rows):
    """Batch normalisation can't train on one."""
    some, valid = rows
    left = ChipDataset(some.X, some.codes, some.rows[:33])
    _, history = train((left, valid), replace(SETTINGS, epochs=2))
    assert np.isfinite(history[-1]["train_loss_gender"])


def test_a_training_that_diverges_is_one_line(rows, tmp_path):
    wild = replace(SETTINGS, epochs=2, learning_rate=1e30, head_learning_rate=1e30)
    for checkpoint in (None, tmp_path / "c.safetensors"):
        with pytest.raises(ModelError, match=r"epoch 1 .* learning_rate=1e\+30, ") as caught:
            train(rows, wild, checkpoint=checkpoint)
        assert "\n" not in str(caught.value)
    assert not checkpoint.exists()


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate"),
        RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory"),
    ],
)
def test_too_little_memory_says_what_to_try(rows, monkeypatch, error):
    def exhausted(*args, **kwargs):
        raise error

    monkeypatch.setattr(net.NeuralNet, "validation_step", exhausted)
    with pytest.raises(ModelError, match="cpu is too small for batches of 16: try batches of 8"):
        train(rows)


def test_other_errors_come_through(rows, monkeypatch):
    def broken(*args, **kwargs):
        raise RuntimeError("shapes do not fit")

    monkeypatch.setattr(net.NeuralNet, "train_step", broken)
    with pytest.raises(RuntimeError, match="shapes do not fit"):
        train(rows)
