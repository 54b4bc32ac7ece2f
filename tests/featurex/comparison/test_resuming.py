"""A comparison that was stopped goes on, and comes out as if it had not been stopped."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from featurex.comparison import experiment, fit_keys, fold_fits, kept_comparison
from featurex.comparison.design import Design
from featurex.comparison.experiment import run
from featurex.comparison.face_table import FaceTable
from featurex.comparison.kept import Kept
from featurex.comparison.kept_comparison import write_once
from featurex.extraction import spaces
from featurex.manifest import Manifest
from featurex.models.options import ModelOptions
from featurex.report.files import write_result
from featurex.tasks import AGE, AGE_GROUP, GENDER
from pipelines import MODELS, predictions
from pipelines.models import svm

OPTIONS = ModelOptions("tiny", epochs=2, batch_size=16, device="cpu", n_jobs=1)
DESIGN = Design([GENDER, AGE], ["majority", "svm", "svm+majority"], n_folds=3, options=OPTIONS)
SMALL = Design([GENDER], ["svm"], n_folds=3, options=OPTIONS)


class Killed(BaseException):
    """As a kill, nothing catches it."""


@pytest.fixture
def kept(tmp_path):
    return Kept(tmp_path / "fits")


@pytest.fixture
def made(monkeypatch):
    """Return the list of fits that were made: task, estimator and fold."""
    seen, real = [], fold_fits.fit_fold

    def spy(estimator, job):
        seen.append((job.task.name, getattr(estimator, "family", "network"), job.fold))
        return real(estimator, job)

    monkeypatch.setattr(fold_fits, "fit_fold", spy)
    return seen


@pytest.fixture
def clock(monkeypatch):
    """Every fit and every answer takes one second, so that times are the same too."""
    seconds = iter(range(10**6))
    monkeypatch.setattr("pipelines.evaluation.fits.time.perf_counter", lambda: float(next(seconds)))
    monkeypatch.setattr(experiment, "_embedding_ms", lambda faces: 2.0)


def written(faces, design, kept, folder):
    """Run a comparison and write its files; return the result and the files' bytes."""
    result = run(faces, design, kept=kept)
    everything = (result.comparison, result.predictions, result.record, result.groups, design)
    files = write_once(kept, folder, lambda: write_result(result, design, folder), *everything)
    return result, {path.name: path.read_bytes() for path in files}


def kill_after(n_steps):
    steps = []

    def kill(line):
        steps.append(line)
        if len(steps) == n_steps:
            raise Killed

    return kill


def tables(result, folder):
    """Write all that is not drawn; return the bytes."""
    folder.mkdir()
    result.comparison.to_csv(folder / "table.csv")
    result.comparison.to_markdown(folder / "table.md")
    result.comparison.pairs.to_csv(folder / "pairs.csv")
    predictions.write(result.predictions, folder / "predictions.csv")
    (folder / "run.json").write_text(json.dumps(result.record))
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_killed_comparison_comes_out_as_one_that_was_not(colour_faces, made, clock, tmp_path):
    calm = tables(run(colour_faces, DESIGN), tmp_path / "calm")
    for n_steps in (1, 4, 11):
        kept = Kept(tmp_path / str(n_steps) / "fits")
        made.clear()
        with pytest.raises(Killed):
            run(colour_faces, DESIGN, kill_after(n_steps), kept=kept)
        assert len(made) == n_steps
        result = run(colour_faces, DESIGN, kept=kept)
        assert len(made) == 12  # 2 tasks, 2 single models, 3 folds: each once
        assert result.n_before == n_steps
        assert tables(result, tmp_path / f"after {n_steps}") == calm


def test_a_rerun_makes_no_fit_and_no_new_file(colour_faces, made, kept, tmp_path, monkeypatch):
    first, files = written(colour_faces, DESIGN, kept, tmp_path)
    made.clear()

    def never(*arguments, **options):
        raise AssertionError("computed again")

    monkeypatch.setattr(experiment, "_embedding_ms", never)
    monkeypatch.setattr(kept_comparison, "compare", never)
    monkeypatch.setattr(FaceTable, "features", never)
    steps = []
    again = run(colour_faces, DESIGN, steps.append, kept=kept)
    assert not made
    assert again.n_before == len(steps) == 12
    assert all(step.endswith("(finished before)") for step in steps)
    pd.testing.assert_frame_equal(again.comparison.table, first.comparison.table, rtol=0, atol=0)
    pd.testing.assert_frame_equal(again.comparison.pairs, first.comparison.pairs, rtol=0, atol=0)
    assert again.comparison.notes == first.comparison.notes
    assert again.comparison.format().equals(first.comparison.format())
    pd.testing.assert_frame_equal(again.predictions, first.predictions, rtol=0, atol=0)
    assert json.dumps(again.record) == json.dumps(first.record)
    folder = tmp_path / "elsewhere"
    write_result(again, DESIGN, folder)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == files


def test_one_more_model_fits_only_its_folds(colour_faces, made, kept):
    run(colour_faces, SMALL, kept=kept)
    made.clear()
    run(colour_faces, replace(SMALL, models=["svm", "majority"], tasks=[GENDER]), kept=kept)
    assert made == [("gender", "majority", fold) for fold in range(3)]
    made.clear()
    run(colour_faces, replace(SMALL, tasks=[GENDER, AGE_GROUP]), kept=kept)
    assert made == [("age-group", "svm", fold) for fold in range(3)]


def test_what_was_kept_for_another_comparison_is_not_lost(colour_faces, made, kept):
    run(colour_faces, SMALL, kept=kept)
    run(colour_faces, replace(SMALL, n_folds=2), kept=kept)
    made.clear()
    assert run(colour_faces, SMALL, kept=kept).n_before == 3
    assert not made


def other_faces(faces, **columns):
    return FaceTable(Manifest(faces.manifest.table.assign(**columns), {}, "colours"), faces.cache)


def test_a_changed_label_refits_the_folds_that_train_on_it(colour_faces, made, kept):
    run(colour_faces, SMALL, kept=kept)
    labels = colour_faces.manifest.table["gender"].copy()
    labels.iloc[0] = "male" if labels.iloc[0] == "female" else "female"
    made.clear()
    # The folds are balanced by the labels: the same ones must be given.
    faces = other_faces(colour_faces, gender=labels)
    before = colour_faces.folds(SMALL)
    faces.folds = lambda design: before
    run(faces, SMALL, kept=kept)
    tested = before.fold[0]
    assert [fold for _, _, fold in made] == [fold for fold in range(3) if fold != tested]


def test_fewer_photos_and_other_subjects_refit(colour_faces, made, kept):
    run(colour_faces, SMALL, kept=kept)
    made.clear()
    table = colour_faces.manifest.table.iloc[:-3].reset_index(drop=True)
    run(FaceTable(Manifest(table, {}, "colours"), colour_faces.cache), SMALL, kept=kept)
    assert len(made) >= 2
    made.clear()
    subjects = colour_faces.manifest.table["subject_id"].copy()
    subjects.iloc[1] = "somebody else"
    run(other_faces(colour_faces, subject_id=subjects), SMALL, kept=kept)
    assert len(made) >= 2


@pytest.mark.parametrize(
    "change", [{"n_folds": 4}, {"options": replace(OPTIONS, seed=1)}, {"n_folds": 2}]
)
def test_another_seed_or_number_of_folds_refits(change, colour_faces, made, kept):
    run(colour_faces, SMALL, kept=kept)
    made.clear()
    design = replace(SMALL, **change)
    run(colour_faces, design, kept=kept)
    assert len(made) == design.n_folds


def test_other_parameters_of_a_model_refit(colour_faces, made, kept, monkeypatch):
    run(colour_faces, SMALL, kept=kept)
    made.clear()
    monkeypatch.setattr(svm, "VARIANCE", 0.9)
    run(colour_faces, SMALL, kept=kept)
    assert len(made) == 3
    family = replace(MODELS["svm"], classifier_space={"svc__C": (1.0, 2.0)})
    monkeypatch.setitem(MODELS, "svm", family)
    run(colour_faces, SMALL, kept=kept)
    assert len(made) == 6


def test_another_version_refits(colour_faces, made, kept, monkeypatch):
    run(colour_faces, SMALL, kept=kept)
    made.clear()
    monkeypatch.setattr(fit_keys, "FITS", fit_keys.FITS + 1)
    run(colour_faces, SMALL, kept=kept)
    assert len(made) == 3
    real = spaces.versions
    monkeypatch.setattr(spaces, "versions", lambda *names: real(*names) | {"scikit-learn": "99.0"})
    run(colour_faces, SMALL, kept=kept)
    assert len(made) == 6


def test_the_number_of_processes_refits_nothing(colour_faces, made, kept):
    run(colour_faces, SMALL, kept=kept)
    made.clear()
    run(colour_faces, replace(SMALL, options=replace(OPTIONS, n_jobs=2)), kept=kept)
    assert not made


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "another's"])
def test_a_damaged_fit_is_made_again_and_told_of(damage, colour_faces, made, tmp_path):
    told = []
    kept = Kept(tmp_path, told.append)
    first = run(colour_faces, SMALL, kept=kept)
    path, other = sorted(tmp_path.glob("gender svm *"))[1:]
    content = path.read_bytes()
    flipped = content[:-9] + bytes([content[-9] ^ 1]) + content[-8:]
    contents = {"cut": content[:-1], "flipped": flipped, "empty": b""}
    path.write_bytes(contents.get(damage, other.read_bytes()))
    made.clear()
    again = run(colour_faces, SMALL, kept=kept)
    assert made == [("gender", "svm", 1)]
    assert told == [f"{path} is damaged: what it held is computed anew."]
    pd.testing.assert_frame_equal(again.predictions, first.predictions)
    run(colour_faces, SMALL, kept=kept)
    assert len(made) == len(told) == 1


def test_a_file_that_was_changed_is_written_again(colour_faces, kept, tmp_path):
    files = written(colour_faces, SMALL, kept, tmp_path)[1]
    for name in ("table.csv", "pairs.csv"):
        (tmp_path / name).write_text("mine")
    (tmp_path / "run.json").unlink()
    assert written(colour_faces, SMALL, kept, tmp_path)[1] == files


def test_a_finished_network_is_not_trained_again_and_leaves_no_checkpoint(
    colour_faces, tiny, made, kept, tmp_path
):
    design = Design([GENDER], ["finetuned"], n_folds=2, options=OPTIONS)
    folder = tmp_path / "checkpoints"
    first = run(colour_faces, design, kept=kept, checkpoints=folder)
    assert made == [("gender", "network", 0), ("gender", "network", 1)]
    assert not list(folder.iterdir())
    again = run(colour_faces, design, kept=kept, checkpoints=folder)
    assert len(made) == 2
    assert again.record["parameters"] == first.record["parameters"]
    pd.testing.assert_frame_equal(again.predictions, first.predictions)
    other = replace(design, options=replace(OPTIONS, epochs=1))
    run(colour_faces, other, kept=kept)
    assert len(made) == 4


def test_the_times_are_those_of_the_fit(colour_faces, kept):
    first = run(colour_faces, SMALL, kept=kept)
    again = run(colour_faces, SMALL, kept=kept)
    pd.testing.assert_frame_equal(again.timings, first.timings, rtol=0, atol=0)
    assert np.all(again.timings["fit_seconds"] > 0)
