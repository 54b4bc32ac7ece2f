"""Every network as an estimator: trained by the real trainer, on a handful of chips."""

import numpy as np
import pytest
import torch

from featurex import finetuning, restoring
from featurex.finetuning import NetworkClassifier, NetworkRegressor
from featurex.networks import NETWORKS
from featurex.restoring import restore
from featurex.training.settings import TrainingSettings

SETTINGS = TrainingSettings(
    epochs=2,
    batch_size=16,
    learning_rate=3e-3,
    head_learning_rate=3e-2,
    shift=0,
    validation_folds=4,
)
CLASSIFIERS = [name for name in NETWORKS if name != "age-expectation"]


@pytest.fixture(scope="module", autouse=True)
def networks(tiny, small):
    """The small networks, known by their names."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (finetuning, restoring):
            patch.setattr(module, "get_network", small.__getitem__)
        yield


@pytest.fixture(scope="module")
def labels(colours):
    _, _, male, group = colours
    return {
        "gender": np.array(["female", "male"])[male],
        "age-group": np.array(["4-6", "25-32", "60+"])[group],
        "age": np.array([5.0, 28.0, 70.0])[group],
        "race": np.array(["a", "b", None], object)[group],
    }


def _fit(name, task, colours, labels, **side):
    kind = NetworkRegressor if task == "age" else NetworkClassifier
    estimator = kind(name, "tiny", task=task, settings=SETTINGS, device="cpu")
    rows = np.arange(36)
    side = {head: labels[head][rows] for head in side}
    chips, subject = colours[0][rows], colours[1][rows]
    return estimator.fit(chips, labels[task][rows], groups=subject, side=side)


def _restored(fitted, task):
    classes = [] if task == "age" else fitted.classes_.tolist()
    network = fitted.network_
    return restore(fitted.network, "tiny", task, network.heads, classes, network.state_dict())


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_a_classifier_trains_and_comes_back(name, colours, labels):
    fitted = _fit(name, "gender", colours, labels)
    probabilities = fitted.predict_proba(colours[0][:6])
    np.testing.assert_allclose(probabilities.sum(1), 1, atol=1e-9)
    assert len(fitted.history_) == 2
    assert all(np.isfinite(row["valid_loss"]) for row in fitted.history_)
    again = _restored(fitted, "gender")
    np.testing.assert_array_equal(again.predict_proba(colours[0][:6]), probabilities)


@pytest.mark.parametrize("name", NETWORKS)
def test_a_regressor_trains_and_comes_back(name, colours, labels):
    fitted = _fit(name, "age", colours, labels)
    years = fitted.predict(colours[0][:6])
    assert ((years >= 0) & (years <= 100)).all()
    np.testing.assert_array_equal(_restored(fitted, "age").predict(colours[0][:6]), years)


@pytest.mark.parametrize(
    ("name", "task", "expected"),
    [
        ("multitask", "gender", {"gender": 2, "age-group": 3, "race": 2}),
        ("multitask", "age", {"age": 101, "gender": 2, "age-group": 3, "race": 2}),
        ("attentional-residual", "age-group", {"age-group": 3, "gender": 2}),
        ("attentional-residual", "gender", {"gender": 2}),
        ("levi-hassner", "gender", {"gender": 2}),
        ("age-expectation", "age", {"age": 101}),
    ],
)
def test_a_network_learns_its_side_tasks(name, task, expected, colours, labels):
    fitted = _fit(name, task, colours, labels, **dict.fromkeys(labels))
    assert fitted.network_.heads == expected
    assert _restored(fitted, task).network_.heads == expected


def test_a_task_that_is_not_the_networks_is_an_error(colours, labels):
    with pytest.raises(ValueError, match=r"its only task is 'age'\. Got gender"):
        _fit("age-expectation", "gender", colours, labels)


def test_a_frozen_trunk_stays_as_it_is(colours, labels, tiny):
    """Two epochs of the attentional network with a frozen trunk: its map is the pretrained one."""
    estimator = NetworkClassifier(
        "attentional-residual",
        "tiny",
        task="gender",
        settings=SETTINGS.changed(["frozen_epochs=2"]),
        device="cpu",
    )
    estimator.fit(colours[0], labels["gender"], groups=colours[1])
    before = tiny.build().state_dict()
    after = estimator.network_.trunk.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
