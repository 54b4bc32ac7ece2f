import numpy as np
import pytest
import torch

from featurex.models.finetuning import NetworkClassifier, NetworkRegressor
from featurex.saved_models.restoring import restore
from featurex.training.heads import medians
from featurex.training.settings import TrainingSettings

SHORT = {"settings": TrainingSettings(epochs=1, batch_size=16), "device": "cpu"}


@pytest.fixture(scope="module")
def classifier(tiny, colours):
    chips, subject, gender, _ = colours
    names = np.array(["female", "male"])[gender]
    return NetworkClassifier("finetuned", "tiny", **SHORT).fit(chips, names, groups=subject)


@pytest.fixture(scope="module")
def regressor(tiny, colours):
    chips, subject, _, group = colours
    years = np.array([5.0, 28.0, 70.0])[group]
    return NetworkRegressor("finetuned", "tiny", **SHORT).fit(chips, years, groups=subject)


@pytest.fixture(scope="module")
def strangers(paint):
    return paint(24, seed=1)[0]


def test_a_restored_network_predicts_the_same(classifier, regressor, strangers):
    for fitted, task, classes in (
        (classifier, "class", ["female", "male"]),
        (regressor, "age", []),
    ):
        heads, state = fitted.network_.heads, fitted.network_.state_dict()
        again = restore("finetuned", "tiny:mean", task, heads, classes, state)
        assert type(again) is type(fitted)
        np.testing.assert_array_equal(again.predict(strangers), fitted.predict(strangers))


def test_a_restored_network_answers_with_the_same_statistic(tiny, colours, strangers):
    chips, subject, _, group = colours
    years = np.array([5.0, 28.0, 70.0])[group]
    settings = SHORT["settings"].changed(["age_answer=median"])
    fitted = NetworkRegressor("finetuned", "tiny", settings=settings, device="cpu")
    fitted.fit(chips, years, groups=subject)
    distributions = torch.from_numpy(fitted._probabilities(strangers))
    np.testing.assert_array_equal(fitted.predict(strangers), medians(distributions).numpy())
    state = fitted.network_.state_dict()
    means, same = (
        restore("finetuned", "tiny:mean", "age", {"age": 101}, [], state, answer).predict(strangers)
        for answer in ("mean", "median")
    )
    np.testing.assert_array_equal(same, fitted.predict(strangers))
    assert np.abs(means - same).min() > 0


WEIGHT, MEAN = "linear.outputs.class.weight", "linear.mean"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda state: state | {MEAN: state[MEAN].double()}, "dtype"),
        (lambda state: state | {MEAN: state[MEAN] * torch.nan}, "not finite"),
        (lambda state: state | {WEIGHT: state[WEIGHT][:1]}, "size mismatch"),
        (lambda state: state | {MEAN: state[MEAN][:1]}, "size mismatch"),
        (lambda state: state | {"extra": state[MEAN]}, "Unexpected"),
    ],
)
def test_tensors_that_do_not_fit_are_an_error(classifier, change, message):
    state = change(classifier.network_.state_dict())
    with pytest.raises((RuntimeError, ValueError), match=message):
        restore("finetuned", "tiny", "class", {"class": 2}, ["female", "male"], state)


@pytest.mark.parametrize(
    "heads", [{}, {"class": 3}, {"class": True}, {"class": 2, "race": 10**9}, {"class": "2"}]
)
def test_heads_that_do_not_fit_are_an_error(classifier, heads):
    state = classifier.network_.state_dict()
    with pytest.raises(ValueError, match="outputs"):
        restore("finetuned", "tiny", "class", heads, ["female", "male"], state)


def test_heads_of_no_task_are_an_error_before_the_network_is_made(classifier):
    """Each would take memory that its file has no tensors for."""
    heads = {"class": 2} | {f"h{number}": 1000 for number in range(10)}
    state = classifier.network_.state_dict()
    with pytest.raises(ValueError, match="the head 'h0' is none of age, age-group, class, gender"):
        restore("finetuned", "tiny", "class", heads, ["female", "male"], state)
