import pytest
from sklearn.base import clone

from featurex.cli.compare import DEFAULT_MODELS
from featurex.cli.demo import MODELS as DEMO_MODELS
from featurex.finetuning import FineTunedClassifier, FineTunedRegressor
from featurex.models import (
    MODEL_NAMES,
    ModelOptions,
    check_model_names,
    make_estimator,
    takes_chips,
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
