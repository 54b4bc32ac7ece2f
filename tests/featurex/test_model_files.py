import io
import json
import os
import pickle
import zipfile
from dataclasses import replace

import numpy as np
import pytest
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors

from featurex.exceptions import ModelError
from featurex.face_table import FaceTable
from featurex.fitting import fit_models
from featurex.manifest import Manifest
from featurex.model_files import load_model, save_model
from featurex.models import ModelOptions
from featurex.networks import get_network
from featurex.tasks import AGE, AGE_GROUP, GENDER, choose_tasks
from pipelines import persistence, random_forest

OPTIONS = ModelOptions("tiny", epochs=1, batch_size=16, device="cpu", n_jobs=1)
ROWS = np.arange(70)


@pytest.fixture(scope="module")
def fit(colour_faces, tiny):
    """Fit a model for some tasks, each kind once."""
    fitted = {}

    def fit(model, *tasks):
        key = (model, *tasks)
        if key not in fitted:
            fitted[key] = fit_models(colour_faces, tasks, model, OPTIONS)
        return fitted[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(random_forest, "TREES", 10)
        yield fit


@pytest.fixture
def svm_file(fit, tmp_path):
    save_model(tmp_path / "svm.featurex", *fit("svm", GENDER))
    return tmp_path / "svm.featurex"


@pytest.fixture
def network_file(fit, tmp_path):
    save_model(tmp_path / "net.featurex", *fit("finetuned", GENDER, AGE))
    return tmp_path / "net.featurex"


def rewrite_metadata(path, change):
    """Change a model file's metadata, as somebody with an editor could."""
    data = path.read_bytes()
    if data[:2] == b"PK":
        with zipfile.ZipFile(path) as old:
            members = {name: old.read(name) for name in old.namelist()}
        header = json.loads(members["header.json"])
        members["header.json"] = json.dumps(change_copy(header, change)).encode()
        with zipfile.ZipFile(path, "w") as new:
            for name, content in members.items():
                new.writestr(name, content)
        return
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    text = header["__metadata__"]
    whole = {"version": text["version"], "metadata": json.loads(text["metadata"])}
    changed = change_copy(whole, change)
    text |= {"version": changed["version"], "metadata": json.dumps(changed["metadata"])}
    new = json.dumps(header).encode()
    path.write_bytes(len(new).to_bytes(8, "little") + new + data[8 + length :])


def change_copy(header, change):
    change(header)
    return header


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


def is_refused(path, *words):
    with pytest.raises(ModelError) as caught:
        load_model(path)
    message = str(caught.value)
    assert "\n" not in message
    assert path.name in message
    for word in words:
        assert word in message
    return True


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    assert is_refused(tmp_path / "none.featurex", "No such file")
    assert is_refused(tmp_path, "directory")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_a_named_pipe_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    assert is_refused(tmp_path / "pipe", "regular file")


def foreign_zip():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("hello.txt", "hello")
    return buffer.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"PK\x03\x04",
        b"not a model at all",
        pickle.dumps({"gender": print}),
        foreign_zip(),
        save_tensors({"x": np.zeros(3, np.float32)}),
        save_tensors({"x": np.zeros(3, np.float32)}, {"format": "pt"}),
        (2**63).to_bytes(8, "little") + b"{}",
        (2).to_bytes(8, "little") + b"[]",
        (100_000).to_bytes(8, "little") + b"[" * 100_000,
    ],
    ids=[
        *("empty", "zip's first bytes", "text", "pickle", "zip", "safetensors", "of torch"),
        *("endless header", "header of a list", "deep header"),
    ],
)
def test_files_from_elsewhere_are_refused(content, tmp_path):
    path = tmp_path / "foreign.featurex"
    path.write_bytes(content)
    assert is_refused(path)


@pytest.mark.parametrize("kind", ["svm_file", "network_file"])
@pytest.mark.parametrize("share", [0.02, 0.5, 0.999])
def test_truncated_files_are_refused(kind, share, request):
    path = request.getfixturevalue(kind)
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    assert is_refused(path)


@pytest.mark.parametrize("kind", ["svm_file", "network_file"])
def test_another_version_is_refused(kind, request):
    path = request.getfixturevalue(kind)
    rewrite_metadata(path, lambda header: header.update(version="99"))
    assert is_refused(path, "version", "99")


def put(*keys, value):
    """Return a change of the metadata: the value at the end of a path of keys."""

    def change(header):
        inner = header["metadata"]
        for key in keys[:-1]:
            inner = inner[key]
        inner[keys[-1]] = value

    change.__name__ = f"{'.'.join(keys)}={value!r}"
    return change


HOSTILE = [
    put("input", value="chips and embeddings"),
    put("input", value=["chips"]),
    put("aligner", value=None),
    put("embedding", value={"precision": 16, "mirror": False}),
    put("backbone", value="tiny"),
    put("backbone", "name", value=7),
    put("backbone", "chip_size", value="16"),
    put("backbone", "padding", value=[]),
    put("backbone", "settings", value=None),
    put("notes", value="a note"),
    put("notes", value=[{"a": 1}]),
    put("training", value=[]),
    put("training", value={}),
    put("training", value={"hat": {}}),
    put("training", "gender", value=0.5),
    put("training", "gender", "inner_mean_absolute_error_years", value="5"),
]


@pytest.mark.parametrize("kind", ["svm_file", "network_file"])
@pytest.mark.parametrize("change", HOSTILE, ids=lambda change: change.__name__)
def test_metadata_of_other_types_is_refused(kind, change, request, tiny):
    path = request.getfixturevalue(kind)
    load_model(path)
    rewrite_metadata(path, change)
    assert is_refused(path)


@pytest.mark.parametrize(
    "change",
    [
        put("networks", value=None),
        put("networks", value=["gender", "age"]),
        put("networks", "gender", value=None),
        put("networks", "hat", value={"network": "finetuned", "heads": {}, "classes": []}),
        put("networks", "gender", "network", value="os"),
        put("networks", "gender", "network", value="levi-hassner.."),
        put("networks", "gender", "network", value=None),
        put("networks", "gender", "heads", value={"gender": 3}),
        put("networks", "gender", "heads", value={"gender": 2, "age": 101}),
        put("networks", "gender", "heads", value={"gender": 2, "a.b": 3}),
        put("networks", "gender", "heads", value={"gender": 2, "x": 10**12}),
        put("networks", "gender", "heads", value=[2]),
        put("networks", "age", "age_answer", value="mode"),
        put("networks", "age", "age_answer", value=["mean"]),
        put("networks", "gender", "classes", value=["female"]),
        put("networks", "gender", "classes", value="fm"),
        put("networks", "gender", "classes", value=["left", "right"]),
        put("networks", "gender", "classes", value=[["female"], ["male"]]),
        put("networks", "gender", "classes", value=[]),
        put("networks", "age", "classes", value=["female", "male"]),
        put("backbone", "name", value="../../etc"),
        put("backbone", "name", value="dlib-resnet"),
    ],
    ids=lambda change: change.__name__,
)
def test_networks_of_other_classes_or_trunks_are_refused(change, network_file, tiny):
    rewrite_metadata(network_file, change)
    assert is_refused(network_file)


def test_an_estimator_of_another_task_is_refused(fit, tmp_path):
    """A model of age groups that says it is one of gender."""
    estimators, metadata = fit("majority", AGE_GROUP)
    path = tmp_path / "wrong.featurex"
    renamed = {"gender": estimators["age-group"].estimator_}
    persistence.save(path, renamed, metadata | {"training": {"gender": {}}})
    assert is_refused(path, "not a model of faces")


def test_a_regressor_of_classes_is_refused(fit, tmp_path):
    estimators, metadata = fit("majority", AGE)
    path = tmp_path / "wrong.featurex"
    renamed = {"gender": estimators["age"].estimator_}
    persistence.save(path, renamed, metadata | {"training": {"gender": {}}})
    assert is_refused(path, "not a model of faces")


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
