from dataclasses import replace
from pathlib import Path

import pytest

from featurex import FaceEmbedder, Predictor, compare, fit
from featurex.models.options import ModelOptions
from featurex.workflows import fit_job, fitting
from featurex.workflows.fit_job import AskedFit


@pytest.fixture
def given(data, embedder):
    return {"data": data, "embedder": embedder, "tasks": ["gender"], "n_jobs": 1}


def test_it_gives_what_the_command_gives(given, command, tmp_path):
    theirs = tmp_path / "theirs.featurex"
    command("fit", "--task", "gender", "--folds", 3, "--out", theirs)
    fitted = fit(**given, n_folds=3, out=tmp_path / "ours.featurex")
    assert fitted.card.is_file()
    photos = given["data"].table["path"].tolist()[:5]
    ours, others = (Predictor.load(path, device="cpu") for path in (fitted.file, theirs))
    assert ours.predict(photos) == others.predict(photos)
    scores = fitted.measured.comparison.table["accuracy_pooled"]
    assert f"{100 * scores[0]:.1f}" in fitted.card.read_text(encoding="utf-8")


def test_scores_come_from_a_comparison(given, tmp_path):
    compare(**given, models=["svm"], n_folds=4, out=tmp_path / "comparison")
    fitted = fit(**given, out=tmp_path / "svm.featurex", comparison=tmp_path / "comparison")
    assert fitted.measured.n_folds == 4


def test_nothing_is_measured_where_that_is_asked(given, tmp_path):
    fitted = fit(**given, model="majority", out=tmp_path / "m.featurex", evaluate=False)
    assert fitted.measured is None
    assert "Nothing was measured" in fitted.card.read_text(encoding="utf-8")


@pytest.mark.parametrize("accuracy", [0.6, {"gender": 0.6}])
def test_a_model_may_decline_to_answer(given, tmp_path, accuracy):
    fitted = fit(**given, n_folds=3, out=tmp_path / "m.featurex", reject_below=accuracy)
    assert set(fitted.metadata["reject"]["tasks"]) == {"gender"}


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"model": "cnn"}, "Unknown model 'cnn'"),
        ({"reject_below": 0.9, "evaluate": False}, "needs scores"),
        ({"reject_below": {"age": 0.9}}, "no task with classes"),
        ({"reject_below": 1.5}, "1.5"),
        ({"n_folds": 3, "comparison": "there"}, "there"),
        ({"n_folds": 99}, "99 folds"),
    ],
)
def test_what_does_not_fit_is_told(given, tmp_path, wrong, message):
    with pytest.raises(Exception, match=message):
        fit(**given | wrong, out=tmp_path / "m.featurex")


def test_the_comparison_has_its_folds(given, tmp_path):
    compare(**given, models=["majority"], n_folds=3, out=tmp_path / "comparison")
    with pytest.raises(ValueError, match="leave --folds out"):
        fit(
            **given,
            model="majority",
            n_folds=3,
            comparison=tmp_path / "comparison",
            out=tmp_path / "m.featurex",
        )


def test_a_class_of_one_person_is_refused_before_it_is_measured(given, tmp_path):
    table = given["data"].table
    man = table.loc[table["gender"] == "male", "subject_id"].iloc[0]
    kept = table[(table["gender"] == "female") | (table["subject_id"] == man)]
    one_man = replace(given["data"], table=kept.reset_index(drop=True))
    with pytest.raises(ValueError, match="one person only of 'male'"):
        fit(**given | {"data": one_man}, out=tmp_path / "m.featurex", on_step=pytest.fail)


def test_a_folder_is_no_file(given, tmp_path):
    with pytest.raises(ValueError, match="is a folder"):
        fit(**given, out=tmp_path)


class Asked(Exception):
    """Raised in place of the work, with what was asked."""


@pytest.mark.parametrize(
    ("words", "asked"),
    [
        ({"n_folds": 3, "reject_below": 0.9}, {"n_folds": 3, "reject_below": ["0.9"]}),
        (
            {"evaluate": False, "comparison": "run", "reject_below": {"gender": 0.9}},
            {"evaluate": False, "comparison": Path("run"), "reject_below": ["gender=0.9"]},
        ),
    ],
    ids=["folds", "comparison"],
)
def test_every_word_is_passed_on(data, tmp_path, monkeypatch, words, asked):
    def job(*given):
        raise Asked(*given)

    monkeypatch.setattr(fitting, "FitJob", job)
    monkeypatch.setattr(fit_job, "read_comparison", lambda folder: {})
    embedder = FaceEmbedder("tiny", weights=tmp_path / "w.dat", device="cpu")
    training = {"epochs": 3, "batch_size": 8, "train": "mirror=0", "n_jobs": 2, "random_state": 5}
    given = {"out": str(tmp_path / "m"), "tasks": "gender", "embedder": embedder}
    with pytest.raises(Asked) as raised:
        fit(data, "mlp", **given, **training, **words)
    options = ModelOptions("tiny", str(tmp_path / "w.dat"), 3, 8, "cpu", 5, 2, ("mirror=0",))
    expected = AskedFit("mlp", tmp_path / "m", ("gender",), options=options, **asked)
    assert raised.value.args == (expected, data, embedder.open)


def test_a_licence_is_told(given, embedder, tmp_path, monkeypatch):
    backbone = type(embedder.open().backbone)
    monkeypatch.setattr(backbone, "notice", "Not for sale.", raising=False)
    with pytest.warns(UserWarning, match="Not for sale"):
        fit(**given, model="majority", out=tmp_path / "m.featurex", evaluate=False)


def test_a_path_is_no_data_set(given, tmp_path):
    with pytest.raises(ValueError, match=r"read_dataset.*Got str: 'labels.csv'"):
        fit(**given | {"data": "labels.csv"}, out=tmp_path / "m.featurex")
