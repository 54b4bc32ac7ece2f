import json

import pandas as pd
import pytest

from featurex import FaceEmbedder, compare, read_dataset
from featurex.models.options import ModelOptions
from featurex.workflows import comparing, comparison_job
from featurex.workflows.comparison_job import AskedComparison
from pipelines import predictions

GENDER = {"tasks": ["gender"], "n_folds": 3, "n_jobs": 1}


def test_it_gives_what_the_command_gives(data, embedder, command, tmp_path):
    words = ("--task", "gender", "--folds", 3, "--model", "svm", "--model", "majority")
    command("compare", *words, "--out", tmp_path / "command")
    out = tmp_path / "function"
    result = compare(data, ["svm", "majority"], embedder=embedder, out=out, **GENDER)
    theirs = predictions.read(tmp_path / "command" / "predictions.csv")
    pd.testing.assert_frame_equal(predictions.read(out / "predictions.csv"), theirs)
    assert {path.name for path in out.iterdir()} == {
        path.name for path in (tmp_path / "command").iterdir()
    }
    assert json.loads((out / "run.json").read_text())["command"] == []
    assert "svm" in str(result)
    assert "<table>" in result._repr_html_()


def test_one_word_may_stand_alone(data, embedder):
    result = compare(data, "majority", embedder=embedder, tasks="gender", n_folds=3, n_jobs=1)
    assert result.comparison.table[["task", "model"]].to_numpy().tolist() == [
        ["gender", "majority"]
    ]


def test_without_a_folder_nothing_is_written(data, embedder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    steps = []
    result = compare(data, ["majority"], embedder=embedder, on_step=steps.append, **GENDER)
    assert set(result.predictions["image_id"]) <= set(data.table["image_id"])
    assert sorted(line.split(":")[0] for line in steps) == [
        f"gender majority fold {fold}" for fold in range(3)
    ]
    assert not list(tmp_path.iterdir())


def test_the_same_call_goes_on_where_it_was_stopped(data, embedder, tmp_path):
    given = {"embedder": embedder, "out": tmp_path, **GENDER}
    before = compare(data, ["svm"], **given)
    after = compare(data, ["svm", "majority"], **given)
    assert (before.n_before, after.n_before) == (0, 3)
    assert after.comparison.table["accuracy_mean"][0] == before.comparison.table["accuracy_mean"][0]


def test_people_on_both_sides_are_warned_of(data, embedder):
    with pytest.warns(UserWarning, match="people may be on both sides|is in training too"):
        compare(data, ["majority"], embedder=embedder, protocol="random", **GENDER)


def test_a_licence_is_told(data, embedder, monkeypatch):
    backbone = type(embedder.open().backbone)
    monkeypatch.setattr(backbone, "notice", "Not for sale.", raising=False)
    with pytest.warns(UserWarning, match="Not for sale"):
        compare(data, ["majority"], embedder=embedder, **GENDER)


def test_another_data_set_is_tested(data, embedder):
    tested = read_dataset("people", ages="25-32")
    people = set(tested.table["subject_id"])
    result = compare(
        data, ["majority"], embedder=embedder, test_data=tested, tasks=["gender"], n_jobs=1
    )
    assert result.predictions["subject_id"].isin(people).all()


def test_predictions_from_outside_join_in(data, embedder, tmp_path):
    file = tmp_path / "theirs.csv"
    rows = data.table.assign(path=data.table["path"], gender="female")
    rows[["path", "gender"]].to_csv(file, index=False)
    result = compare(data, ["majority"], embedder=embedder, predictions={"theirs": file}, **GENDER)
    assert result.comparison.table["model"].tolist() == ["majority", "theirs"]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"models": ["cnn"]}, "Unknown model 'cnn'"),
        ({"models": ["finetuned"]}, "pixels"),
        ({"tasks": ["height"]}, "Unknown task 'height'"),
        ({"protocol": "hat"}, "Unknown protocol 'hat'"),
        ({"train": ["speed=1"]}, "NAME=VALUE"),
        ({"accelerate": "luck"}, "luck"),
        ({"n_folds": 99}, "99 folds"),
    ],
)
def test_what_does_not_fit_is_told(data, embedder, wrong, message):
    given = {"models": ["majority"], "n_jobs": 1} | wrong
    with pytest.raises(Exception, match=message):
        compare(data, embedder=embedder, **given)


def test_a_test_on_other_data_has_no_folds(data, embedder):
    with pytest.raises(ValueError, match="a protocol of its own"):
        compare(data, ["majority"], embedder=embedder, test_data=data, **GENDER)


class Asked(Exception):
    """Raised in place of the work, with what was asked."""


TRAINING = {"epochs": 3, "batch_size": 8, "train": "mirror=0", "n_jobs": 2, "accelerate": "intelex"}


@pytest.mark.parametrize(
    ("protocol", "test_data"),
    [
        ({"protocol": "subject", "n_folds": 3, "n_repeats": 2}, None),
        ({"protocol": "holdout", "test_share": 0.4}, None),
        ({}, read_dataset("people", limit=9, seed=1)),
    ],
    ids=["folds", "holdout", "transfer"],
)
def test_every_word_is_passed_on(data, tmp_path, monkeypatch, protocol, test_data):
    def job(*given):
        raise Asked(*given)

    monkeypatch.setattr(comparing, "ComparisonJob", job)
    monkeypatch.setattr(comparison_job, "check_accelerator", lambda name: None)
    embedder = FaceEmbedder("tiny", weights=tmp_path / "w.dat", device="cpu")
    more = {"models": "svm+theirs", "tasks": "gender", "predictions": {"theirs": "a.csv"}}
    given = {"embedder": embedder, "test_data": test_data, "random_state": 5}
    with pytest.raises(Asked) as raised:
        compare(data, **given, **protocol, **more, **TRAINING)
    weights = str(tmp_path / "w.dat")
    options = ModelOptions("tiny", weights, 3, 8, "cpu", 5, 2, ("mirror=0",), "intelex")
    own = ("svm+theirs",), ("gender",), ["theirs=a.csv"], test_data is not None
    asked = AskedComparison(*own, options=options, **protocol)
    assert raised.value.args == (asked, data, embedder.open, test_data)


def test_a_path_is_no_data_set(data, embedder):
    for given in ({"data": "labels.csv"}, {"data": data, "test_data": "labels.csv"}):
        with pytest.raises(ValueError, match=r"read_dataset.*Got str: 'labels.csv'"):
            compare(**given, models="majority", embedder=embedder)
