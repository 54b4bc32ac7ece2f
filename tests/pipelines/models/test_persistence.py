import contextlib
import io
import json
import zipfile

import numpy as np
import pytest
import skops.io
from sklearn.linear_model import LinearRegression
from sklearn.preprocessing import FunctionTransformer

from pipelines import MODELS, ModelFileError, TunedClassifier, TunedRegressor, persistence


@pytest.fixture(scope="module")
def fitted(small_families, people):
    models = {}
    for name, family in small_families.items():
        classifier = TunedClassifier(family).fit(people.X, people.age_group, people.subjects)
        regressor = TunedRegressor(family).fit(people.X, people.age, people.subjects)
        models |= {f"{name}-class": classifier.estimator_, f"{name}-years": regressor.estimator_}
    return models


@pytest.fixture
def model_file(fitted, tmp_path):
    path = tmp_path / "model.skops"
    persistence.save(path, {"svm": fitted["svm-class"]}, {"task": "age-group"})
    return path


def rewrite(path, change):
    """Change the members of a model file: change takes and returns a dict of bytes."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in change(members).items():
            archive.writestr(name, content)


def change_json(name, change):
    def changed(members):
        value = json.loads(members[name])
        return {**members, name: json.dumps(change(value) or value)}

    return changed


@pytest.mark.parametrize("name", list(MODELS))
@pytest.mark.parametrize("kind", ["class", "years"])
def test_every_family_predicts_the_same_after_a_round_trip(fitted, people, tmp_path, name, kind):
    model = fitted[f"{name}-{kind}"]
    persistence.save(tmp_path / "m", {"it": model}, {})
    again = persistence.load(tmp_path / "m")[0]["it"]
    assert np.array_equal(again.predict(people.X), model.predict(people.X))
    if kind == "class":
        assert np.array_equal(again.predict_proba(people.X), model.predict_proba(people.X))


def test_metadata_comes_back(fitted, tmp_path):
    metadata = {"tasks": ["gender", "é"], "years": [1.5, None], "deep": {"seed": 0}}
    names = ["svm-class", "mlp-years"]
    persistence.save(tmp_path / "m", {name: fitted[name] for name in names}, metadata)
    estimators, again = persistence.load(tmp_path / "m")
    assert list(estimators) == names
    assert again == metadata
    assert [path.name for path in tmp_path.iterdir()] == ["m"]


def test_a_failed_save_leaves_the_old_file(model_file, fitted, monkeypatch):
    before = model_file.read_bytes()

    def fail(descriptor):
        raise OSError("disk full")

    monkeypatch.setattr(persistence.os, "fsync", fail)
    with pytest.raises(OSError, match="disk full"):
        persistence.save(model_file, {"m": fitted["majority-class"]}, {})
    assert model_file.read_bytes() == before
    assert len(list(model_file.parent.iterdir())) == 1


@pytest.mark.parametrize(
    ("estimators", "metadata", "message"),
    [
        ({}, {}, "no estimators"),
        ({"m": TunedClassifier()}, {}, "TunedClassifier.*estimator_"),
        ({"m": LinearRegression()}, {}, "LinearRegression"),
        ({"m": FunctionTransformer(np.log)}, {}, "numpy.log"),
    ],
)
def test_what_could_not_be_loaded_is_not_saved(tmp_path, estimators, metadata, message):
    with pytest.raises(ValueError, match=message):
        persistence.save(tmp_path / "m", estimators, metadata)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("value", [object(), float("nan")])
def test_metadata_that_is_no_json_is_refused(fitted, tmp_path, value):
    with pytest.raises(ValueError, match="JSON"):
        persistence.save(tmp_path / "m", {"m": fitted["svm-class"]}, {"a": value})


def one_line(error, path):
    text = str(error.value)
    return str(path) in text and "\n" not in text


@pytest.mark.parametrize("content", [None, b"", b"not a zip", b"PK\x03\x04" + bytes(100)])
def test_what_is_no_zip_is_one_line(tmp_path, content):
    path = tmp_path / "m"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ModelFileError) as error:
        persistence.load(path)
    assert one_line(error, path)


def test_a_file_cut_anywhere_or_with_a_flipped_byte_never_gives_another_model(model_file, people):
    content = model_file.read_bytes()
    expected = persistence.load(model_file)[0]["svm"].predict_proba(people.X)
    rng = np.random.default_rng(0)
    for place in rng.integers(0, len(content), 40):
        flipped = bytearray(content)
        flipped[place] ^= 0xFF
        for damaged in (content[:place], bytes(flipped)):
            model_file.write_bytes(damaged)
            # A byte that says nothing, such as a date, may well be another.
            with contextlib.suppress(ModelFileError):
                model = persistence.load(model_file)[0]["svm"]
                assert np.array_equal(model.predict_proba(people.X), expected)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda members: {"a": b"b"}, "no header.json"),
        (lambda members: {k: v for k, v in members.items() if k != "schema.json"}, "schema.json"),
        (change_json("header.json", lambda header: [1]), "not a model file of this program"),
        (change_json("header.json", lambda h: h | {"format": "x"}), "not a model file of this"),
        (change_json("header.json", lambda h: h | {"version": 2}), "format version 2"),
        (change_json("header.json", lambda h: h | {"metadata": 3}), "not a JSON object"),
        (lambda members: members | {"header.json": b"{"}, "is damaged"),
        (lambda members: members | {"schema.json": b"[" * 100_000}, "is damaged"),
        (lambda members: members | {"schema.json": b"{}"}, "is damaged"),
    ],
)
def test_a_file_with_other_content_is_named(model_file, change, message):
    rewrite(model_file, change)
    with pytest.raises(ModelFileError, match=message) as error:
        persistence.load(model_file)
    assert one_line(error, model_file)


@pytest.mark.parametrize(
    "hostile", [FunctionTransformer(print), LinearRegression(), np.log, io.StringIO.write]
)
def test_types_off_the_list_are_named_and_not_built(model_file, hostile):
    other = skops.io.dumps({"svm": [hostile]})
    with zipfile.ZipFile(io.BytesIO(other)) as archive:
        schema = archive.read("schema.json")
    rewrite(model_file, lambda members: members | {"schema.json": schema})
    with pytest.raises(ModelFileError, match="holds types that a model file may not") as error:
        persistence.load(model_file)
    assert one_line(error, model_file)


@pytest.mark.parametrize("loader", ["FunctionNode", "MethodNode", "OperatorFuncNode", None])
def test_ways_to_build_off_the_list_are_refused(model_file, loader):
    rewrite(
        model_file,
        change_json("schema.json", lambda schema: schema | {"__loader__": loader}),
    )
    with pytest.raises(ModelFileError, match="may not"):
        persistence.load(model_file)


@pytest.mark.parametrize(("limit", "value"), [("MAX_BYTES", 1000), ("MAX_MEMBERS", 2)])
def test_a_file_that_unpacks_to_too_much_is_refused(model_file, monkeypatch, limit, value):
    monkeypatch.setattr(persistence, limit, value)
    with pytest.raises(ModelFileError, match="The limits are") as error:
        persistence.load(model_file)
    assert one_line(error, model_file)


def test_text_above_its_limit_is_refused(model_file, monkeypatch):
    monkeypatch.setattr(persistence, "MAX_TEXT_BYTES", 10)
    with pytest.raises(ModelFileError, match="larger than 10 bytes"):
        persistence.load(model_file)
