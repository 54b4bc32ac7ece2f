import json
from dataclasses import asdict, replace

import numpy as np
import pytest

from featurex.comparison.design import Design
from featurex.comparison.experiment import run
from featurex.exceptions import ModelError
from featurex.models.averages import average_models
from featurex.models.options import ModelOptions
from featurex.prediction.predictor import Predictor
from featurex.saved_models import age_bounds
from featurex.saved_models.card import write_card
from featurex.saved_models.files import load_model, save_model
from featurex.saved_models.fitting import fit_models
from featurex.saved_models.out_of_fold import from_result
from featurex.tasks import AGE, GENDER
from pipelines.scoring.age_intervals import AgeIntervals, age_intervals

OPTIONS = ModelOptions("tiny", epochs=1, batch_size=16, device="cpu", n_jobs=1)
TASKS = [GENDER, AGE]


@pytest.fixture(scope="module")
def measured(colour_faces, tiny):
    def measure(model, tasks=TASKS):
        result = run(colour_faces, Design(tasks, [model], n_folds=3, options=OPTIONS))
        return from_result(result, tasks, model, "in a test")

    return measure


@pytest.fixture(scope="module")
def saved(colour_faces, measured, tmp_path_factory):
    """Return a function that fits a model, saves it with its intervals and returns its file."""
    folder = tmp_path_factory.mktemp("models")

    def make(model):
        path = folder / f"{model}.featurex"
        if not path.exists():
            estimators, metadata = fit_models(colour_faces, TASKS, model, OPTIONS)
            metadata = age_bounds.with_intervals(metadata, measured(model))
            assert json.loads(json.dumps(metadata, allow_nan=False)) == metadata
            save_model(path, estimators, metadata)
        return path

    return make


@pytest.fixture(scope="module")
def chips(colours):
    return colours[0][:8]


@pytest.mark.parametrize("model", ["svm", "finetuned", "svm+finetuned"])
def test_every_age_has_the_interval_that_was_measured(saved, measured, chips, model):
    made = age_intervals(measured(model).predictions, AGE, model)
    assert age_bounds.intervals_of(load_model(saved(model))[1]) == made
    answers = Predictor.load(saved(model), device="cpu").answer_chips(chips)
    for answer in answers:
        low, high = made.of(answer["age"])
        assert (answer["age_low"], answer["age_high"]) == (low, high)
        assert 0 <= low <= answer["age"] <= high


def test_a_part_of_an_average_does_not_use_the_averages_intervals(saved):
    _, metadata = load_model(saved("svm+finetuned"))
    assert all(age_bounds.KEY in part for part in metadata["parts"])
    assert [age_bounds.intervals_of(part) for part in metadata["parts"]] == [None, None]
    parts = [load_model(saved(model)) for model in ("svm", "finetuned")]
    assert age_bounds.intervals_of(average_models(parts)[1]) is None


def test_without_a_measurement_there_is_no_interval(colour_faces, measured, tmp_path, chips):
    estimators, metadata = fit_models(colour_faces, TASKS, "svm", OPTIONS)
    assert age_bounds.with_intervals(metadata, measured("svm", [GENDER])) == metadata
    save_model(tmp_path / "m", estimators, metadata)
    for answer in Predictor.load(tmp_path / "m", device="cpu").answer_chips(chips):
        assert "age_low" not in answer
        assert answer["age_error"] > 0


def test_the_card_tells_them(saved, measured, colour_faces):
    path = saved("svm")
    _, metadata = load_model(path)
    text = write_card(path, metadata, colour_faces, measured("svm")).read_text()
    said = age_bounds.describe(age_bounds.intervals_of(metadata))
    assert f"## How sure its ages are\n\n{said}" in text.replace("\\", "")
    assert "| Predicted age | Interval |" in text


INTERVALS = AgeIntervals(0.8, (10.0, 40.0), (1.0, 5.0), (2.0, 10.0), 0.79, 300)


def test_what_they_are_worth_is_said():
    assert age_bounds.describe(INTERVALS) == (
        "The interval that predict gives with an age was made to hold 80 % of the 300 faces that "
        "were predicted out of fold; made from the other folds, it held 79.0 %."
    )
    assert age_bounds.describe(replace(INTERVALS, measured=None)).endswith("it was not measured.")


def test_examples_are_of_ages_that_faces_were_told():
    assert [age for age, _, _ in age_bounds.examples(INTERVALS)] == [15, 25, 35]
    assert age_bounds.examples(INTERVALS)[1] == (25, pytest.approx(22), pytest.approx(31))
    one = replace(INTERVALS, at=(31.4,), below=(3.0,), above=(4.0,))
    assert age_bounds.examples(one) == [(31, 28.0, 35.0)]


SOUND = asdict(INTERVALS) | {"model": "svm", "at": [10, 40.0], "below": [1, 5], "above": [2, 10]}


def metadata_of(told):
    return {"model": "svm", "training": {"age": {}}, age_bounds.KEY: told}


def test_sound_intervals_are_read():
    assert age_bounds.is_sound(metadata_of(SOUND))
    assert age_bounds.is_sound({"model": "svm", "training": {}})
    assert age_bounds.intervals_of(metadata_of(SOUND)) == INTERVALS
    assert age_bounds.is_sound(metadata_of(SOUND | {"measured": None}))


@pytest.mark.parametrize(
    "told",
    [
        [],
        "0.8",
        {},
        {"model": "svm"},
        *(
            SOUND | change
            for change in (
                {"model": 1},
                {"more": 1},
                {"coverage": 1},
                {"coverage": "0.8"},
                {"coverage": True},
                {"measured": 1.5},
                {"measured": np.nan},
                {"measured": "all"},
                {"n_rows": 0},
                {"n_rows": 1.5},
                {"at": [40, 10]},
                {"at": [10, 10]},
                {"at": [10]},
                {"at": 10},
                {"at": [], "below": [], "above": []},
                {"at": [10, np.inf]},
                {"below": [-1, 5]},
                {"below": [np.nan, 5]},
                {"above": [1, 1e9]},
                {"above": [1, None]},
                {name: list(range(21)) for name in ("at", "below", "above")},
            )
        ),
    ],
)
def test_what_can_not_be_true_is_not_sound(told):
    assert not age_bounds.is_sound(metadata_of(told))


def test_intervals_of_a_model_without_years_are_not_sound():
    assert not age_bounds.is_sound(metadata_of(SOUND) | {"training": {"gender": {}}})


def test_a_crafted_file_is_refused(colour_faces, tmp_path):
    estimators, metadata = fit_models(colour_faces, [AGE], "majority", OPTIONS)
    crafted = metadata | {age_bounds.KEY: SOUND | {"below": [-1, 5]}}
    save_model(tmp_path / "m", estimators, crafted)
    with pytest.raises(ModelError, match="its intervals of ages are none"):
        load_model(tmp_path / "m")
