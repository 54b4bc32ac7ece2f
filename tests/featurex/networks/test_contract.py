"""What holds for every network, in the small."""

import math

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from featurex.networks import NETWORKS, get_network
from featurex.training.net import rate_groups
from featurex.training.settings import TrainingSettings

WITH_TRUNK = [name for name, entry in NETWORKS.items() if entry.has_trunk]
WITHOUT_TRUNK = [name for name, entry in NETWORKS.items() if not entry.has_trunk]
YEARS = np.array([5, 28, 70])
HEAD_SETS = [
    {"gender": 2},
    {"gender": 3},
    {"age-group": 8},
    {"age": 101},
    {"race": 5},
    {"age-group": 8, "gender": 2},
    {"gender": 2, "age-group": 8, "race": 5, "age": 101},
]

every_network = pytest.mark.parametrize("name", NETWORKS)


@pytest.fixture
def chips():
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (6, 16, 16, 3), dtype=torch.uint8, generator=generator)


@pytest.fixture
def network(name, make, heads_of):
    return make(name, heads_of(name)).eval()


@pytest.fixture(scope="module")
def rule(colours):
    """Return a function from a network to the labels that the colours have for its heads."""
    _, _, male, group = colours
    labels = {"gender": male, "age-group": group, "age": YEARS[group]}
    return lambda name: {k: v for k, v in labels.items() if k in _learnt(name)}


def _learnt(name):
    """Return the tasks that a network learns here: those from random weights one, as in papers."""
    if NETWORKS[name].tasks:
        return NETWORKS[name].tasks
    return ("gender", "age-group") if NETWORKS[name].has_trunk else ("gender",)


def _n_outputs(name):
    return {head: {"gender": 2, "age-group": 3, "age": 101}[head] for head in _learnt(name)}


def _right(network, chips, labels):
    """Return the share of right answers of the worst head; years count within 15 of the age."""
    with torch.no_grad():
        logits = network(torch.as_tensor(chips))
    shares = []
    for head, true in labels.items():
        if head == "age":
            years = (logits[head].softmax(1) @ torch.arange(101.0)).numpy()
            shares.append(np.mean(np.abs(years - true) < 15))
        else:
            shares.append(np.mean(logits[head].argmax(1).numpy() == true))
    return min(shares)


@every_network
@pytest.mark.parametrize("heads", HEAD_SETS, ids="+".join)
def test_every_head_has_its_outputs(name, heads, make, chips):
    tasks = NETWORKS[name].tasks
    if tasks and not set(heads) <= set(tasks):
        with pytest.raises(ValueError, match=f"only task is '{tasks[0]}'. Got " + ", ".join(heads)):
            make(name, heads)
        return
    network = make(name, heads)
    assert network.heads == heads
    for mode in (True, False):
        logits = network.train(mode)(chips)
        assert {head: tuple(values.shape) for head, values in logits.items()} == {
            head: (6, n) for head, n in heads.items()
        }
        assert all(values.isfinite().all() for values in logits.values())


@every_network
def test_an_evaluation_is_the_mean_over_the_views(network, chips):
    with torch.no_grad():
        once, again = network(chips), network(chips)
        views = network.views(chips.permute(0, 3, 1, 2).float())
        of_views = [network.logits(view) for view in views]
    for head, values in once.items():
        assert torch.equal(values, again[head])
        mean = torch.stack([logits[head] for logits in of_views]).mean(0)
        torch.testing.assert_close(values, mean, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", [*WITH_TRUNK, "levi-hassner-ten-crop"])
def test_a_chip_and_its_mirror_image_are_the_same_face(network, chips):
    with torch.no_grad():
        logits, mirrored = network(chips), network(chips.flip(2))
    for head, values in logits.items():
        torch.testing.assert_close(values, mirrored[head], rtol=1e-4, atol=1e-5)


@every_network
def test_an_evaluation_does_not_depend_on_the_rest_of_the_batch(network, chips):
    with torch.no_grad():
        together, alone = network(chips), network(chips[2:3])
    for head, values in together.items():
        torch.testing.assert_close(values[2:3], alone[head], rtol=1e-4, atol=1e-5)


@every_network
def test_gradients_reach_every_trained_parameter(network, chips):
    torch.manual_seed(0)
    logits = network.train()(chips)
    loss = sum(F.cross_entropy(v, torch.arange(6) % v.shape[1]) for v in logits.values())
    loss.backward()
    for path, parameter in network.named_parameters():
        assert parameter.grad is not None, path
        assert parameter.grad.abs().max() > 0, path


@every_network
def test_parameters_are_pretrained_or_new(network):
    pretrained = {id(parameter) for parameter in network.pretrained_parameters()}
    new = {id(parameter) for parameter in network.new_parameters()}
    assert not pretrained & new
    assert pretrained | new == {id(parameter) for parameter in network.parameters()}
    assert bool(pretrained) == hasattr(network, "trunk")
    assert {id(parameter) for parameter in network.scratch_parameters()} <= new


@every_network
def test_every_parameter_has_one_rate(network):
    settings = TrainingSettings(learning_rate=1, head_learning_rate=2, scratch_learning_rate=3)
    rates = {
        id(parameter): rate
        for parameters, rate in rate_groups(network, settings)
        for parameter in parameters
    }
    assert len(rates) == sum(len(parameters) for parameters, _ in rate_groups(network, settings))
    for path, parameter in network.named_parameters():
        part = path.split(".")[0]
        scratch = part == "attention_module" or not hasattr(network, "trunk")
        assert rates[id(parameter)] == (1 if part == "trunk" else 3 if scratch else 2), path


@pytest.mark.parametrize("name", WITH_TRUNK)
def test_no_gradient_reaches_a_frozen_trunk(network, chips):
    for parameter in network.pretrained_parameters():
        parameter.requires_grad_(False)
    sum(values.sum() for values in network.train()(chips).values()).backward()
    assert all(parameter.grad is None for parameter in network.trunk.parameters())
    assert any(parameter.grad is not None for parameter in network.new_parameters())


@every_network
def test_a_state_gives_the_same_outputs_in_a_network_made_anew(name, network, make, chips):
    again = make(name, network.heads, untrained=True).eval()
    with torch.no_grad():
        before = again(chips)
        again.load_state_dict(network.state_dict(), assign=True)
        after, expected = again(chips), network(chips)
    for head, values in expected.items():
        assert torch.equal(values, after[head])
        assert not torch.equal(values, before[head])


@every_network
def test_a_planted_rule_is_learnt(name, make, train, rule, colours, paint):
    steps = 120 if name == "age-expectation" else 60  # dropout of half of eight features is slow
    network = train(make(name, _n_outputs(name)), colours[0], rule(name), steps)
    chips, _, male, group = paint(12, seed=1)
    labels = {"gender": male, "age-group": group, "age": YEARS[group]}
    assert _right(network, chips, {head: labels[head] for head in _learnt(name)}) > 0.9


@every_network
def test_shuffled_labels_are_not(name, make, train, rule, colours, paint):
    """Labels that belong to people, not to colours, can't be known of other people."""
    order = np.random.default_rng(0).permutation(24)[colours[1]] * 3
    shuffled = {head: labels[order] for head, labels in rule(name).items()}
    network = train(make(name, _n_outputs(name)), colours[0], shuffled)
    chips, subject, _, _ = paint(24, seed=1)
    strange = np.random.default_rng(1).permutation(24)[subject] * 3
    labels = {head: values[strange] for head, values in rule(name).items()}
    assert _right(network, chips, labels) < 0.75


@pytest.mark.parametrize("name", WITH_TRUNK)
def test_prepared_heads_know_the_rule_before_the_training(name, make, rule, colours):
    network = make(name, _n_outputs(name)).eval()
    before = {path: p.detach().clone() for path, p in network.trunk.named_parameters()}
    targets = {head: torch.as_tensor(labels) for head, labels in rule(name).items()}
    if "age" in targets:
        targets["age"] = F.one_hot(targets["age"], 101).float()
    with torch.no_grad():
        network.prepare(torch.as_tensor(colours[0]).split(20), targets)
        logits = network(torch.as_tensor(colours[0]))
    for head, target in targets.items():
        n_kinds = 2 if head == "gender" else 3
        assert F.cross_entropy(logits[head], target) < 0.97 * math.log(n_kinds)
    assert all(torch.equal(p, before[path]) for path, p in network.trunk.named_parameters())
    assert all(parameter.grad is None for parameter in network.pretrained_parameters())


@pytest.mark.parametrize("name", WITH_TRUNK)
def test_a_network_on_a_trunk_needs_one(name):
    with pytest.raises(ValueError, match="is built on a pretrained trunk: give it a backbone"):
        get_network(name).make(None, {"age": 101})


@pytest.mark.parametrize("name", WITHOUT_TRUNK)
def test_a_network_from_random_weights_takes_no_trunk(name, tiny_backbone):
    with pytest.raises(ValueError, match=r"takes no backbone\. Got tiny:mean"):
        get_network(name).make(tiny_backbone, {"gender": 2})


@pytest.mark.parametrize("name", WITH_TRUNK)
def test_dlib_resnet_is_a_trunk(name, dlib_backbone, dlib_resnet, heads_of):
    """Shapes with the real trunk; made anew without its file, it takes the same state."""
    heads = heads_of(name)
    network = get_network(name).make(dlib_backbone, heads).eval()
    again = get_network(name).make_untrained(dlib_backbone, heads).eval()
    again.load_state_dict(network.state_dict())
    chips = torch.randint(0, 256, (2, 150, 150, 3), dtype=torch.uint8)
    with torch.no_grad():
        logits, expected = again(chips), network(chips)
    assert {head: tuple(values.shape) for head, values in logits.items()} == {
        head: (2, n) for head, n in heads.items()
    }
    assert all(torch.equal(logits[head], expected[head]) for head in heads)


@every_network
def test_logits_draw_no_random_number_of_the_cpu(network, chips, monkeypatch):
    """A GPU replays them: what differs from step to step is drawn by `training_view`."""
    images = network.train().training_view(chips.permute(0, 3, 1, 2).float())
    for name in ("rand", "randint", "randn", "randperm"):
        monkeypatch.setattr(torch, name, lambda *args, **options: pytest.fail("it draws"))
    network.logits(images)


@every_network
def test_training_in_bfloat16_is_near_training_in_float32(network, chips):
    images = network.train().training_view(chips.permute(0, 3, 1, 2).float())
    found = []
    for lower in (False, True):
        torch.manual_seed(0)  # of the dropout
        with torch.autocast("cpu", torch.bfloat16, enabled=lower):
            found.append(network.logits(images))
    for head, exact in found[0].items():
        distance = (found[1][head].float() - exact).norm() / exact.norm()
        assert distance < 0.1, head
