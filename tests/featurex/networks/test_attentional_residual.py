import pytest
import torch
from torch.nn import functional as F

from featurex.networks.attentional_residual import (
    AttentionModule,
    GenderedHeads,
    ResidualUnit,
    _standardised,
)

HEADS = {"age-group": 3, "gender": 2}


@pytest.fixture
def network(make):
    return make("attentional-residual", HEADS).eval()


@pytest.fixture
def chips():
    return torch.randint(0, 256, (5, 16, 16, 3), dtype=torch.uint8)


def test_the_logits_of_both_networks_are_averaged(network):
    images = torch.rand(4, 3, 16, 16) * 255
    with torch.no_grad():
        averaged = network.logits(images)
        residual, attentional = network._features(images)
        ours, theirs = network.residual(residual), network.attentional(attentional)
    for name, values in averaged.items():
        assert not torch.allclose(ours[name], theirs[name])
        torch.testing.assert_close(values, torch.stack([ours[name], theirs[name]]).mean(0))


def test_a_network_that_is_surely_wrong_is_still_corrected(network):
    """Under the mean of the probabilities it would get no gradient, and stay wrong for ever."""
    with torch.no_grad():
        network.attentional.others.outputs["gender"].bias.copy_(torch.tensor([-80.0, 80.0]))
        network.residual.others.outputs["gender"].bias.copy_(torch.tensor([80.0, -80.0]))
    logits = network.logits(torch.rand(4, 3, 16, 16) * 255)["gender"]
    F.cross_entropy(logits, torch.zeros(4, dtype=torch.int64)).backward()
    assert network.attentional.others.outputs["gender"].bias.grad.abs().max() > 0.1


def test_attention_maps_sum_to_one(network, chips):
    with torch.no_grad():
        maps = network.attention(chips)
    assert maps.shape == (5, 14, 14)
    assert (maps > 0).all()
    torch.testing.assert_close(maps.sum((1, 2)), torch.ones(5))


def test_the_mask_is_what_the_map_shows(network, chips):
    """A mask that is open in one place only gives a map with all of its weight there."""
    opened = torch.zeros(1, 1, 14, 14)
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
        weighted = (1 + mask) * module.units(_standardised(x))
        expected = weighted.mean((2, 3)) / (1 + mask).mean((2, 3))
        torch.testing.assert_close(module(x), expected)
    assert mask.shape == (2, 1, 14, 14)
    assert ((mask >= 0) & (mask <= 1)).all()


@pytest.mark.parametrize("side", [8, 9, 14, 17])
def test_a_module_of_any_side_starts_as_the_mean_of_its_input(side):
    torch.manual_seed(0)
    x = torch.rand(2, 16, side, side)
    with torch.no_grad():
        torch.testing.assert_close(ResidualUnit(16)(x), x, rtol=0.02, atol=0.02)
        standard = (x - x.mean((1, 2, 3), True)) / x.std((1, 2, 3), correction=0, keepdim=True)
        found = AttentionModule(16)(x)
    torch.testing.assert_close(found, standard.mean((2, 3)), rtol=0.05, atol=0.05)


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


def test_a_mask_that_is_open_everywhere_changes_nothing():
    torch.manual_seed(0)
    module, x = AttentionModule(8), torch.randn(2, 8, 9, 9)
    with torch.no_grad():
        module.weights[-1].weight.zero_()
        means = []
        for bias in (-20.0, 0.0, 20.0):
            module.weights[-1].bias.fill_(bias)
            means.append(module(x))
    torch.testing.assert_close(means[0], means[1])
    torch.testing.assert_close(means[2], means[1])


def test_attention_learns_to_look_where_the_answer_is(make, train):
    """The colour of the upper half is the class; what is below is noise, louder than that."""
    generator = torch.Generator().manual_seed(0)
    chips = torch.randint(0, 256, (72, 16, 16, 3), dtype=torch.uint8, generator=generator)
    label = torch.arange(72) % 2
    below = torch.randint(0, 256, (72, 1, 1, 3), dtype=torch.uint8, generator=generator)
    chips[:, 8:] = below
    chips[:, :8] = chips[:, :8] // 8 + torch.tensor([[90, 112, 112], [134, 112, 112]])[label][
        :, None, None
    ].to(torch.uint8)
    network = train(make("attentional-residual", {"gender": 2}), chips, {"gender": label}, 100)
    with torch.no_grad():
        maps = network.attention(chips)
    assert maps[:, :6].sum((1, 2)).mean() > 1.2 * 6 / 14
