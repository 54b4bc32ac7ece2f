from dataclasses import FrozenInstanceError, asdict, fields, replace

import pytest

from featurex.training.settings import PRESETS, TrainingSettings, get_preset


def test_the_two_variations_of_student_reports():
    first, second = get_preset("student-20x256"), get_preset("student-40x512")
    changed = {"patience": 20, "average_epochs": 0}
    assert first == replace(TrainingSettings(), epochs=20, batch_size=256, **changed)
    changed = {"patience": 40, "average_epochs": 0}
    assert second == replace(TrainingSettings(), epochs=40, batch_size=512, **changed)


def test_the_settings_for_many_faces_are_those_that_were_measured():
    assert asdict(get_preset("many-faces")) == {
        **{"epochs": 6, "batch_size": 64, "patience": 4, "keep": "last", "validation_folds": 20},
        **{"learning_rate": 6e-4, "head_learning_rate": 2e-3, "scratch_learning_rate": 1e-3},
        **{"weight_decay": 1e-2, "warmup": 0.3, "frozen_epochs": 0, "average_epochs": 1},
        **{"clip_norm": 0, "precision": "float32", "class_weights": "none"},
        **{"side_tasks": "all", "age_answer": "median"},
        **{"mirror": 0.5, "shift": 0.04, "rotation": 0, "zoom": 0, "colour": 0, "erasing": 0},
    }


def test_an_unknown_preset_is_an_error_that_lists_the_known():
    with pytest.raises(ValueError, match=r"Unknown training settings 'x'.*student-20x256, student"):
        get_preset("x")


def test_changes_are_parsed_by_their_kind():
    changed = TrainingSettings().changed(["epochs=3", "learning_rate=6e-4", "precision=bfloat16"])
    assert (changed.epochs, changed.learning_rate, changed.precision) == (3, 6e-4, "bfloat16")
    assert changed.changed([]) == changed


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("epochs", r"NAME=VALUE. Got 'epochs'. The names are epochs, batch_size"),
        ("epoch=3", r"NAME=VALUE. Got 'epoch=3'"),
        ("epochs=3.5", r"'epochs' is a number. Got '3.5'"),
        ("epochs=many", r"'epochs' is a number. Got 'many'"),
        ("epochs=0", r"'epochs' must be a whole number of 1 or more. Got 0"),
        ("batch_size=1", r"'batch_size' must be a whole number of 2 or more. Got 1"),
        ("mirror=1.5", r"'mirror' must be a number from 0 to 1. Got 1.5"),
        ("learning_rate=nan", r"'learning_rate' must be a number of 0 or more. Got nan"),
        ("learning_rate=-1", r"'learning_rate' must be a number of 0 or more. Got -1"),
        ("precision=float16", r"'precision' must be float32 or bfloat16. Got 'float16'"),
        ("class_weights=", r"'class_weights' must be none or balanced. Got ''"),
    ],
)
def test_a_change_that_does_not_fit_is_an_error(change, message):
    with pytest.raises(ValueError, match=message):
        TrainingSettings().changed([change])


@pytest.mark.parametrize("wrong", [{"epochs": True}, {"epochs": 2.0}, {"shift": "0.1"}])
def test_other_types_are_an_error(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        TrainingSettings(**wrong)


def test_settings_stay_as_they_are():
    with pytest.raises(FrozenInstanceError):
        PRESETS["student-20x256"].epochs = 1


def test_every_setting_is_documented_and_has_a_range_or_choices():
    for one in fields(TrainingSettings):
        assert {"range", "choices"} & set(one.metadata)
        assert one.name in TrainingSettings.__doc__
