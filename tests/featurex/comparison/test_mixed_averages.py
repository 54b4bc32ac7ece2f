"""Averages of featurex's own models and of models from outside."""

import numpy as np
import pandas as pd
import pytest

from featurex.comparison.design import Design
from featurex.comparison.experiment import run
from featurex.comparison.mixed_averages import MixedAverage, split_mixed
from featurex.comparison.outside import read_outside
from featurex.comparison.run_record import AVERAGE_NOTE, MIXED_NOTE
from featurex.models.options import ModelOptions
from featurex.tasks import AGE, AGE_GROUP, GENDER
from pipelines import PredictionTableError, predictions

OPTIONS = ModelOptions("tiny", n_jobs=1)
TASKS = [GENDER, AGE_GROUP, AGE]


def compare(faces, names, *words, tasks=TASKS):
    theirs = [word.partition("=")[0].partition(":")[0] for word in words]
    models, mixed = split_mixed(names, theirs)
    outside = read_outside(words, faces.manifest, tasks, models)
    options = {"n_folds": 3, "options": OPTIONS, "outside": outside, "mixed": mixed}
    return run(faces, Design(tasks, models, **options))


@pytest.fixture
def before(colour_faces, tmp_path):
    """Another comparison's predictions, of the same folds."""
    result = run(colour_faces, Design(TASKS, ["svm", "majority"], n_folds=3, options=OPTIONS))
    predictions.write(result.predictions, tmp_path / "before.csv")
    return tmp_path / "before.csv"


@pytest.fixture
def write(tmp_path):
    def write(table):
        pd.DataFrame(table).to_csv(tmp_path / "theirs.csv", index=False)
        return tmp_path / "theirs.csv"

    return write


def test_it_scores_as_the_average_of_two_own_models(colour_faces, before):
    expected = compare(colour_faces, ["svm+majority"]).comparison.table.set_index("task")
    word = f"theirs:majority={before}"
    found = compare(colour_faces, ["theirs+svm"], word).comparison.table
    found = found[found["model"] == "svm+theirs"].set_index("task")
    for column in ("accuracy_pooled", "mae_pooled", "log_loss_pooled"):
        if column in expected:
            np.testing.assert_allclose(found[column], expected[column], atol=1e-9)


def test_its_own_parts_are_fitted_and_not_shown(colour_faces, before):
    result = compare(colour_faces, ["majority", "svm+theirs"], f"theirs:svm={before}")
    assert set(result.predictions["model"]) == {"majority", "svm+theirs", "theirs"}
    assert "svm" in set(result.timings["model"])
    assert "svm+theirs" in result.record["models"]
    assert {AVERAGE_NOTE, MIXED_NOTE} <= set(result.comparison.notes)


def test_two_from_outside_need_no_own_model(colour_faces, before):
    words = f"a:svm={before}", f"b:majority={before}"
    result = compare(colour_faces, ["b+a"], *words, tasks=[AGE])
    rows = result.predictions.set_index(["model", "image_id"])["years_pred"]
    mean = (rows["a"] + rows["b"]) / 2
    np.testing.assert_allclose(rows["a+b"].reindex(mean.index), mean)
    assert result.timings.empty


def test_it_is_left_out_where_the_outside_model_has_no_answer(colour_faces, write):
    table = colour_faces.manifest.table
    path = write({"image_id": table["image_id"], "age": table["age"]})
    result = compare(colour_faces, ["majority", "majority+theirs"], f"theirs={path}", tasks=[AGE])
    assert "majority+theirs" in set(result.predictions["model"])
    names, both = ["majority", "majority+theirs"], [GENDER, AGE]
    result = compare(colour_faces, names, f"theirs={path}", tasks=both)
    shown = result.predictions.groupby("task")["model"].unique()
    assert "majority+theirs" not in shown["gender"]
    assert "majority+theirs" in shown["age"]


def test_what_can_not_be_averaged_is_refused_at_once(colour_faces, write, monkeypatch):
    monkeypatch.setattr(
        "featurex.comparison.experiment.fit_all", lambda *args: pytest.fail("it fits")
    )
    table = colour_faces.manifest.table
    path = write({"image_id": table["image_id"], "gender": table["gender"]})
    message = r"needs probabilities for every face\. theirs has none for 70 of the 70 faces of gend"
    with pytest.raises(PredictionTableError, match=message):
        compare(colour_faces, ["svm+theirs"], f"theirs={path}", tasks=[GENDER])
    path = write({"image_id": table["image_id"][2:], "age": table["age"][2:]})
    message = r"needs an age for every face\. theirs has none for 2 of the 70 faces of age"
    with pytest.raises(PredictionTableError, match=message):
        compare(colour_faces, ["svm+theirs"], f"theirs={path}", tasks=[AGE])


def test_names_are_told_apart():
    names = ["svm", "theirs+mlp+svm", "svm+mlp+theirs", "mlp+svm", "b+a"]
    models, mixed = split_mixed(names, ["theirs", "a", "b", "svm"])
    assert models == ["svm", "svm+mlp"]
    assert mixed == [MixedAverage(("svm", "mlp"), ("theirs",)), MixedAverage((), ("a", "b"))]
    assert [average.name for average in mixed] == ["svm+mlp+theirs", "a+b"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("theirs+theirs", "names a model twice"),
        ("svm+theirs+svm", "names a model twice"),
        ("cnn+theirs", "Unknown model 'cnn'"),
        ("svm+other", "Unknown model 'other' in 'svm\\+other'"),
        ("theirs", "Unknown model 'theirs'"),
    ],
)
def test_wrong_names_are_refused(name, message):
    with pytest.raises(ValueError, match=message):
        split_mixed([name], ["theirs"])
