"""What a user can meet: one line on stderr, exit code 1, and no file touched."""

import shutil

import pytest


@pytest.fixture
def data(people_csv, cache, tmp_path):
    """Return the words of a command that would work, to be spoilt by others."""

    def words(command, *more):
        to = {"fit": ("--out", tmp_path / "m"), "compare": ("--out", tmp_path / "out")}
        return (command, "csv", people_csv, "--cache", cache, *to.get(command, ()), *more)

    return words


@pytest.mark.parametrize("command", ["extract", "fit", "compare"])
@pytest.mark.parametrize(
    ("dataset", "root", "message"),
    [
        ("utkface", "none", "none"),
        ("csv", "none.csv", "can't be read: No such file"),
        ("folder", "none", "none"),
        ("utkface", None, "needs the folder or file"),
        ("nothing", ".", "Unknown data set 'nothing'. The data sets are: people"),
    ],
)
def test_a_data_set_that_is_not_there(fails, command, dataset, root, message, tmp_path):
    roots = [] if root is None else [tmp_path / root]
    assert message in fails(command, dataset, *roots, "--cache", tmp_path / "cache")
    assert not (tmp_path / "cache").exists()


def test_one_unknown_backbone_of_several_makes_no_cache(fails, people_csv, tmp_path):
    backbones = ("--backbone", "dlib-resnet", "--backbone", "nothing")
    line = fails("extract", "csv", people_csv, "--cache", tmp_path / "cache", *backbones)
    assert "nothing" in line
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize("command", ["extract", "fit", "compare"])
def test_a_csv_file_without_paths(fails, command, tmp_path):
    (tmp_path / "list.csv").write_text("photo,gender\na.jpg,male\n")
    line = fails(command, "csv", tmp_path / "list.csv", "--cache", tmp_path / "cache")
    assert "has no column 'path'. Found the columns: photo, gender" in line


@pytest.mark.parametrize("command", ["fit", "compare"])
def test_data_without_labels(fails, command, photos, tmp_path):
    shutil.copy(photos[0], tmp_path / "a.jpg")
    (tmp_path / "list.csv").write_text("path,subject_id\na.jpg,ann\n")
    line = fails(command, "csv", tmp_path / "list.csv", "--cache", tmp_path / "cache")
    assert "label" in line


@pytest.mark.parametrize("command", ["fit", "compare"])
@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--task", "hat"), "Unknown task 'hat'"),
        (("--model", "hat"), "Unknown model 'hat'. The models are svm"),
        (("--backbone", "hat"), "There is no backbone 'hat'"),
        (("--backbone", "../hat"), "A backbone is named NAME[@WEIGHTS][:LAYER]"),
        (("--backbone", "dlib-resnet:hat"), "no layer 'hat'"),
        (("--weights", "/none/weights.dat"), "/none/weights.dat does not exist"),
        (("--detector", "hat"), "Unknown detector 'hat'. The detectors are dlib-hog, dlib-cnn"),
        (("--device", "hat"), "must be auto, cpu, cuda or cuda:N"),
        (("--age-policy", "hat"), "hat"),
        (("--photos", "faces"), "no option 'photos'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_names_that_are_not_known(fails, data, command, words, message):
    assert message in fails(*data(command, *words))


@pytest.mark.parametrize("command", ["extract", "fit", "compare"])
def test_a_gpu_that_is_not_there(fails, data, command, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert "The device 'cuda' was asked for" in fails(*data(command, "--device", "cuda"))


def test_a_protocol_that_does_not_fit(fails, data):
    assert "Unknown protocol 'hat'" in fails(*data("compare", "--protocol", "hat"))
    assert "needs a fold for every row" in fails(*data("compare", "--protocol", "official"))
    share = ("--protocol", "random", "--test-share", 0.3)
    assert "Only the protocol 'holdout' takes a test share" in fails(*data("compare", *share))
    for protocol in ("official", "holdout", "leave-one-subject-out"):
        line = fails(*data("compare", "--protocol", protocol, "--folds", 3))
        assert f"Got 3 and '{protocol}', which makes its own" in line
    alone = ("--protocol", "leave-one-subject-out", "--repeats", 2)
    assert "can't be repeated. Those of subject, holdout" in fails(*data("compare", *alone))
    assert "13 folds need at least 13 subjects" in fails(*data("compare", "--folds", 13))


@pytest.mark.parametrize("command", ["fit", "compare"])
def test_a_place_that_can_not_be_written_is_known_before_the_work(
    fails, data, command, tmp_path, monkeypatch
):
    (tmp_path / "file").touch()
    monkeypatch.setattr("featurex.cli.stages.run_extraction", lambda *args: pytest.fail("worked"))
    assert "file" in fails(*data(command), "--out", tmp_path / "file" / "out")


def test_a_model_is_no_folder(fails, data, tmp_path):
    assert "is a folder: name the model's file" in fails(*data("fit"), "--out", tmp_path)


def test_a_cache_that_is_a_file(fails, data, tmp_path):
    (tmp_path / "cache").touch()
    assert "cache" in fails(*data("extract"), "--cache", tmp_path / "cache")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--protocol", "hat"), "Unknown protocol 'hat'"),
        (("--audit", "none", "--report", "none"), "findings.csv"),
        (("--audit", "none"), "name its folder by --report"),
        (("--show-faces",), "name its folder by --report"),
    ],
)
def test_a_wrong_word_is_told_before_the_work(fails, people_csv, tmp_path, words, message):
    out = tmp_path / "out"
    words = ("--cache", tmp_path / "cache", "--out", out, *words)
    assert message in fails("compare", "csv", people_csv, *words)
    assert not list(tmp_path.iterdir())
