import pytest
from sklearn.base import clone

from featurex.models.finetuning import NetworkClassifier, NetworkRegressor
from featurex.models.names import (
    MODEL_NAMES,
    takes_chips,
)
from featurex.models.options import (
    ModelOptions,
    check_training,
    make_estimator,
    settings_advice,
    training_settings,
)
from featurex.tasks import AGE, GENDER
from pipelines import TunedClassifier, TunedRegressor


def test_named_settings_decide_over_epochs_and_changes_over_both():
    options = ModelOptions(epochs=3, batch_size=8, training=("precision=bfloat16", "patience=2"))
    plain, named = (training_settings(f"finetuned{at}", options) for at in ("", "@student-40x512"))
    assert (plain.epochs, plain.batch_size) == (3, 8)
    assert (named.epochs, named.batch_size) == (40, 512)
    assert {(s.precision, s.patience) for s in (plain, named)} == {("bfloat16", 2)}


def test_changes_that_do_not_fit_are_an_error():
    check_training(["epochs=3"])
    with pytest.raises(ValueError, match="NAME=VALUE"):
        check_training(["epoch=3"])


@pytest.mark.parametrize("model", MODEL_NAMES)
def test_every_model_is_an_estimator_of_the_right_kind(model):
    options = ModelOptions(seed=7, n_jobs=1, epochs=2, batch_size=8, device="cpu")
    classifier, regressor = (make_estimator(model, task, options) for task in (GENDER, AGE))
    kinds = (TunedClassifier, TunedRegressor)
    if takes_chips(model):
        kinds = (NetworkClassifier, NetworkRegressor)
    assert (type(classifier), type(regressor)) == kinds
    assert clone(classifier).get_params()["random_state"] == 7


def test_options_reach_the_network(tmp_path):
    options = ModelOptions("dlib-resnet:embedding", "w.dat", 3, 8, "cpu", 5)
    seen = []
    network = make_estimator(
        "multitask", GENDER, options, lambda *epoch: seen.append(epoch), tmp_path / "c"
    )
    known = {key: value for key, value in network.get_params().items() if key != "on_epoch"}
    assert known == {
        **{"network": "multitask", "task": "gender"},
        **{"backbone": "dlib-resnet:embedding", "weights": "w.dat"},
        **{"settings": training_settings("multitask", options), "device": "cpu"},
        **{"random_state": 5, "checkpoint": tmp_path / "c"},
    }
    network.on_epoch({"epoch": 1}, 3)
    assert seen == [({"epoch": 1}, 3)]


@pytest.mark.parametrize(
    ("models", "n_faces", "options", "better"),
    [
        (["svm", "finetuned"], 10_000, {}, ["finetuned@many-faces"]),
        (
            ["svm+finetuned", "multitask"],
            20_000,
            {},
            ["finetuned@many-faces", "multitask@many-faces"],
        ),
        (["finetuned"], 9_999, {}, []),
        (["finetuned@student-20x256", "svm", "wide-gabor"], 20_000, {}, []),
        (["finetuned"], 20_000, {"epochs": 3}, []),
        (["finetuned"], 20_000, {"training": ("precision=bfloat16",)}, ["finetuned@many-faces"]),
        (["finetuned"], 20_000, {"training": ("learning_rate=0.001",)}, []),
    ],
)
def test_better_settings_are_named_where_faces_are_many(models, n_faces, options, better):
    assert settings_advice(models, n_faces, ModelOptions(**options)) == better
