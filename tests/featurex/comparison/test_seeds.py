"""The seed decides outer folds, inner folds and models; nothing else does."""

import json
from dataclasses import replace

import pandas as pd
import pytest

from featurex.comparison.design import Design
from featurex.comparison.experiment import run
from featurex.models.options import ModelOptions
from featurex.report.files import write_result
from featurex.tasks import GENDER
from pipelines import MODELS
from pipelines.models import random_forest, tuning

TIMES = ["fit_seconds", "ms_per_face", "seconds_per_epoch"]
TIMED = ("timings", "embedding_ms_per_face")


def design(seed, **options):
    chosen = ModelOptions("tiny", epochs=1, batch_size=16, device="cpu", seed=seed, n_jobs=1)
    models = ["random-forest", "finetuned"]
    return Design([GENDER], models, n_folds=2, options=chosen, **options)


@pytest.fixture(scope="module")
def runs(colour_faces, tiny, tmp_path_factory):
    """Two folders of runs of one seed, and the result of another one."""
    folders, asked = [], design(7, n_repeats=2)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(random_forest, "TREES", 5)
        for name in ("first", "again"):
            folders.append(tmp_path_factory.mktemp(name))
            write_result(run(colour_faces, asked), asked, folders[-1])
        return *folders, run(colour_faces, design(8, n_repeats=2))


def scores(folder):
    return pd.read_csv(folder / "table.csv").drop(columns=TIMES)


def record(folder):
    found = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    for fit in found["parameters"]:
        fit.pop("seconds_per_epoch", None)
        for epoch in fit.get("epochs", []):
            del epoch["seconds"]
    return {name: value for name, value in found.items() if name not in TIMED}


def test_one_seed_gives_one_set_of_files(runs):
    first, again, _ = runs
    names = sorted(file.name for file in first.iterdir())
    assert names == sorted(file.name for file in again.iterdir())
    timed = {"run.json", "table.csv", "table.md", "table.tex", "curves.csv"}
    for name in set(names) - timed:
        assert (first / name).read_bytes() == (again / name).read_bytes(), name
    pd.testing.assert_frame_equal(scores(first), scores(again))
    assert record(first) == record(again)
    curves = [pd.read_csv(folder / "curves.csv").drop(columns="seconds") for folder in runs[:2]]
    pd.testing.assert_frame_equal(*curves)


def test_another_seed_gives_others_and_says_so(runs):
    first, other = pd.read_csv(runs[0] / "predictions.csv"), runs[2]
    assert (first["fold"] != other.predictions["fold"]).any()
    means = scores(runs[0])["accuracy_mean"]
    assert (means != other.comparison.table["accuracy_mean"]).all()
    assert (record(runs[0])["options"]["seed"], other.record["options"]["seed"]) == (7, 8)


def test_the_seed_reaches_outer_folds_inner_folds_and_models(colour_faces, monkeypatch):
    asked = replace(design(11), models=["random-forest"])
    inner, models = [], []
    real_splits, family = tuning.inner_splits, MODELS["random-forest"]

    def splits(*args, **options):
        inner.append(options["random_state"])
        return real_splits(*args, **options)

    def classifier(random_state):
        models.append(random_state)
        return family.classifier(random_state).set_params(n_estimators=5)

    monkeypatch.setattr(tuning, "inner_splits", splits)
    monkeypatch.setitem(MODELS, "random-forest", replace(family, classifier=classifier))
    run(colour_faces, asked)
    assert set(inner) == set(models) == {11}
    outer = [colour_faces.folds(design(seed)).fold.tolist() for seed in (11, 11, 12)]
    assert outer[0] == outer[1] != outer[2]
