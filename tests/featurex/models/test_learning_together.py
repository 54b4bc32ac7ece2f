"""Tasks that a network learns together: one training serves them, and nothing else changes."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from featurex.backbones import get_backbone, network_files
from featurex.backbones.network_files import tensor_names
from featurex.comparison.design import Design
from featurex.comparison.experiment import run
from featurex.comparison.face_table import FaceTable
from featurex.comparison.kept import Kept
from featurex.exceptions import BackboneError, ModelError
from featurex.manifest import Manifest
from featurex.models.options import ModelOptions
from featurex.networks.finetuned import FineTunedNetwork
from featurex.prediction.predictor import Predictor
from featurex.saved_models.files import load_model, save_model
from featurex.saved_models.fitting import fit_models
from featurex.tasks import AGE, GENDER

APART = ModelOptions("tiny", epochs=2, batch_size=16, device="cpu", n_jobs=1)
TOGETHER = replace(APART, training=("side_tasks=all",))


def design(options=TOGETHER, tasks=(GENDER, AGE)):
    return Design(list(tasks), ["finetuned"], n_folds=2, options=options)


def answers(result, task):
    table = result.predictions.set_index("task").loc[task]
    columns = ["years_pred"] if task == "age" else ["p_female", "p_male"]
    return table[["image_id", "fold", *columns]].reset_index(drop=True)


def epochs_of(told):
    return [line.split(":")[0] for line in told]


@pytest.fixture(scope="module")
def shared(colour_faces, tiny, tmp_path_factory):
    told, folder = [], tmp_path_factory.mktemp("together")
    checkpoints, kept = folder / "checkpoints", Kept(folder / "fits")
    result = run(colour_faces, design(), on_epoch=told.append, checkpoints=checkpoints, kept=kept)
    return result, told, checkpoints


def test_one_training_of_a_fold_serves_both_tasks(shared):
    _, told, folder = shared
    assert epochs_of(told) == [
        f"gender finetuned {fold} epoch {epoch}/2" for fold in (0, 1) for epoch in (1, 2)
    ]
    assert not list(folder.iterdir())


@pytest.mark.parametrize("task", [GENDER, AGE], ids=["gender", "age"])
def test_each_task_has_the_answers_that_it_has_alone(shared, colour_faces, tiny, task):
    alone = run(colour_faces, design(tasks=[task]))
    pd.testing.assert_frame_equal(answers(shared[0], task.name), answers(alone, task.name))


def test_its_time_is_told_at_both_tasks_and_a_note_says_so(shared):
    result, _, _ = shared
    for row in result.record["parameters"]:
        timings = result.timings.set_index(["task", "fold"])
        trained = sum(epoch["seconds"] for epoch in row["epochs"])
        assert timings.loc[(row["task"], row["fold"]), "fit_seconds"] >= trained > 0
    note = "finetuned learnt gender and age in one training, whose time is told at each of them."
    assert note in result.comparison.notes


def test_each_task_has_its_own_curve(shared):
    for row in shared[0].record["parameters"]:
        other = "age" if row["task"] == "gender" else "gender"
        for epoch in row["epochs"]:
            assert {"valid_loss", "valid_score", f"valid_loss_{other}"} <= set(epoch)
            # An error in years, or a share.
            assert (epoch["valid_score"] > 1) == (row["task"] == "age")


def test_a_comparison_killed_between_the_tasks_trains_no_fold_twice(
    shared, colour_faces, tiny, tmp_path
):
    class Killed(Exception):
        pass

    def kill(step):
        raise Killed

    with pytest.raises(Killed):
        run(colour_faces, design(), kill, checkpoints=tmp_path)
    told = []
    again = run(colour_faces, design(), on_epoch=told.append, checkpoints=tmp_path)
    assert epochs_of(told) == ["gender finetuned 1 epoch 1/2", "gender finetuned 1 epoch 2/2"]
    pd.testing.assert_frame_equal(again.predictions, shared[0].predictions)


def test_by_default_each_task_is_learnt_for_itself(colour_faces, tiny, tmp_path):
    told = []
    result = run(colour_faces, design(APART), on_epoch=told.append, checkpoints=tmp_path)
    assert len(told) == 8
    assert not any("one training" in note for note in result.comparison.notes)


def test_faces_with_one_of_the_labels_make_two_trainings(colour_faces, tiny, tmp_path):
    table = colour_faces.manifest.table.copy()
    table.loc[:9, "gender"] = None
    faces = FaceTable(Manifest(table, {}, "colours"), colour_faces.cache)
    told = []
    result = run(faces, design(), on_epoch=told.append, checkpoints=tmp_path)
    assert len(told) == 8
    assert not any("one training" in note for note in result.comparison.notes)
    assert result.comparison.table.set_index("task")["n_rows"].to_dict() == {
        "gender": 61,
        "age": 70,
    }


def fit(faces, options, folder, told=None):
    return fit_models(
        faces,
        [GENDER, AGE],
        "finetuned",
        options,
        on_epoch=[].append if told is None else told.append,
        checkpoints=folder / "checkpoints",
    )


def test_a_fitted_model_is_trained_once_too(colour_faces, tiny, tmp_path):
    told = []
    estimators, metadata = fit(colour_faces, TOGETHER, tmp_path, told)
    assert epochs_of(told) == ["gender finetuned epoch 1/2", "gender finetuned epoch 2/2"]
    gender, age = (estimators[name].network_.state_dict() for name in ("gender", "age"))
    assert all(np.array_equal(tensor, age[name]) for name, tensor in gender.items())
    assert 0 <= metadata["training"]["gender"]["inner_accuracy"] <= 1
    assert metadata["training"]["age"]["inner_mean_absolute_error_years"] > 1


@pytest.mark.parametrize(("options", "n_looks"), [(TOGETHER, 1), (APART, 2)], ids=["all", "own"])
def test_a_network_of_several_tasks_looks_at_a_face_once(
    colour_faces, tiny, tmp_path, monkeypatch, options, n_looks
):
    fitted = fit(colour_faces, options, tmp_path)
    save_model(tmp_path / "m.featurex", *fitted)
    chips = colour_faces.features("finetuned", np.arange(5)).read(np.arange(5))
    predictor = Predictor.load(tmp_path / "m.featurex", device="cpu")
    looks, forward = [], FineTunedNetwork.forward
    monkeypatch.setattr(
        FineTunedNetwork, "forward", lambda self, x: looks.append(len(x)) or forward(self, x)
    )
    answers = predictor.answer_chips(chips)
    assert looks == [5] * n_looks
    years = fitted[0]["age"].predict(chips)
    np.testing.assert_array_equal([answer["age"] for answer in answers], years)
    rows = [list(answer["probabilities"]["gender"].values()) for answer in answers]
    np.testing.assert_array_equal(rows, fitted[0]["gender"].predict_proba(chips))


def test_a_shared_network_stands_once_in_its_file(colour_faces, tiny, tmp_path):
    estimators, metadata = fit(colour_faces, TOGETHER, tmp_path)
    path = tmp_path / "m.featurex"
    save_model(path, estimators, metadata)
    state = estimators["gender"].network_.state_dict()
    others = [name for name in tensor_names(path) if not name.startswith("seen-faces/")]
    assert sorted(others) == sorted(f"gender/{name}" for name in state)
    gender, age = (
        get_backbone(f"{path}:{task}").build().state_dict() for task in ("gender", "age")
    )
    assert list(gender) == list(age)
    assert all(torch.equal(tensor, age[name]) for name, tensor in gender.items())


def test_a_file_that_holds_a_shared_network_twice_is_read(
    colour_faces, tiny, tmp_path, monkeypatch
):
    """As files did from before it stood once."""
    fitted = fit(colour_faces, TOGETHER, tmp_path)
    monkeypatch.setattr(network_files, "_owners", lambda states: {task: task for task in states})
    monkeypatch.setattr(network_files, "VERSION", 2)
    save_model(tmp_path / "m.featurex", *fitted)
    loaded, _ = load_model(tmp_path / "m.featurex")
    assert loaded["age"].network_ is loaded["gender"].network_


@pytest.mark.parametrize("shared", [{"age": "no-task"}, {"age": 1}, ["age"], {"gender": "age"}])
def test_a_file_that_shares_what_it_does_not_hold_is_refused(colour_faces, tiny, tmp_path, shared):
    path = tmp_path / "m.featurex"
    save_model(path, *fit(colour_faces, TOGETHER, tmp_path))
    content = path.read_bytes()
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    metadata = json.loads(header["__metadata__"]["metadata"])
    assert metadata["tensors_of"] == {"age": "gender"}
    header["__metadata__"]["metadata"] = json.dumps(metadata | {"tensors_of": shared})
    changed = json.dumps(header).encode()
    path.write_bytes(len(changed).to_bytes(8, "little") + changed + content[8 + length :])
    with pytest.raises(ModelError, match="damaged network file"):
        load_model(path)
    with pytest.raises(BackboneError, match="no pretrained trunk"):
        get_backbone(f"{path}:{'gender' if 'gender' in shared else 'age'}")


def test_networks_of_other_weights_stay_apart(colour_faces, tiny, tmp_path):
    estimators, metadata = fit(colour_faces, TOGETHER, tmp_path)
    with torch.no_grad():
        estimators["age"].network_.linear.mean[0] += 1
    save_model(tmp_path / "m.featurex", estimators, metadata)
    loaded, _ = load_model(tmp_path / "m.featurex")
    assert loaded["age"].network_ is not loaded["gender"].network_
