"""What is special about `multitask` and `age-expectation`, and their linear heads."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from featurex.backbones import get_backbone
from featurex.networks import get_network
from featurex.networks.linear_heads import HEAD_C, LinearHeads, fit_linear
from featurex.training.heads import Head


def test_heads_start_as_logistic_regressions():
    """As scikit-learn's on the standardised features, up to the penalty."""
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 4)) * [1, 10, 100, 0.1]
    y = (X[:, 0] + X[:, 1] / 10 + rng.normal(size=200) > 0).astype(np.int64)
    heads = LinearHeads(4, {"gender": 2})
    heads.fit(torch.from_numpy(X).float(), {"gender": torch.from_numpy(y)})
    standard = (X - X.mean(0)) / X.std(0)
    # scikit-learn penalises the difference d of two outputs by d^2; here each pays (d / 2)^2.
    reference = LogisticRegression(C=2 * HEAD_C).fit(standard, y)
    weight = heads.outputs["gender"].weight
    difference = (weight[1] - weight[0]).detach().numpy()
    np.testing.assert_allclose(difference, reference.coef_[0], rtol=0.02, atol=0.02)


@pytest.mark.parametrize("name", ["finetuned", "multitask", "age-expectation"])
def test_heads_read_the_pyramid_where_the_grid_is_asked_for(name):
    networks = [
        get_network(name).make_untrained(get_backbone(backbone), {"age": 101})
        for backbone in ("dlib-resnet", "dlib-resnet:grid")
    ]
    pyramid, grid = (network.state_dict() for network in networks)
    assert {k: v.shape for k, v in grid.items()} == {k: v.shape for k, v in pyramid.items()}
    assert networks[1].trunk.layer == "pyramid"


@pytest.mark.parametrize("years", [False, True])
def test_faces_without_a_label_do_not_count(years):
    torch.manual_seed(0)
    features, labels = torch.randn(60, 4), torch.arange(60) % 3
    targets = F.one_hot(labels, 3).float() if years else labels
    partly = targets.clone()
    partly[40:] = 0 if years else -100
    layers = [torch.nn.Linear(4, 3) for _ in range(2)]
    fit_linear(layers[0], features, partly)
    fit_linear(layers[1], features[:40], targets[:40])
    assert torch.equal(layers[0].weight, layers[1].weight)
    assert layers[0].weight.grad is None


def test_a_feature_that_never_changes_is_harmless():
    heads = LinearHeads(3, {"gender": 2})
    features = torch.randn(20, 3) * torch.tensor([1.0, 0.0, 1.0]) + 5
    heads.fit(features, {"gender": torch.arange(20) % 2})
    before = heads(features)["gender"]
    assert before.isfinite().all()
    features[:, 1] += 0.1  # as when training wakes up a dead channel
    torch.testing.assert_close(heads(features)["gender"], before)
    assert heads.scale[1] == 1


def test_dropout_is_for_training_only():
    torch.manual_seed(0)
    heads, features = LinearHeads(64, {"age": 101}, dropout=0.5), torch.randn(8, 64)
    still = [heads.eval()(features)["age"] for _ in range(2)]
    moved = [heads.train()(features)["age"] for _ in range(2)]
    assert torch.equal(*still)
    assert not torch.equal(*moved)


def test_tasks_share_a_trunk_and_only_that(make):
    """A gender's loss moves the trunk, and no head but its own."""
    network = make("multitask", {"gender": 2, "age-group": 8, "race": 5}).train()
    chips = torch.randint(0, 256, (6, 16, 16, 3), dtype=torch.uint8)
    F.cross_entropy(network(chips)["gender"], torch.arange(6) % 2).backward()
    touched = {path for path, p in network.named_parameters() if p.grad is not None}
    assert {path.split(".")[0] for path in touched} == {"trunk", "linear"}
    assert {path for path in touched if path.startswith("linear")} == {
        "linear.outputs.gender.weight",
        "linear.outputs.gender.bias",
    }


def test_multitask_learns_beside_each_task_the_others():
    assert set(get_network("multitask").side_heads) == {"gender", "age-group", "race"}


def test_the_expected_age_lies_between_two_that_are_equally_likely(make, train):
    """One colour is 20 years in half of its photos and 40 in the others: the mean is 30."""
    chips = torch.full((40, 16, 16, 3), 90, dtype=torch.uint8)
    years = torch.tensor([20, 40]).repeat(20)
    network = train(make("age-expectation", {"age": 101}), chips, {"age": years}, 200)
    with torch.no_grad():
        distribution = network(chips[:1])["age"].softmax(1)[0]
    assert distribution[[20, 40]].tolist() == pytest.approx([0.5, 0.5], abs=0.1)
    assert (distribution @ torch.arange(101.0)).item() == pytest.approx(30, abs=2)


@pytest.mark.parametrize("heads", [{"gender": 2}, {"age": 101, "gender": 2}, {"age-group": 8}])
def test_age_expectation_predicts_nothing_but_years(make, heads):
    with pytest.raises(ValueError, match="its only task is 'age'. Got " + ", ".join(heads)):
        make("age-expectation", heads)


def test_age_expectation_learns_the_year_itself():
    """DEX's cross-entropy: a label has no width, where the other networks spread it out."""
    years = torch.tensor([0.0, 30.0, 41.4, 100.0])
    narrow = Head("age", width=get_network("age-expectation").label_width).targets(years)
    expected = F.one_hot(torch.tensor([0, 30, 41, 100]), 101).float()
    torch.testing.assert_close(narrow, expected, rtol=0, atol=1e-4)
    wide = Head("age", width=get_network("finetuned").label_width).targets(years)
    assert wide[1].max() < 0.25
