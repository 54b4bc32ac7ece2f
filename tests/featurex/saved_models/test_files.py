import zipfile
from dataclasses import replace

import numpy as np
import pytest
from safetensors.numpy import load as load_tensors

from featurex.comparison.face_table import FaceTable
from featurex.exceptions import ModelError
from featurex.manifest import Manifest
from featurex.models.options import ModelOptions
from featurex.networks import get_network
from featurex.saved_models.files import load_model, save_model
from featurex.saved_models.fitting import fit_models
from featurex.tasks import AGE, GENDER, choose_tasks

OPTIONS = ModelOptions("tiny", epochs=1, batch_size=16, device="cpu", n_jobs=1)

ROWS = np.arange(70)


@pytest.mark.parametrize("model", ["svm", "random-forest", "mlp", "majority", "finetuned"])
def test_a_round_trip_gives_equal_predictions(model, fit, colour_faces, tmp_path):
    estimators, metadata = fit(model, GENDER, AGE)
    path = tmp_path / "ein modell.featurex"
    save_model(path, estimators, metadata)
    loaded, said = load_model(path)
    assert {key: said[key] for key in metadata} == metadata
    assert list(loaded) == ["gender", "age"]
    X = colour_faces.features(model, ROWS)
    for task, estimator in estimators.items():
        np.testing.assert_array_equal(loaded[task].predict(X), estimator.predict(X))
    expected = estimators["gender"].predict_proba(X)
    np.testing.assert_array_equal(loaded["gender"].predict_proba(X), expected)
    assert loaded["gender"].classes_.tolist() == ["female", "male"]
    assert list(tmp_path.iterdir()) == [path]


def test_saving_replaces_a_file_and_a_failure_leaves_it(fit, svm_file):
    before = svm_file.read_bytes()
    estimators, metadata = fit("svm", GENDER)
    with pytest.raises(ValueError, match="must be JSON"):
        save_model(svm_file, estimators, metadata | {"nan": np.nan})
    assert svm_file.read_bytes() == before
    network, metadata = fit("finetuned", GENDER, AGE)
    with pytest.raises(ValueError, match="not JSON compliant"):
        save_model(svm_file, network, metadata | {"nan": np.nan})
    assert svm_file.read_bytes() == before
    assert list(svm_file.parent.iterdir()) == [svm_file]
    save_model(svm_file, network, metadata)
    assert load_model(svm_file)[1]["model"] == "finetuned"


@pytest.mark.parametrize("model", ["svm", "finetuned"])
def test_a_folder_that_is_not_there_is_an_error(model, fit, tmp_path):
    fitted = fit("svm", GENDER) if model == "svm" else fit("finetuned", GENDER, AGE)
    with pytest.raises(ModelError, match=r"Can't write the model file .*No such file"):
        save_model(tmp_path / "no" / "m.featurex", *fitted)


def test_no_pickle_is_in_either_file(svm_file, network_file):
    with zipfile.ZipFile(svm_file) as archive:
        assert not [name for name in archive.namelist() if name.endswith((".pkl", ".pickle"))]
    tensors = load_tensors(network_file.read_bytes())  # Hugging Face's own reader agrees
    assert {name.split("/")[0] for name in tensors} == {"gender", "age", "seen-faces"}


def test_a_network_file_says_which_photos_each_network_was_trained_on(network_file, colour_faces):
    record = load_tensors(network_file.read_bytes())["seen-faces/gender"]
    expected = sorted(id_[:16] for id_ in colour_faces.table["image_id"])
    assert (record.dtype, record.shape) == (np.uint8, (70, 8))
    assert [row.tobytes().hex() for row in record] == expected


def test_a_network_file_says_how_it_was_trained(network_file):
    _, metadata = load_model(network_file)
    described = metadata["networks"]["gender"]
    assert (described["network"], described["heads"]) == ("finetuned", {"gender": 2})
    assert described["settings"]["epochs"] == 1
    assert metadata["networks"]["age"]["age_answer"] == "mean"


def test_what_an_age_is_answered_as_is_saved(colour_faces, tiny, tmp_path):
    options = replace(OPTIONS, training=("age_answer=median",))
    estimators, metadata = fit_models(colour_faces, [AGE], "finetuned", options)
    save_model(tmp_path / "net", estimators, metadata)
    loaded, described = load_model(tmp_path / "net")
    save_model(tmp_path / "again", loaded, described)
    again, _ = load_model(tmp_path / "again")
    X = colour_faces.features("finetuned", ROWS)
    for model in (loaded, again):
        np.testing.assert_array_equal(model["age"].predict(X), estimators["age"].predict(X))


def test_side_heads_are_saved_too(colour_faces, tiny, tmp_path, monkeypatch):
    monkeypatch.setattr(get_network("finetuned"), "side_heads", ("gender", "age"))
    estimators, metadata = fit_models(colour_faces, [GENDER], "finetuned", OPTIONS)
    save_model(tmp_path / "net", estimators, metadata)
    loaded, _ = load_model(tmp_path / "net")
    assert loaded["gender"].network_.heads == {"gender": 2, "age": 101}
    X = colour_faces.features("finetuned", ROWS)
    expected = estimators["gender"].predict_proba(X)
    np.testing.assert_array_equal(loaded["gender"].predict_proba(X), expected)


@pytest.mark.parametrize("model", ["majority", "finetuned"])
def test_the_words_of_a_data_set_are_the_classes_of_race(model, colour_faces, tiny, tmp_path):
    table = colour_faces.manifest.table.copy()
    table["race"] = np.where(np.arange(72) % 2, "White", "Black")
    manifest = Manifest(table, {}, "colours")
    faces = FaceTable(manifest, colour_faces.cache)
    estimators, metadata = fit_models(faces, choose_tasks(["race"], manifest), model, OPTIONS)
    save_model(tmp_path / "race", estimators, metadata)
    loaded, _ = load_model(tmp_path / "race")
    assert loaded["race"].classes_.tolist() == ["Black", "White"]
