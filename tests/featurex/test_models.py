import pytest
from sklearn.base import clone

from featurex.backbones import get_backbone
from featurex.cli.compare import DEFAULT_MODELS
from featurex.cli.demo import MODELS as DEMO_MODELS
from featurex.exceptions import BackboneError
from featurex.finetuning import FineTunedClassifier, FineTunedRegressor
from featurex.models import (
    MODEL_NAMES,
    ModelOptions,
    check_model_names,
    make_estimator,
    parts_of,
    single_models,
    suited,
    takes_chips,
    takes_embeddings,
)
from featurex.tasks import AGE, GENDER
from pipelines import TunedClassifier, TunedRegressor


def test_the_command_line_knows_every_model():
    assert set(DEFAULT_MODELS) == set(DEMO_MODELS) == set(MODEL_NAMES)


def test_names_come_back_each_once():
    assert check_model_names(["svm", "mlp", "svm"]) == ["svm", "mlp"]


def test_an_unknown_name_is_an_error_that_lists_the_known():
    with pytest.raises(ValueError, match=r"Unknown model 'cnn'\. The models are svm.*finetuned"):
        check_model_names(["svm", "cnn"])


@pytest.mark.parametrize(
    "name", ["finetuned+svm+mlp", "mlp+finetuned+svm", "svm+mlp+finetuned", "svm+finetuned+mlp"]
)
def test_an_average_has_one_name_in_whatever_order_it_is_written(name):
    assert check_model_names([name]) == ["svm+mlp+finetuned"]


def test_an_average_named_in_two_ways_is_one_row():
    names = ["svm", "svm+finetuned", "finetuned+svm"]
    assert check_model_names(names) == ["svm", "svm+finetuned"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("svm+cnn", r"Unknown model 'cnn' in 'svm\+cnn'\. The models are svm.*averages of them"),
        ("svm+", r"Unknown model '' in 'svm\+'"),
        ("+", r"Unknown model '' in '\+'"),
        ("", r"Unknown model ''\. The"),
        ("svm + mlp", r"Unknown model 'svm ' in"),
        ("mlp+svm+mlp", r"'mlp\+svm\+mlp' names a model twice"),
    ],
)
def test_an_average_of_what_is_not_there_is_an_error(name, message):
    with pytest.raises(ValueError, match=message):
        check_model_names(["svm", name])


def test_every_part_is_fitted_once():
    assert parts_of("svm") == ["svm"]
    assert parts_of("svm+finetuned") == ["svm", "finetuned"]
    models = ["svm+finetuned", "mlp", "svm+mlp", "svm"]
    assert single_models(models) == ["svm", "finetuned", "mlp"]


def test_an_average_takes_what_any_part_takes():
    takes = {"svm": True, "finetuned": False, "svm+mlp": True, "svm+finetuned": True}
    assert {model: takes_embeddings(model) for model in takes} == takes


def test_an_average_with_a_network_needs_a_backbone_that_can_be_trained(tiny_backbone):
    pixels = get_backbone("pixels")
    models = ["svm", "svm+mlp", "svm+finetuned", "finetuned"]
    assert suited(models, tiny_backbone, named=True) == models
    assert suited(models, pixels, named=False) == ["svm", "svm+mlp"]
    assert suited(models[:2], pixels, named=True) == ["svm", "svm+mlp"]
    with pytest.raises(BackboneError, match="pixels"):
        suited(["svm+finetuned"], pixels, named=True)


@pytest.mark.parametrize("model", MODEL_NAMES)
def test_every_model_is_an_estimator_of_the_right_kind(model):
    options = ModelOptions(seed=7, n_jobs=1, epochs=2, batch_size=8, device="cpu")
    classifier, regressor = (make_estimator(model, task, options) for task in (GENDER, AGE))
    kinds = (TunedClassifier, TunedRegressor)
    if takes_chips(model):
        kinds = (FineTunedClassifier, FineTunedRegressor)
    assert (type(classifier), type(regressor)) == kinds
    assert clone(classifier).get_params()["random_state"] == 7


def test_options_reach_the_network():
    options = ModelOptions("dlib-resnet:embedding", "w.dat", 3, 8, "cpu", 5)
    seen = []
    network = make_estimator("finetuned", GENDER, options, lambda *epoch: seen.append(epoch))
    known = {key: value for key, value in network.get_params().items() if key != "on_epoch"}
    assert (
        known
        | {
            "backbone": "dlib-resnet:embedding",
            "weights": "w.dat",
            "max_epochs": 3,
            "batch_size": 8,
            "device": "cpu",
            "random_state": 5,
        }
        == known
    )
    network.on_epoch(1, 0.5)
    assert seen == [(1, 0.5)]
