import io
import json
import os
import pickle
import zipfile

import numpy as np
import pytest
from safetensors.numpy import save as save_tensors

from featurex.exceptions import ModelError
from featurex.saved_models.files import load_model
from featurex.tasks import AGE, AGE_GROUP
from pipelines import persistence


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
