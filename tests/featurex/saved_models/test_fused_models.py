import tempfile

import numpy as np
import pytest

from featurex.exceptions import ModelError
from featurex.models.options import ModelOptions
from featurex.saved_models.files import load_model, save_model
from featurex.saved_models.fitting import fit_models
from featurex.saved_models.fused_files import pack
from featurex.tasks import AGE, GENDER
from pipelines import persistence

OPTIONS = ModelOptions("tiny", epochs=1, batch_size=16, device="cpu", n_jobs=1)


@pytest.fixture(scope="module")
def fitted(colour_faces, tiny):
    """An SVM and a network on their own, for two tasks."""
    return {
        model: fit_models(colour_faces, [GENDER, AGE], model, OPTIONS)
        for model in ("svm", "finetuned")
    }


@pytest.fixture(scope="module")
def average(colour_faces, tiny):
    return fit_models(colour_faces, [GENDER, AGE], "svm+finetuned", OPTIONS)


@pytest.fixture(autouse=True)
def temporary(tmp_path_factory, monkeypatch):
    """Where parts are unpacked; it is left empty whatever happens."""
    folder = tmp_path_factory.mktemp("temporary")
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield
    assert list(folder.iterdir()) == []


@pytest.fixture
def fused(fitted, tmp_path):
    """Return a function that packs an SVM and a network, their metadata changed."""

    def fused(svm=None, finetuned=None, tasks=None):
        parts = []
        for name, change in (("svm", svm), ("finetuned", finetuned)):
            estimators, metadata = fitted[name]
            if tasks and name == "svm":
                estimators = {task: estimators[task] for task in tasks}
                training = {task: metadata["training"][task] for task in tasks}
                metadata = metadata | {"training": training}
            parts.append(tmp_path / f"{name}.part")
            save_model(parts[-1], estimators, metadata | (change or {}))
        pack(tmp_path / "fused.featurex", parts)
        return tmp_path / "fused.featurex"

    return fused


def is_refused(path, *words):
    with pytest.raises(ModelError) as caught:
        load_model(path)
    message = str(caught.value)
    assert message.startswith(str(path))
    assert "\n" not in message
    assert "temporary" not in message
    for word in words:
        assert word in message
    return True


def inputs(faces):
    rows = np.arange(len(faces.table))
    return {"chips": faces.features("finetuned", rows), "embeddings": faces.features("svm", rows)}


def test_a_round_trip_gives_equal_predictions(average, colour_faces, tmp_path):
    estimators, metadata = average
    path = tmp_path / "ein modell.featurex"
    save_model(path, estimators, metadata)
    assert list(tmp_path.iterdir()) == [path]
    loaded, said = load_model(path)
    for part, told in zip(metadata["parts"], said.pop("parts"), strict=True):
        assert {key: told[key] for key in part} == part
    assert said == {key: value for key, value in metadata.items() if key != "parts"}
    faces = inputs(colour_faces)
    assert list(loaded) == ["gender", "age"]
    for task, estimator in estimators.items():
        np.testing.assert_array_equal(loaded[task].predict(faces), estimator.predict(faces))
    expected = estimators["gender"].predict_proba(faces)
    np.testing.assert_array_equal(loaded["gender"].predict_proba(faces), expected)


def test_equal_parts_packed_by_hand_are_the_same_model(fused, average, colour_faces):
    loaded, metadata = load_model(fused())
    assert metadata["model"] == "svm+finetuned"
    faces = inputs(colour_faces)
    expected = average[0]["gender"].predict_proba(faces)
    np.testing.assert_allclose(loaded["gender"].predict_proba(faces), expected, rtol=1e-12)


def test_a_folder_that_is_not_there_is_an_error(average, tmp_path):
    path = tmp_path / "no" / "m.featurex"
    with pytest.raises(ModelError, match=r"Can't write the model file .*m\.featurex: No such file"):
        save_model(path, *average)


@pytest.mark.parametrize("share", [0.001, 0.2, 0.5, 0.9, 0.999])
def test_a_truncated_model_is_refused(fused, share):
    path = fused()
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with pytest.raises(ModelError, match=r"fused\.featurex"):
        load_model(path)


def test_a_model_without_its_last_byte_or_with_one_more_is_refused(fused):
    path = fused()
    content = path.read_bytes()
    for changed in (content[:-1], content + b"\0"):
        path.write_bytes(changed)
        assert is_refused(path, "does not end where its parts end")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"backbone": {"name": "b", "chip_size": 16, "padding": 0, "settings": {}}}, "backbone"),
        ({"aligner": {"detector": "hog+cnn"}}, "aligner"),
        ({"embedding": {"precision": "float32", "mirror": True}}, "embedding"),
        ({"dataset": "others"}, "dataset"),
        ({"notes": ["Another note."]}, "notes"),
        ({"model": "finetuned"}, "names of their own"),
        ({"model": ["svm"]}, "names of their own"),
    ],
)
def test_parts_that_do_not_belong_together_are_refused(fused, change, words):
    assert is_refused(fused(svm=change), words)


def test_parts_of_other_tasks_are_refused(fused):
    assert is_refused(fused(tasks=["age"]), "differ in tasks")


def test_a_part_that_is_no_model_is_named(fused, tmp_path):
    fused()
    (tmp_path / "text").write_bytes(b"no model")
    pack(tmp_path / "bad", [tmp_path / "svm.part", tmp_path / "text"])
    assert is_refused(tmp_path / "bad", "part-02.featurex is not a model file")


def test_an_average_of_averages_is_refused(fused, tmp_path):
    path = fused()
    pack(tmp_path / "nested", [path, tmp_path / "svm.part"])
    assert is_refused(tmp_path / "nested", "can't hold another average")


def test_a_part_that_unpacks_to_too_much_is_refused(fused, monkeypatch):
    path = fused()
    monkeypatch.setattr(persistence, "MAX_BYTES", 1000)
    assert is_refused(path, "part-01.featurex unpacks to", "The limits are 1000 bytes")
