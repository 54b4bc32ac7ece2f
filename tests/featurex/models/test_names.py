import pytest

from featurex.backbones import get_backbone
from featurex.cli.compare import OTHER_MODELS
from featurex.exceptions import BackboneError
from featurex.models.defaults import DEFAULT_MODELS
from featurex.models.names import (
    MODEL_NAMES,
    check_model_names,
    parts_of,
    served_tasks,
    serves,
    single_models,
    suited,
    takes_embeddings,
)
from featurex.tasks import AGE, GENDER


def test_the_command_line_knows_every_model():
    assert {*DEFAULT_MODELS, *OTHER_MODELS} == set(MODEL_NAMES)


def test_names_come_back_each_once():
    names = ["svm", "finetuned@student-20x256", "finetuned", "svm"]
    assert check_model_names(names) == names[:3]


def test_an_unknown_name_is_an_error_that_lists_the_known():
    with pytest.raises(ValueError, match=r"Unknown model 'cnn'\. The models are svm.*finetuned"):
        check_model_names(["svm", "cnn"])


@pytest.mark.parametrize("name", ["svm@student-20x256", "cnn@student-20x256", "svm@"])
def test_only_networks_have_training_settings(name):
    with pytest.raises(ValueError, match=f"Unknown model '{name}'"):
        check_model_names([name])


@pytest.mark.parametrize("name", ["finetuned@", "finetuned@x"])
def test_unknown_training_settings_are_an_error(name):
    with pytest.raises(ValueError, match=r"Unknown training settings .* student-20x256"):
        check_model_names([name])


def test_networks_without_a_trunk_do_without_a_network_as_backbone():
    pixels, models = get_backbone("pixels"), ["svm", "finetuned@student-20x256", "levi-hassner"]
    assert suited(models, pixels, named=False) == ["svm", "levi-hassner"]
    assert suited(["svm", "levi-hassner"], pixels, named=True) == ["svm", "levi-hassner"]
    with pytest.raises(BackboneError, match="can't be fine-tuned"):
        suited(models, pixels, named=True)


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


def test_a_model_of_one_task_is_left_out_of_the_others():
    assert serves("age-expectation", "age")
    assert not serves("svm+age-expectation@student-20x256", "gender")
    tasks = [GENDER, AGE]
    assert served_tasks(tasks, ["svm", "age-expectation"], named=True) == tasks
    assert served_tasks(tasks, ["age-expectation"], named=False) == [AGE]
    with pytest.raises(ValueError, match="only for age: leave the others out"):
        served_tasks(tasks, ["age-expectation"], named=True)
    with pytest.raises(ValueError, match="'age-expectation' is for none of the tasks here"):
        served_tasks([GENDER], ["svm", "age-expectation"], named=False)
