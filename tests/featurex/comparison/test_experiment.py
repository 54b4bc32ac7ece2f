import json
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from featurex.comparison import experiment, fold_fits, model_fits, run_record
from featurex.comparison.design import Design
from featurex.comparison.experiment import run
from featurex.comparison.face_table import FaceTable
from featurex.manifest import Manifest
from featurex.models.options import ModelOptions
from featurex.networks import get_network
from featurex.report.files import write_result
from featurex.tasks import AGE, AGE_GROUP, GENDER
from pipelines import MODELS as MODEL_FAMILIES
from pipelines import predictions
from pipelines.models import random_forest

OPTIONS = ModelOptions("tiny", epochs=2, batch_size=16, device="cpu", n_jobs=1)
MODELS = ["majority", "svm", "finetuned"]
DESIGN = Design([GENDER, AGE_GROUP, AGE], MODELS, n_folds=3, options=OPTIONS)
SMALL = Design([GENDER], ["majority", "svm"], n_folds=3, options=OPTIONS)


@pytest.fixture(scope="module")
def steps():
    return []


@pytest.fixture(scope="module")
def result(colour_faces, tiny, steps):
    return run(colour_faces, DESIGN, steps.append)


def test_photos_without_a_face_are_counted_and_left_out(colour_faces):
    assert (len(colour_faces.table), colour_faces.n_without_face) == (70, 2)


def test_the_data_sets_note_says_what_was_left_out(colour_faces):
    manifest = replace(colour_faces.manifest, dropped={"conflicting labels": 46, "duplicate": 7})
    (note,) = FaceTable(manifest, colour_faces.cache).count_notes([GENDER])
    assert note.endswith("; left out before: 53 (conflicting labels: 46, duplicate: 7).")


def test_the_data_sets_note_does_not_say_one_photos(colour_faces):
    table = colour_faces.manifest.table.iloc[[0, 4]].reset_index(drop=True)
    faces = FaceTable(Manifest(table, {}, "colours"), colour_faces.cache)
    (note,) = faces.count_notes([GENDER])
    assert note == "Data set colours: 1 face, 1 photo without one."


def test_not_one_face_is_an_error(colour_faces):
    table = colour_faces.manifest.table.iloc[[4, 40]].reset_index(drop=True)
    with pytest.raises(ValueError, match=r"any photo of 'colours' \(2 looked at\)"):
        FaceTable(Manifest(table, {}, "colours"), colour_faces.cache)


def test_every_model_learns_the_planted_rule(result):
    table = result.comparison.table.set_index(["task", "model"])
    assert len(table) == 9
    accuracy, error = table["accuracy_mean"], table.loc["age"]["mae_mean"]
    assert accuracy["gender", "majority"] < 0.7
    assert accuracy["gender", "svm"] > 0.95
    assert accuracy["gender", "finetuned"] > 0.8
    assert accuracy["age-group", "svm"] > accuracy["age-group", "majority"] + 0.2
    assert error["svm"] < error["majority"] - 5


def test_models_on_embeddings_need_no_chips(colour_faces, monkeypatch):
    """A cache whose chips were dropped to save room."""
    monkeypatch.setattr(type(colour_faces.cache), "chip_column", None)
    assert run(colour_faces, SMALL).record["embedding_ms_per_face"] > 0


def test_all_models_of_a_task_have_the_same_rows_and_folds(result):
    for _, part in result.predictions.groupby("task"):
        columns = [
            rows.set_index("image_id")["fold"].sort_index() for _, rows in part.groupby("model")
        ]
        assert len(columns) == len(MODELS)
        for column in columns[1:]:
            pd.testing.assert_series_equal(column, columns[0])
    predictions.validate(result.predictions, DESIGN.tasks)


def test_a_model_that_learns_from_a_sample_is_named(colour_faces, tiny, monkeypatch):
    svm = replace(MODEL_FAMILIES["svm"], max_rows=30)
    monkeypatch.setitem(MODEL_FAMILIES, "svm", svm)
    comparison = run(colour_faces, SMALL).comparison
    notes = [note for note in comparison.notes if "drawn at random" in note]
    assert len(notes) == 1
    # A class may have one row more than its share, and more still where its people are few.
    assert re.match(r"svm learnt from 3[0-4] training rows of a fold", notes[0])


def test_no_subject_is_in_two_folds(result, colour_faces):
    subjects = colour_faces.table.set_index("image_id")["subject_id"]
    folds = result.predictions.groupby(result.predictions["image_id"].map(subjects))["fold"]
    assert folds.nunique().eq(1).all()
    assert result.predictions["fold"].nunique() == 3


def test_no_subject_is_trained_and_tested_on(colour_faces, monkeypatch):
    """What reaches `fit` in every fold, and not only what the table says of it."""
    seen, subjects = [], colour_faces.table["subject_id"].to_numpy(object)
    real = model_fits.make_estimator

    def spy(*args):
        estimator = real(*args)
        fit = estimator.fit
        estimator.fit = lambda X, y, groups: seen.append((len(X), groups)) or fit(X, y, groups)
        return estimator

    monkeypatch.setattr(model_fits, "make_estimator", spy)
    folds = colour_faces.folds(SMALL).fold
    run(colour_faces, SMALL)
    assert len(seen) == 6
    for fold, (n_rows, groups) in enumerate(seen[:3]):
        train = subjects[folds != fold]
        assert n_rows == len(groups) == len(train)
        assert len(set(groups)) == len(set(train)) == 24 - len(set(subjects[folds == fold]))


def test_the_same_seed_gives_the_same_predictions_and_scores(result, colour_faces):
    """Whatever else is compared beside them."""
    design = Design([GENDER, AGE], ["svm", "finetuned"], n_folds=3, options=OPTIONS)
    again = run(colour_faces, design)
    scores = [c for c in again.comparison.table if c.endswith(("_mean", "_std", "_pooled"))]
    for new, old, columns in (
        (again.predictions, result.predictions, list(again.predictions)),
        (again.comparison.table, result.comparison.table, ["task", "model", *scores]),
    ):
        same = old["task"].isin(["gender", "age"]) & old["model"].isin(["svm", "finetuned"])
        pd.testing.assert_frame_equal(new[columns], old.loc[same, columns].reset_index(drop=True))


@pytest.fixture(scope="module")
def fused(colour_faces, tiny):
    """An average beside one of its parts; the other is no row of its own."""
    steps = []
    design = Design([GENDER, AGE], ["svm+finetuned", "svm"], n_folds=3, options=OPTIONS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(experiment, "_embedding_ms", lambda faces: 1e6)
        return run(colour_faces, design, steps.append), steps


def test_an_average_is_one_of_its_parts_predictions(fused, result):
    rows, old = (
        r.predictions.set_index(["task", "model", "image_id"]).sort_index()
        for r in (fused[0], result)
    )
    predictions.validate(fused[0].predictions, DESIGN.tasks)
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


def test_the_notes_say_what_an_average_is(fused, result):
    assert run_record.AVERAGE_NOTE in fused[0].comparison.notes
    assert run_record.AVERAGE_NOTE not in result.comparison.notes


def test_another_seed_gives_other_folds(colour_faces):
    other = Design(
        SMALL.tasks, SMALL.models, n_folds=3, options=ModelOptions("tiny", seed=1, n_jobs=1)
    )
    assert (colour_faces.folds(other).fold != colour_faces.folds(SMALL).fold).any()


def test_a_step_is_told_after_every_fold(result, steps):
    assert len(steps) == 3 * 3 * 3
    assert steps[0].startswith("gender majority fold 0")


def test_the_record_says_what_made_the_table(result, colour_faces):
    record = result.record
    assert record["photos"] == {"found": 72, "dropped": {}, "without_face": 2, "faces": 70}
    assert record["options"]["seed"] == 0
    assert (record["protocol"], record["n_folds"]) == ("subject", 3)
    assert record["backbone"] == colour_faces.cache.backbone.settings
    assert record["aligner"] == colour_faces.cache.aligner.settings
    assert record["space"] in colour_faces.cache.embeddings.path.name
    assert {"featurex", "torch", "scikit-learn", "numpy"} <= set(record["versions"])
    assert len(record["manifest_sha256"]) == 64
    assert len(record["parameters"]) == len(record["timings"]) == 27
    svm = next(p for p in record["parameters"] if p["model"] == "svm")
    assert 0 < svm["inner_score"] <= 1
    assert "svc__C" in svm["best_params"]
    network = next(p for p in record["parameters"] if p["model"] == "finetuned")
    assert [epoch["epoch"] for epoch in network["epochs"]] == [1, 2]
    assert network["n_parameters"] == 8 * (3 * 9 + 1) + 2 * (8 + 1)
    assert network["seconds_per_epoch"] > 0
    fits = [p["fold"] for p in record["parameters"] if p["task"] == "age"]
    assert fits == [0, 1, 2] * 3


def test_the_table_says_what_a_network_costs(result):
    table = result.comparison.table.set_index(["model", "task"])
    assert table.loc["svm", "n_parameters"].isna().all()
    assert table.loc["finetuned", "n_parameters"]["age"] == 8 * (3 * 9 + 1) + 101 * (8 + 1)
    shown = result.comparison.format().set_index(["Model", "Task"])
    assert shown.loc[("finetuned", "age"), "Parameters"] == "1 k"
    assert shown.loc[("svm", "age"), "Epoch (s)"] == "–"


def test_the_record_has_no_number_that_is_none_in_json(result):
    json.dumps(result.record, allow_nan=False, default=lambda number: number.item())


def test_labels_and_not_paths_decide_the_manifests_hash(colour_faces):
    table = colour_faces.table
    elsewhere = table.assign(path="/other.jpg").iloc[::-1]
    relabelled = table.assign(age=table["age"] + 1)
    sha = run_record.table_sha256
    assert sha(elsewhere) == sha(table) != sha(relabelled)


def test_embeddings_cost_time_and_chips_do_not(result, monkeypatch, colour_faces):
    monkeypatch.setattr(experiment, "_embedding_ms", lambda faces: 1e6)
    slow = run(colour_faces, SMALL)
    assert (slow.timings["predict_ms_per_row"] > 1e6).all()
    networks = result.timings[result.timings["model"] == "finetuned"]
    assert result.record["embedding_ms_per_face"] > 0
    assert (networks["fit_seconds"] > 0).all()


def test_the_notes_say_what_a_reader_must_know(result):
    notes = " ".join(result.comparison.notes)
    for words in (
        "70 faces, 2 photos without",
        "Made-up colours.",
        "no person is in two",
        "Seed 0",
    ):
        assert words in notes


def test_a_protocol_that_does_not_fit_is_an_error(colour_faces):
    with pytest.raises(ValueError, match="Protocol 'official' needs a fold"):
        run(colour_faces, Design([GENDER], ["majority"], "official", options=OPTIONS))
    with pytest.raises(ValueError, match="100 folds need at least 100 subjects"):
        run(colour_faces, Design([GENDER], ["majority"], n_folds=100, options=OPTIONS))


def test_rows_without_a_label_are_in_no_fold_of_the_task(colour_faces):
    table = colour_faces.manifest.table.copy()
    table.loc[:9, "gender"] = None
    faces = FaceTable(Manifest(table, {}, "colours"), colour_faces.cache)
    result = run(faces, Design([GENDER, AGE], ["majority"], n_folds=3, options=OPTIONS))
    n_rows = result.comparison.table.set_index("task")["n_rows"]
    assert (n_rows["gender"], n_rows["age"]) == (61, 70)
    assert np.isfinite(result.comparison.table.set_index("task").loc["gender", "accuracy_mean"])


NETWORK = Design([GENDER], ["finetuned"], n_folds=3, options=OPTIONS)


def test_a_killed_comparison_goes_on_where_its_networks_stopped(
    colour_faces, tiny, result, tmp_path
):
    class Killed(Exception):
        pass

    told = []

    def kill(line):
        told.append(line)
        if len(told) == 3:  # the second fold's first epoch
            raise Killed

    folder = tmp_path / "checkpoints"
    with pytest.raises(Killed):
        run(colour_faces, NETWORK, on_epoch=kill, checkpoints=folder)
    told.clear()
    again = run(colour_faces, NETWORK, on_epoch=told.append, checkpoints=folder)
    assert [line.split(":")[0] for line in told] == [
        "gender finetuned 1 epoch 2/2",
        "gender finetuned 2 epoch 1/2",
        "gender finetuned 2 epoch 2/2",
    ]
    whole = result.predictions
    whole = whole[(whole["task"] == "gender") & (whole["model"] == "finetuned")]
    columns = ["p_female", "p_male"]
    np.testing.assert_array_equal(again.predictions[columns], whole[columns])


def test_checkpoints_are_removed_and_nothing_else(tmp_path):
    folder = tmp_path / "checkpoints"
    fold_fits.remove_checkpoints(folder)
    folder.mkdir()
    for name in ("gender finetuned 0.safetensors", ".age.safetensors.1234.tmp"):
        (folder / name).touch()
    fold_fits.remove_checkpoints(folder)
    assert not folder.exists()
    folder.mkdir()
    for name in ("gender finetuned 0.safetensors", "mine.txt"):
        (folder / name).touch()
    fold_fits.remove_checkpoints(folder)
    assert [path.name for path in folder.iterdir()] == ["mine.txt"]


def test_side_labels_reach_the_networks_that_ask_for_them(colour_faces, tiny, monkeypatch):
    network = get_network("finetuned")
    monkeypatch.setattr(network, "side_heads", ("gender", "age-group"))
    monkeypatch.setattr(network, "more_side_heads", (("race",),))
    side = colour_faces.side_labels("finetuned@student-20x256", GENDER, np.arange(70))
    assert list(side) == ["age-group"]
    assert side["age-group"].tolist() == colour_faces.table["age_group"].astype(str).tolist()
    assert colour_faces.side_labels("svm", GENDER, np.arange(70)) == {}
    design = Design([AGE], ["finetuned"], n_folds=3, options=OPTIONS)
    first = run(colour_faces, design).record["parameters"][0]
    assert {"valid_score_gender", "valid_score_age-group"} <= set(first["epochs"][0])


def test_a_model_of_one_task_has_rows_of_that_task_only(colour_faces, tiny, tmp_path):
    design = Design([GENDER, AGE], ["majority", "age-expectation"], n_folds=2, options=OPTIONS)
    result = run(colour_faces, design)
    rows = result.comparison.table[["task", "model"]].to_numpy().tolist()
    assert rows == [["gender", "majority"], ["age", "majority"], ["age", "age-expectation"]]
    assert "age-expectation is only for age." in result.comparison.notes
    assert run_record.YEARS_NOTES["age"] in result.comparison.notes
    assert run_record.YEARS_NOTES["age-group"] not in result.comparison.notes  # not compared
    names = {path.name for path in write_result(result, design, tmp_path)}
    assert "reliability-gender-majority.png" in names
    assert "reliability-gender-age-expectation.png" not in names
