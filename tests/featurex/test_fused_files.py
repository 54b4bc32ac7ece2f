import io
import os
import tempfile
import zipfile

import numpy as np
import pytest

from featurex import fused_files
from featurex.exceptions import ModelError
from featurex.fitting import fit_models
from featurex.fused_files import is_fused, pack, unpack
from featurex.model_files import load_model, save_model
from featurex.models import ModelOptions
from featurex.tasks import AGE, GENDER
from pipelines import persistence

OPTIONS = ModelOptions("tiny", epochs=1, batch_size=16, device="cpu", n_jobs=1)
CONTENTS = (b"one", b"another one", b"")


@pytest.fixture
def sources(tmp_path):
    """Three small files that could be models."""
    folder = tmp_path / "sources"
    folder.mkdir()
    for number, content in enumerate(CONTENTS):
        (folder / f"{number}").write_bytes(content)
    return sorted(folder.iterdir())


@pytest.fixture
def packed(sources, tmp_path):
    pack(tmp_path / "packed", sources)
    return tmp_path / "packed"


@pytest.fixture
def refused(tmp_path):
    """Return a function that tells whether bytes are refused, and nothing is written elsewhere."""
    folder, path = tmp_path / "deep" / "inside", tmp_path / "changed"
    folder.mkdir(parents=True)

    def refused(content):
        path.write_bytes(content)
        for left in folder.iterdir():
            left.unlink()
        before = set(tmp_path.rglob("*"))
        try:
            unpack(path, folder)
        except ModelError as error:
            after = {each for each in tmp_path.rglob("*") if each.parent != folder}
            return str(error).startswith(str(path)) and after == before
        return False

    return refused


def test_parts_come_back(packed, sources, tmp_path):
    parts = unpack(packed, tmp_path / "sources")
    assert [part.read_bytes() for part in parts] == list(CONTENTS)
    assert is_fused(packed)
    assert not is_fused(sources[0])


def test_pythons_zipfile_agrees(packed):
    with zipfile.ZipFile(packed) as archive:
        assert archive.testzip() is None
        assert archive.namelist()[1:] == [f"part-0{n}.featurex" for n in (1, 2, 3)]
        assert tuple(archive.read(name) for name in archive.namelist()[1:]) == CONTENTS
        assert {member.compress_type for member in archive.infolist()} == {zipfile.ZIP_STORED}


def test_equal_parts_make_equal_files(packed, sources, tmp_path):
    pack(tmp_path / "again", sources)
    assert (tmp_path / "again").read_bytes() == packed.read_bytes()
    assert {path.name for path in tmp_path.iterdir()} == {"again", "packed", "sources"}


def test_cut_off_anywhere_it_is_refused(packed, refused):
    content = packed.read_bytes()
    assert not refused(content)
    assert all(refused(content[:length]) for length in range(len(content)))


def test_a_changed_byte_anywhere_is_refused(packed, refused):
    content = packed.read_bytes()
    for place in range(len(content)):
        for flip in (0x01, 0xFF):
            changed = bytearray(content)
            changed[place] ^= flip
            assert refused(bytes(changed)), place


@pytest.mark.parametrize("more", [b"\0", b"PK\3\4", b"PK\5\6" + 18 * b"\0", 70_000 * b"x"])
def test_bytes_before_or_behind_are_refused(packed, refused, more):
    content = packed.read_bytes()
    assert refused(content + more)
    assert refused(more + content)
    assert refused(content + content)


@pytest.mark.parametrize("name", [b"../../../etc/pas", b"/tmp/part.featur", b"part-02.featurex"])
def test_no_other_name_is_followed(packed, refused, name):
    assert len(name) == len(b"part-01.featurex")
    assert refused(packed.read_bytes().replace(b"part-01.featurex", name))


def test_a_part_that_is_missing_or_one_too_many_is_refused(sources, refused, monkeypatch, tmp_path):
    monkeypatch.setattr(fused_files, "_check_parts", lambda *args: None)
    for parts in ([], sources[:1]):
        pack(tmp_path / "few", parts)
        assert refused((tmp_path / "few").read_bytes())
    monkeypatch.setattr(
        fused_files, "_PART_NAMES", [f"part-{n:02d}.featurex" for n in range(1, 60)]
    )
    pack(tmp_path / "many", sources * 11)
    monkeypatch.undo()
    assert refused((tmp_path / "many").read_bytes())


def by_zipfile(compression, part):
    """What another program would write from the same members."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        header = zipfile.ZipInfo("average.json")
        archive.writestr(header, fused_files._HEADER, zipfile.ZIP_STORED)
        for number in (1, 2):
            archive.writestr(f"part-0{number}.featurex", part)
    return buffer.getvalue()


def test_nothing_is_inflated(refused):
    """20 MB of zeros in 20 kB."""
    bomb = by_zipfile(zipfile.ZIP_DEFLATED, bytes(20_000_000))
    assert len(bomb) < 100_000
    assert refused(bomb)
    assert refused(by_zipfile(zipfile.ZIP_STORED, b"one"))


def test_a_length_beyond_the_files_end_is_refused_before_it_is_read(packed, refused, monkeypatch):
    content = bytearray(packed.read_bytes())
    local = content.index(b"part-01.featurex") - 30
    content[local + 18 : local + 26] = 8 * b"\xfe"
    monkeypatch.setattr(fused_files, "_copy", lambda *args: pytest.fail("it was read"))
    assert refused(bytes(content))


def test_a_file_that_is_too_large_is_refused(packed, tmp_path, monkeypatch):
    monkeypatch.setattr(fused_files, "MAX_BYTES", 100)
    with pytest.raises(OSError, match="Larger than 100 bytes"):
        unpack(packed, tmp_path)


def test_what_does_not_fit_is_not_packed(sources, tmp_path, monkeypatch):
    for parts in (sources[:1], sources * 11):
        with pytest.raises(ModelError, match=f"can hold 2 to 32 models. Got {len(parts)}"):
            pack(tmp_path / "m", parts)
    monkeypatch.setattr(fused_files, "MAX_BYTES", fused_files._BLOCK + 13)
    with pytest.raises(ModelError, match="The parts have 14 bytes, more than"):
        pack(tmp_path / "m", sources)
    assert [path.name for path in tmp_path.iterdir()] == ["sources"]


def test_a_failure_leaves_the_old_file(packed, sources, tmp_path, monkeypatch):
    def full(*args):
        raise OSError(28, "No space left on device")

    before = packed.read_bytes()
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        pack(packed, sources[:2])
    assert packed.read_bytes() == before
    assert {path.name for path in tmp_path.iterdir()} == {"packed", "sources"}


# Whole models from here on.


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
