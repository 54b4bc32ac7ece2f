import dataclasses
import json

import numpy as np
import pytest

from featurex.comparison.design import Design
from featurex.comparison.experiment import run
from featurex.exceptions import ModelError
from featurex.models.averages import average_models
from featurex.models.options import ModelOptions
from featurex.prediction.drawing import describe_face
from featurex.prediction.face_predictions import FacePrediction, add_classes
from featurex.prediction.predictor import Predictor
from featurex.saved_models import rejection
from featurex.saved_models.card import write_card
from featurex.saved_models.files import load_model, save_model
from featurex.saved_models.fitting import fit_models
from featurex.saved_models.out_of_fold import from_result
from featurex.tasks import AGE, AGE_GROUP, GENDER
from pipelines.scoring.rejection import RejectOption

OPTIONS = ModelOptions("tiny", epochs=1, batch_size=16, device="cpu", n_jobs=1)
TASKS = [GENDER, AGE_GROUP, AGE]
STORED = {
    "gender": RejectOption(0.9, 0.75, 0.5, 0.92, 0.85, 0.97),
    "age-group": RejectOption(0.99, None),
}


@pytest.fixture(scope="module")
def measured(colour_faces):
    design = Design(TASKS, ["svm"], n_folds=3, options=OPTIONS)
    return from_result(run(colour_faces, design), TASKS, "svm", "in a test")


@pytest.fixture(scope="module")
def saved(colour_faces, tiny, measured, tmp_path_factory):
    """Return a function that fits a model, saves it with thresholds and returns its file."""
    folder = tmp_path_factory.mktemp("models")

    def make(model):
        path = folder / f"{model}.featurex"
        if not path.exists():
            tasks = [GENDER] if "finetuned" in model else TASKS
            estimators, metadata = fit_models(colour_faces, tasks, model, OPTIONS)
            stored = {task.name: STORED[task.name] for task in tasks if task.name in STORED}
            save_model(path, estimators, rejection.with_options(metadata, stored, measured))
        return path

    return make


@pytest.fixture(scope="module")
def chips(colours):
    return colours[0][:8]


def test_asked_accuracies_are_read():
    assert rejection.read_asked(["0.9"], TASKS) == {"gender": 0.9, "age-group": 0.9}
    words = ["0.9", "gender=0.95"]
    assert rejection.read_asked(words, TASKS) == {"gender": 0.95, "age-group": 0.9}
    assert rejection.read_asked([], TASKS) == {}


@pytest.mark.parametrize(
    ("word", "said"),
    [
        *(("0", "above 0"), ("1.5", "above 0"), ("nan", "above 0"), ("much", "above 0")),
        *(("age=0.9", "no task with classes"), ("race=0.9", "no task"), ("=0.9", "no task")),
        *(("gender=", "above 0"), ("inf", "above 0")),
    ],
)
def test_what_is_no_accuracy_is_refused(word, said):
    with pytest.raises(ValueError, match=said):
        rejection.read_asked([word], TASKS)


def test_a_model_of_years_has_nothing_to_reject():
    with pytest.raises(ValueError, match="has none"):
        rejection.read_asked(["0.9"], [AGE])


@pytest.mark.parametrize("model", ["svm", "finetuned", "svm+finetuned", "finetuned+majority"])
def test_thresholds_survive_a_file(saved, model):
    options = rejection.options_of(load_model(saved(model))[1])
    assert options["gender"] == STORED["gender"]


def test_a_part_of_an_average_does_not_use_the_averages_thresholds(saved):
    _, metadata = load_model(saved("svm+finetuned"))
    assert [rejection.options_of(part) for part in metadata["parts"]] == [{}, {}]


def test_thresholds_of_parts_are_not_those_of_their_average(saved):
    parts = [load_model(saved("svm")), load_model(saved("finetuned"))]
    parts[0] = ({"gender": parts[0][0]["gender"]}, parts[0][1])
    parts[0][1]["training"] = {"gender": parts[0][1]["training"]["gender"]}
    assert rejection.options_of(average_models(parts)[1]) == {}


@pytest.mark.parametrize("model", ["svm", "finetuned", "svm+finetuned"])
def test_below_the_threshold_the_answer_is_undefined(saved, model, chips):
    path = saved(model)
    always = Predictor.load(path, device="cpu", reject=False).answer_chips(chips)
    asked = float(np.median([max(a["probabilities"]["gender"].values()) for a in always]))
    declines = Predictor.load(path, device="cpu", reject=asked).answer_chips(chips)
    stored = Predictor.load(path, device="cpu").answer_chips(chips)
    assert not any("undefined" in answer for answer in always)
    seen = set()
    for answers, threshold in ((declines, asked), (stored, 0.75)):
        for answer, plain in zip(answers, always, strict=True):
            assert answer["probabilities"] == plain["probabilities"]
            assert answer.get("age") == plain.get("age")
            best = max(plain["probabilities"]["gender"].values())
            assert (answer["gender"] == "undefined") == (best < threshold)
            assert ("gender" in answer.get("undefined", {})) == (best < threshold)
            if best >= threshold:
                assert answer["gender"] == plain["gender"]
            seen.add(best < threshold)
    assert seen == {True, False}


def test_where_no_threshold_was_found_nothing_is_answered(saved, chips):
    for answer in Predictor.load(saved("svm"), device="cpu").answer_chips(chips):
        assert answer["age_group"] == "undefined"
        assert "no probability is enough" in answer["undefined"]["age-group"]
        assert answer["age"] >= 0


def test_a_probability_of_one_reaches_any_threshold():
    answers = [{"probabilities": {}}]
    add_classes(answers, "gender", np.array(["female", "male"]), np.array([[1 + 1e-12, 0]]), 1.0)
    assert answers[0]["gender"] == "female"


@pytest.mark.parametrize("reject", [-0.1, 1.1, float("nan"), "yes", None, np.True_])
def test_a_threshold_that_is_no_probability_is_refused(saved, reject):
    with pytest.raises(ValueError, match=r"must be True, False or a threshold in \[0, 1\]"):
        Predictor.load(saved("svm"), device="cpu", reject=reject)


def test_two_numbers_that_differ_do_not_look_equal():
    assert rejection.reason(0.8501, 0.8504) == "probability 0.8501 is below 0.8504"
    assert rejection.reason(0.2, 0.57) == "probability 0.200 is below 0.570"
    assert rejection.reason(0.3, 0.1 + 0.2).endswith("00 is below 0.30000000000000004")


@pytest.mark.parametrize(
    ("threshold", "shown"), [(0.3531, "0.353"), (0.3538, "0.353"), (0.57, "0.570"), (1.0, "1.000")]
)
def test_the_card_and_a_face_name_the_same_threshold(threshold, shown):
    option = dataclasses.replace(STORED["gender"], threshold=threshold)
    (said,) = rejection.describe({"gender": option})
    assert f"answers below probability {shown} are undefined" in said
    assert rejection.reason(0.2, threshold) == f"probability 0.200 is below {shown}"


OPTION = dataclasses.asdict(STORED["gender"])


@pytest.mark.parametrize(
    "told",
    [
        *([], "0.9", {"model": "svm"}, {"tasks": {}}, {"model": 1, "tasks": {}}),
        *({"model": "svm", "tasks": {name: OPTION}} for name in ("race", "age", "")),
        *(
            {"model": "svm", "tasks": {"gender": OPTION | {key: value}}}
            for key, value in [
                *(("threshold", 1.5), ("threshold", -0.1), ("threshold", float("nan"))),
                *(("threshold", "0.5"), ("threshold", True), ("asked", None), ("asked", 10**400)),
                *(("coverage", [0.5]), ("more", 0.5), ("low", float("inf"))),
            ]
        ),
        {"model": "svm", "tasks": {"gender": {"threshold": 0.5}}},
        {"model": "svm", "tasks": {"gender": None}},
    ],
)
def test_thresholds_from_a_crafted_file_are_refused(saved, told, tmp_path, monkeypatch):
    estimators, metadata = load_model(saved("svm"))
    path = tmp_path / "m"
    monkeypatch.setattr(
        "featurex.saved_models.files.persistence.load", lambda _: (estimators, changed)
    )
    changed = json.loads(json.dumps(metadata | {"reject": told}))
    path.write_bytes(b"PK\x03\x04")
    with pytest.raises(ModelError, match="damaged: its thresholds"):
        load_model(path)


def test_a_file_without_thresholds_still_answers(colour_faces, tmp_path, chips):
    save_model(tmp_path / "old", *fit_models(colour_faces, [GENDER], "majority", OPTIONS))
    answers = Predictor.load(tmp_path / "old", device="cpu").answer_chips(chips)
    assert {answer["gender"] for answer in answers} <= {"female", "male"}


def test_thresholds_are_chosen_on_what_was_measured(measured):
    options = rejection.choose(measured, {"gender": 0.5, "age-group": 1.0}, 0)
    confidence = measured.predictions.query("task == 'gender'")[["p_female", "p_male"]].max(axis=1)
    assert options["gender"].threshold == confidence.min()
    (said, other) = rejection.describe(options | {"age-group": RejectOption(1.0, None)})
    assert "gender: an accuracy of 50 % was asked" in said
    assert "% of the faces answered, 100.0 [" in said
    assert "no threshold reaches it" in other


def test_the_card_tells_the_thresholds(saved, measured, colour_faces):
    path = saved("svm")
    text = write_card(path, load_model(path)[1], colour_faces, measured).read_text("utf-8")
    assert "## When it declines to answer" in text
    assert "answers below probability 0.750 are undefined" in text
    assert "50.0 % of the faces answered, 92.0 \\[85.0, 97.0\\] % of the answers right" in text


def test_an_undefined_face_is_drawn_with_its_most_probable_class():
    chances = {"gender": {"female": 0.4, "male": 0.6}}
    face = FacePrediction((0, 0, 9, 9), 1.0, gender="undefined", probabilities=chances)
    assert describe_face(face) == ["undefined (male 60 %)"]
