"""What the fits of a comparison are given, and what they leave."""

import re
from dataclasses import replace

import numpy as np

from featurex.comparison import fold_fits, model_fits
from featurex.comparison.design import Design
from featurex.comparison.experiment import run
from featurex.comparison.face_table import FaceTable
from featurex.models.options import ModelOptions
from featurex.networks import get_network
from featurex.tasks import AGE, AGE_GROUP, GENDER
from pipelines import MODELS as MODEL_FAMILIES

OPTIONS = ModelOptions("tiny", epochs=2, batch_size=16, device="cpu", n_jobs=1)
SMALL = Design([GENDER], ["majority", "svm"], n_folds=3, options=OPTIONS)


def test_models_on_embeddings_need_no_chips(colour_faces, monkeypatch):
    """A cache whose chips were dropped to save room."""
    monkeypatch.setattr(type(colour_faces.cache), "chip_column", None)
    assert run(colour_faces, SMALL).record["embedding_ms_per_face"] > 0


def test_a_model_that_learns_from_a_sample_is_named(colour_faces, tiny, monkeypatch):
    svm = replace(MODEL_FAMILIES["svm"], max_rows=30)
    monkeypatch.setitem(MODEL_FAMILIES, "svm", svm)
    comparison = run(colour_faces, SMALL).comparison
    notes = [note for note in comparison.notes if "drawn at random" in note]
    assert len(notes) == 1
    # A class may have one row more than its share, and more still where its people are few.
    assert re.match(r"svm learnt from 3[0-4] training rows of a fold", notes[0])


def test_a_class_of_two_people_in_two_folds_is_no_end(colour_faces):
    """Told in a note; it was an error of the tuning, in the middle of the comparison."""
    table = colour_faces.manifest.table.copy()
    person = table["subject_id"].str.removeprefix("person").astype(int)
    male = table["gender"] == "male"
    table["age_group"] = np.where(person < 2, "60+", np.where(male, "25-32", "4-6"))
    table["fold"] = person % 3
    faces = FaceTable(replace(colour_faces.manifest, table=table), colour_faces.cache)
    result = run(faces, replace(SMALL, tasks=[AGE_GROUP], protocol="official", n_folds=None))
    expected = "only one person of '60+' is in the training of 2 of 3 folds"
    assert any(expected in note for note in result.comparison.notes)
    rows = result.predictions
    assert (rows.loc[rows["fold"] < 2, "p_60+"] == 0).all()
    assert (rows.loc[rows["fold"] == 2, "p_60+"] > 0).all()


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
