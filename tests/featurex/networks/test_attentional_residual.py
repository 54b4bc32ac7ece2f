import pytest
import torch
from torch.nn import functional as F

from featurex.networks.attentional_residual import AttentionModule, GenderedHeads, ResidualUnit

HEADS = {"age-group": 3, "gender": 2}


@pytest.fixture
def network(make):
    return make("attentional-residual", HEADS).eval()


@pytest.fixture
def chips():
    return torch.randint(0, 256, (5, 16, 16, 3), dtype=torch.uint8)


def test_the_probabilities_of_both_networks_are_averaged(network):
    images = torch.rand(4, 3, 16, 16) * 255
    with torch.no_grad():
        averaged = network.logits(images)
        residual, attentional = network._features(images)
        ours, theirs = network.residual(residual), network.attentional(attentional)
    for name, values in averaged.items():
        expected = (ours[name].softmax(1) + theirs[name].softmax(1)) / 2
        torch.testing.assert_close(values.softmax(1), expected)
        torch.testing.assert_close(values.exp(), expected)


def test_attention_maps_sum_to_one(network, chips):
    with torch.no_grad():
        maps = network.attention(chips)
    assert maps.shape == (5, 14, 14)
    assert (maps > 0).all()
    torch.testing.assert_close(maps.sum((1, 2)), torch.ones(5))


def test_the_mask_is_what_the_map_shows(network, chips):
    """A mask that is open in one place only gives a map with all of its weight there."""
    opened = torch.zeros(1, 8, 14, 14)
    opened[:, :, 3, 9] = 1
    network.attention_module.mask = lambda inner: opened.expand(len(inner), -1, -1, -1)
    with torch.no_grad():
        maps = network.attention(chips)
    expected = torch.zeros(14, 14)
    expected[3, 9] = 1
    assert torch.equal(maps, expected.expand(5, 14, 14))


def test_the_mask_is_between_nothing_and_all():
    torch.manual_seed(0)
    module, x = AttentionModule(8), torch.randn(2, 8, 14, 14) * 100
    with torch.no_grad():
        mask = module.mask(x)
        torch.testing.assert_close(module(x), (1 + mask) * module.units(x))
    assert mask.shape == x.shape
    assert ((mask >= 0) & (mask <= 1)).all()


@pytest.mark.parametrize("side", [8, 9, 14, 17])
def test_a_module_keeps_the_shape_and_starts_as_its_input(side):
    torch.manual_seed(0)
    x = torch.rand(2, 16, side, side)
    with torch.no_grad():
        torch.testing.assert_close(ResidualUnit(16)(x), x, rtol=0.02, atol=0.02)
        torch.testing.assert_close(AttentionModule(16)(x), 1.5 * x, rtol=0.02, atol=0.02)


def test_the_predicted_gender_is_among_the_features_of_the_age():
    torch.manual_seed(0)
    heads, features = GenderedHeads(4, HEADS), torch.randn(6, 4)
    assert heads.ages.outputs["age-group"].in_features == 4 + 2
    before = heads(features)["age-group"]
    with torch.no_grad():
        heads.others.outputs["gender"].bias += torch.tensor([5.0, -5.0])
    assert not torch.allclose(heads(features)["age-group"], before)
    gender = heads(features)["gender"].softmax(1)
    expected = heads.ages(torch.cat([features, gender], 1))["age-group"]
    torch.testing.assert_close(heads(features)["age-group"], expected)


def test_the_loss_of_the_age_reaches_the_gender_head():
    heads = GenderedHeads(4, HEADS)
    F.cross_entropy(heads(torch.randn(6, 4))["age-group"], torch.arange(6) % 3).backward()
    assert heads.others.outputs["gender"].weight.grad.abs().max() > 0


@pytest.mark.parametrize("name", ["age", "age-group"])
def test_without_gender_the_age_has_the_features_alone(name):
    heads = GenderedHeads(4, {name: 5, "race": 3})
    assert heads.ages.outputs[name].in_features == 4
    assert set(heads(torch.randn(2, 4))) == {name, "race"}


def test_three_genders_are_three_features():
    assert GenderedHeads(4, {"gender": 3, "age": 101}).ages.outputs["age"].in_features == 7


def test_gender_is_learnt_beside_what_is_asked_for(network):
    assert network.side_heads == ("gender",)
