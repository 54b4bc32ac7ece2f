"""Averages of models in a comparison."""

import numpy as np
import pandas as pd
import pytest

from featurex.comparison import experiment, run_record
from featurex.comparison.design import Design
from featurex.comparison.experiment import run
from featurex.models.options import ModelOptions
from featurex.tasks import AGE, GENDER
from pipelines import predictions
from pipelines.models import random_forest

OPTIONS = ModelOptions("tiny", epochs=2, batch_size=16, device="cpu", n_jobs=1)


@pytest.fixture(scope="module")
def singles(colour_faces, tiny):
    """Both parts of the average, each a row of its own."""
    design = Design([GENDER, AGE], ["svm", "finetuned"], n_folds=3, options=OPTIONS)
    return run(colour_faces, design)


@pytest.fixture(scope="module")
def fused(colour_faces, tiny):
    """An average beside one of its parts; the other is no row of its own."""
    steps = []
    design = Design([GENDER, AGE], ["svm+finetuned", "svm"], n_folds=3, options=OPTIONS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(experiment, "_embedding_ms", lambda faces: 1e6)
        return run(colour_faces, design, steps.append), steps


def test_an_average_is_one_of_its_parts_predictions(fused, singles):
    rows, old = (
        r.predictions.set_index(["task", "model", "image_id"]).sort_index()
        for r in (fused[0], singles)
    )
    predictions.validate(fused[0].predictions, [GENDER, AGE])
    svm, network, average = (
        table.loc[("gender", model)]
        for table, model in ((old, "svm"), (old, "finetuned"), (rows, "svm+finetuned"))
    )
    odds = [np.log(part["p_male"] / part["p_female"]) for part in (svm, network, average)]
    np.testing.assert_allclose(odds[2], (odds[0] + odds[1]) / 2, atol=1e-6)
    ages = [old.loc[("age", model), "years_pred"] for model in ("svm", "finetuned")]
    years = rows.loc[("age", "svm+finetuned"), "years_pred"]
    np.testing.assert_allclose(years, (ages[0] + ages[1]) / 2)


def test_every_part_of_an_average_is_fitted_once(fused):
    result, steps = fused
    assert len(steps) == len(result.record["parameters"]) == 2 * 2 * 3
    assert {p["model"] for p in result.record["parameters"]} == {"svm", "finetuned"}


def test_only_named_models_are_rows(fused):
    table = fused[0].comparison.table
    expected = [[task, m] for task in ("gender", "age") for m in ("svm+finetuned", "svm")]
    assert table[["task", "model"]].to_numpy().tolist() == expected
    assert set(fused[0].predictions["model"]) == {"svm+finetuned", "svm"}
    assert np.isfinite(table[["fit_seconds", "ms_per_face"]]).all(axis=None)


def test_an_average_costs_the_sum_of_its_parts_with_one_embedding(fused):
    columns = ["fit_seconds", "predict_ms_per_row"]
    times = fused[0].timings.set_index(["model", "task", "fold"])[columns].sort_index()
    sums = times.loc["svm"] + times.loc["finetuned"]
    pd.testing.assert_frame_equal(times.loc["svm+finetuned"], sums)
    assert (times.loc["finetuned", "predict_ms_per_row"] < 1e6).all()
    assert times.loc["svm+finetuned", "predict_ms_per_row"].between(1e6, 1.9e6).all()


def test_an_average_of_two_models_on_embeddings_embeds_once(monkeypatch, colour_faces):
    monkeypatch.setattr(experiment, "_embedding_ms", lambda faces: 1e6)
    design = Design([GENDER], ["random-forest+majority"], n_folds=3, options=OPTIONS)
    monkeypatch.setattr(random_forest, "TREES", 5)
    times = run(colour_faces, design).timings
    assert set(times["model"]) == {"random-forest", "majority", "random-forest+majority"}
    assert times["predict_ms_per_row"].between(1e6, 1.9e6).all()


def test_the_notes_say_what_an_average_is(fused, singles):
    assert run_record.AVERAGE_NOTE in fused[0].comparison.notes
    assert run_record.AVERAGE_NOTE not in singles.comparison.notes
