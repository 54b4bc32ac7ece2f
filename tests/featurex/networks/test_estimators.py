"""Every network as an estimator: trained by the real trainer, on a handful of chips."""

import numpy as np
import pytest
import torch

from featurex.models import finetuning
from featurex.models.finetuning import NetworkClassifier, NetworkRegressor
from featurex.networks import NETWORKS
from featurex.saved_models import restoring
from featurex.saved_models.restoring import restore
from featurex.training.settings import TrainingSettings

SETTINGS = TrainingSettings(
    epochs=2,
    batch_size=16,
    learning_rate=3e-3,
    head_learning_rate=3e-2,
    shift=0,
    validation_folds=4,
)
# Each network with the first task that it is for.
TASKS = {name: (entry.tasks or ("gender",))[0] for name, entry in NETWORKS.items()}
CLASSIFIERS = [name for name, task in TASKS.items() if task != "age"]
every_network = pytest.mark.parametrize("name", NETWORKS)


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


def _estimator(name, task, settings=SETTINGS, **options):
    kind = NetworkRegressor if task == "age" else NetworkClassifier
    return kind(name, "tiny", task=task, settings=settings, device="cpu", **options)


def _fit(name, task, colours, labels, side=(), rows=36, **options):
    side = {head: labels[head][:rows] for head in side}
    chips, subject = colours[0][:rows], colours[1][:rows]
    estimator = _estimator(name, task, **options)
    return estimator.fit(chips, labels[task][:rows], groups=subject, side=side)


def _answers(fitted, chips):
    return getattr(fitted, "predict_proba", fitted.predict)(chips)


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


@every_network
def test_a_regressor_trains_and_comes_back(name, colours, labels):
    fitted = _fit(name, "age", colours, labels)
    years = fitted.predict(colours[0][:6])
    assert ((years >= 0) & (years <= 100)).all()
    np.testing.assert_array_equal(_restored(fitted, "age").predict(colours[0][:6]), years)


@every_network
def test_a_killed_training_goes_on_to_the_same_end(name, colours, labels, tmp_path):
    def kill(row, n_epochs):
        raise KeyboardInterrupt

    data, options = (name, TASKS[name], colours, labels), {"checkpoint": tmp_path / "fit"}
    whole = _fit(*data)
    with pytest.raises(KeyboardInterrupt):
        _fit(*data, on_epoch=kill, **options)
    told = []
    again = _fit(*data, on_epoch=lambda row, n_epochs: told.append(row["epoch"]), **options)
    assert told == [2]
    assert [row["valid_loss"] for row in again.history_] == [
        row["valid_loss"] for row in whole.history_
    ]
    np.testing.assert_array_equal(_answers(again, colours[0]), _answers(whole, colours[0]))


@every_network
def test_a_batch_larger_than_the_data_is_all_of_the_data(name, colours, labels):
    large, some = (SETTINGS.changed(["epochs=1", f"batch_size={n}"]) for n in (10_000, 9))
    data = (name, TASKS[name], colours, labels)
    whole, exact = (_fit(*data, rows=12, settings=settings) for settings in (large, some))
    assert whole.history_[0]["train_loss"] == exact.history_[0]["train_loss"]


@every_network
def test_labels_that_are_missing_are_an_error(name, colours, labels):
    task = TASKS[name]
    missing = {task: np.array([None, *labels[task][1:]], object)}
    message = "must be finite" if task == "age" else "1 of 36 labels are missing: leave them out"
    with pytest.raises(ValueError, match=message):
        _fit(name, task, colours, missing)


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_one_class_is_an_error(name, colours):
    only = {"gender": np.full(72, "male")}
    with pytest.raises(ValueError, match=r"needs two classes. Got only \['male'\]"):
        _fit(name, "gender", colours, only)


@every_network
def test_a_single_person_is_an_error(name, colours, labels):
    task = TASKS[name]
    message = "two subjects or more" if task == "age" else "one subject"
    with pytest.raises(ValueError, match=message):
        _estimator(name, task).fit(colours[0][:36], labels[task][:36], groups=np.zeros(36))


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
    fitted = _fit(name, task, colours, labels, side=labels)
    assert fitted.network_.heads == expected
    assert _restored(fitted, task).network_.heads == expected


@pytest.mark.parametrize(
    ("task", "all_tasks"),
    [
        ("gender", {"gender": 2, "age": 101}),
        ("age", {"age": 101, "gender": 2}),
        ("age-group", {"age-group": 3, "gender": 2, "age": 101}),
    ],
)
@pytest.mark.parametrize("side_tasks", ["needed", "all"])
def test_finetuned_learns_gender_and_years_together_where_asked(
    task, all_tasks, side_tasks, colours, labels
):
    settings = SETTINGS.changed([f"side_tasks={side_tasks}"])
    fitted = _fit("finetuned", task, colours, labels, side=labels, settings=settings)
    expected = all_tasks if side_tasks == "all" else {task: all_tasks[task]}
    assert fitted.network_.heads == expected
    assert _restored(fitted, task).network_.heads == expected


@pytest.mark.parametrize("name", [name for name, entry in NETWORKS.items() if entry.tasks])
def test_a_task_that_is_not_the_networks_is_an_error(name, colours, labels):
    other = next(task for task in labels if task not in NETWORKS[name].tasks)
    with pytest.raises(ValueError, match=rf"its only task is '{TASKS[name]}'\. Got {other}"):
        _fit(name, other, colours, labels)


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
