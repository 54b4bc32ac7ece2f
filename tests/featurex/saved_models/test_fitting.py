import json

import numpy as np
import pytest

from featurex.models.options import ModelOptions
from featurex.saved_models.fitting import check_classes, fit_models
from featurex.tasks import AGE, AGE_GROUP, GENDER

OPTIONS = ModelOptions("tiny", epochs=1, batch_size=16, device="cpu", seed=3, n_jobs=1)


@pytest.fixture(scope="module")
def svm(colour_faces):
    told = []
    fitted = fit_models(colour_faces, [GENDER, AGE], "svm", OPTIONS, told.append)
    return *fitted, told


def test_each_task_gets_a_model_fitted_on_every_labelled_face(svm, colour_faces):
    estimators, metadata, told = svm
    assert list(estimators) == told == ["gender", "age"]
    assert {task: s["n_faces"] for task, s in metadata["training"].items()} == {
        "gender": 70,
        "age": 70,
    }
    rows = np.arange(70)
    predicted = estimators["gender"].predict(colour_faces.features("svm", rows))
    assert np.mean(predicted == colour_faces.table["gender"].to_numpy(str)) > 0.95


def test_rows_without_a_label_are_left_out(colour_faces, monkeypatch):
    table = colour_faces.table.copy()
    table.loc[:9, "age_group"] = None
    monkeypatch.setattr(colour_faces, "table", table)
    _, metadata = fit_models(colour_faces, [AGE_GROUP], "majority", OPTIONS)
    assert metadata["training"]["age-group"]["n_faces"] == 60


def test_a_class_of_one_person_is_refused_before_the_evaluation(colour_faces, monkeypatch):
    table = colour_faces.table.copy()
    check_classes(colour_faces, [GENDER, AGE], "svm")
    table["gender"] = np.where(table["subject_id"] == "person0", "male", "female")
    monkeypatch.setattr(colour_faces, "table", table)
    with pytest.raises(ValueError, match="'gender' has one person only of 'male', and nobody else"):
        check_classes(colour_faces, [AGE, GENDER], "svm")
    check_classes(colour_faces, [AGE, GENDER], "majority")


def test_the_metadata_is_json_and_says_what_belongs_to_the_model(svm, colour_faces):
    _, metadata, _ = svm
    cache = colour_faces.cache
    assert json.loads(json.dumps(metadata, allow_nan=False)) == metadata
    assert metadata["aligner"] == cache.aligner.settings
    assert metadata["backbone"] == {
        "name": "tiny:mean",
        "chip_size": 16,
        "padding": 0.25,
        "settings": cache.backbone.settings,
    }
    assert (metadata["model"], metadata["input"], metadata["seed"]) == ("svm", "embeddings", 3)
    assert (metadata["dataset"], metadata["notes"]) == ("colours", ["Made-up colours."])


def test_the_inner_scores_have_their_unit_and_sign(svm):
    _, metadata, _ = svm
    assert 0.9 < metadata["training"]["gender"]["inner_accuracy"] <= 1
    assert 0 < metadata["training"]["age"]["inner_mean_absolute_error_years"] < 27


def test_an_unknown_score_is_none(colour_faces):
    _, metadata = fit_models(colour_faces, [GENDER, AGE], "majority", OPTIONS)
    assert metadata["training"] == {
        "gender": {"n_faces": 70, "inner_accuracy": None},
        "age": {"n_faces": 70, "inner_mean_absolute_error_years": None},
    }


def test_networks_are_trained_on_chips(colour_faces, tiny):
    estimators, metadata = fit_models(colour_faces, [GENDER], "finetuned", OPTIONS)
    assert metadata["input"] == "chips"
    assert metadata["training"]["gender"]["inner_accuracy"] == estimators["gender"].best_score_


@pytest.fixture(scope="module")
def average(colour_faces, tiny):
    told = []
    tasks = [GENDER, AGE]
    fitted = fit_models(colour_faces, tasks, "svm+finetuned", OPTIONS, told.append)
    return *fitted, told


def test_the_parts_of_an_average_are_fitted_each_as_alone(average, svm, colour_faces):
    averages, metadata, told = average
    assert told == ["gender", "age"] * 2
    assert json.loads(json.dumps(metadata, allow_nan=False)) == metadata
    assert (metadata["model"], metadata["input"]) == ("svm+finetuned", "chips+embeddings")
    assert [part["model"] for part in metadata["parts"]] == ["svm", "finetuned"]
    assert metadata["parts"][0]["training"] == svm[1]["training"]
    rows = np.arange(70)
    (first, kind), (second, _) = averages["gender"].parts
    X = colour_faces.features("svm", rows)
    np.testing.assert_array_equal(first.predict_proba(X), svm[0]["gender"].predict_proba(X))
    assert (kind, type(second).__name__) == ("embeddings", "NetworkClassifier")


def test_no_inner_score_of_an_average_is_claimed(average):
    _, metadata, _ = average
    assert metadata["training"] == {
        "gender": {"n_faces": 70, "inner_accuracy": None},
        "age": {"n_faces": 70, "inner_mean_absolute_error_years": None},
    }
    assert metadata["parts"][0]["training"]["gender"]["inner_accuracy"] > 0.9


def test_subjects_reach_the_fit(colour_faces, monkeypatch):
    seen = []

    class Spy:
        best_score_ = np.nan

        def fit(self, X, y, groups):
            seen.append((len(X), list(groups)))
            return self

    monkeypatch.setattr("featurex.saved_models.fitting.make_estimator", lambda *args: Spy())
    fit_models(colour_faces, [GENDER], "svm", OPTIONS)
    assert seen == [(70, colour_faces.table["subject_id"].tolist())]
