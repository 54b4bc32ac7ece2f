"""Fits in several processes: the same answers, with no more threads than there are cores."""

import os
import subprocess
import sys
from dataclasses import replace

import cloudpickle
import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from threadpoolctl import threadpool_info

from featurex.comparison import fold_fits, model_fits
from featurex.comparison.design import Design
from featurex.comparison.experiment import run
from featurex.comparison.kept import Kept
from featurex.models.options import ModelOptions
from featurex.tasks import AGE, GENDER
from pipelines import CrossValidation
from pipelines.errors import PipelineError

OPTIONS = ModelOptions("tiny", device="cpu", n_jobs=1)
DESIGN = Design([GENDER, AGE], ["majority", "svm"], n_folds=2, options=OPTIONS)


def test_processes_change_no_answer_and_no_order(colour_faces, tmp_path):
    serial = run(colour_faces, DESIGN)
    steps = []
    design = replace(DESIGN, options=replace(OPTIONS, n_jobs=2))
    kept = Kept(tmp_path)
    parallel = run(colour_faces, design, steps.append, kept=kept)
    pd.testing.assert_frame_equal(parallel.predictions, serial.predictions, rtol=0, atol=0)
    assert len(steps) == len(set(steps)) == 8
    assert sum(len(list(tmp_path.glob(f"{task} *"))) for task in ("gender", "age")) == 8
    chosen = [
        {name: value for name, value in row.items() if name != "fits_at_once"}
        for result in (serial, parallel)
        for row in result.record["parameters"]
    ]
    assert chosen[:8] == chosen[8:]
    assert {row["fits_at_once"] for row in parallel.record["parameters"]} == {2}
    assert any("2 fits at a time" in note for note in parallel.comparison.notes)
    assert any("1 fit at a time" in note for note in serial.comparison.notes)


@pytest.fixture(autouse=True)
def pickled_whole():
    """The workers know no tests: what is defined here goes to them as a whole."""
    cloudpickle.register_pickle_by_value(sys.modules[__name__])
    yield
    cloudpickle.unregister_pickle_by_value(sys.modules[__name__])


class Watcher(ClassifierMixin, BaseEstimator):
    """Answers with what it sees of its process: threads of linear algebra, and its number."""

    def __init__(self, n_jobs=None):
        self.n_jobs = n_jobs

    def fit(self, X, y, groups=None):
        self.classes_ = np.array(["female", "male"])
        np.linalg.svd(np.eye(4))  # loads what there is
        self.best_params_ = {
            "threads": max(pool["num_threads"] for pool in threadpool_info()),
            "process": os.getpid(),
            "jobs": self.n_jobs,
        }
        self.best_score_ = 1.0
        return self

    def predict_proba(self, X):
        return np.full((len(X), 2), 0.5)


@pytest.mark.parametrize(("n_jobs", "at_once", "each"), [(2, 2, 1), (5, 3, 1), (1, 1, 1)])
def test_no_fit_has_more_threads_or_processes_than_its_share(
    n_jobs, at_once, each, colour_faces, monkeypatch
):
    monkeypatch.setattr(
        model_fits, "make_estimator", lambda model, task, options: Watcher(options.n_jobs)
    )
    options = replace(OPTIONS, n_jobs=n_jobs)
    design = Design([GENDER], ["svm"], n_folds=3, options=options)
    rows = run(colour_faces, design).record["parameters"]
    seen = [row["best_params"] for row in rows]
    assert {one["threads"] for one in seen} == {1}
    assert {one["jobs"] for one in seen} == {each}
    assert {row["fits_at_once"] for row in rows} == {at_once}
    assert (os.getpid() in {one["process"] for one in seen}) == (at_once == 1)


def test_one_fit_that_is_left_has_all_processes(colour_faces, monkeypatch):
    made = []
    monkeypatch.setattr(
        model_fits,
        "make_estimator",
        lambda model, task, options: made.append(options.n_jobs) or Watcher(options.n_jobs),
    )
    fits = model_fits.ModelFits(colour_faces, _validation(), OPTIONS)
    fits.finished[0] = None
    assert [number for _, number, _ in fold_fits._fit_spread([fits], 4)] == [1]
    assert made == [4]


def _validation():
    y = np.array(["female", "male"] * 10)
    return CrossValidation(
        np.zeros((20, 2)),
        y,
        task=GENDER,
        model="svm",
        image_ids=list(map(str, range(20))),
        folds=np.repeat([0, 1], 10),
    )


def test_who_was_killed_is_not_worked_for():
    """A process whose parent is not the one that asked ends, though its work goes on for ever."""
    code = (
        "from featurex.machine.processes import end_with; import time; end_with(1); time.sleep(99)"
    )
    assert subprocess.run([sys.executable, "-c", code], timeout=90).returncode == 1


def test_an_accelerator_reaches_every_process(colour_faces):
    options = replace(OPTIONS, n_jobs=2, accelerate="intelex")
    design = Design([GENDER], ["svm"], n_folds=2, options=options)
    try:
        import sklearnex  # noqa: F401
    except ImportError:
        with pytest.raises(PipelineError, match="pip install"):
            run(colour_faces, design)
    else:
        notes = run(colour_faces, design).comparison.notes
        assert any("SVMs by scikit-learn-intelex" in note for note in notes)
