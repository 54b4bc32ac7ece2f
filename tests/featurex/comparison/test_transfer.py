import hashlib

import numpy as np
import pandas as pd
import pytest

from featurex.comparison.design import Design
from featurex.comparison.experiment import run
from featurex.comparison.transfer import TransferTable, join_manifests, shared_tasks
from featurex.exceptions import DatasetError
from featurex.manifest import Manifest, make_table
from featurex.models.options import ModelOptions
from featurex.report.files import write_result
from featurex.tasks import AGE, GENDER, RACE
from pipelines import Task

OPTIONS = ModelOptions("tiny", epochs=1, batch_size=16, device="cpu", n_jobs=1)


def make(name, people, **columns):
    n = len(people)
    ids = [hashlib.sha256(f"{name}{row}".encode()).hexdigest() for row in range(n)]
    given = {"image_id": ids, "path": [f"/{name}/{row}.jpg" for row in range(n)]}
    return Manifest(make_table({**given, "subject_id": people, **columns}, name), {}, name)


def halves(faces):
    """Return the colours of the first 16 people, and those of the others, as two data sets."""
    table = faces.manifest.table
    first = table["subject_id"].isin(table["subject_id"].unique()[:16])
    parts = (table[first], table[~first])
    return [
        Manifest(part.reset_index(drop=True).assign(dataset=name), {}, name)
        for part, name in zip(parts, ("ones", "others"), strict=True)
    ]


@pytest.fixture(scope="module")
def faces(colour_faces):
    return TransferTable(join_manifests(*halves(colour_faces)), colour_faces.cache)


def test_only_the_other_data_set_is_tested_and_only_once(faces, tiny, tmp_path):
    design = Design([GENDER, AGE], ["majority", "svm", "finetuned"], options=OPTIONS)
    result = run(faces, design)
    tested = set(faces.table.loc[faces.table["dataset"] == "others", "image_id"])
    for _, part in result.predictions.groupby(["task", "model"]):
        assert set(part["image_id"]) == tested
        assert len(part) == len(tested)
    table = result.comparison.table
    assert (table["n_folds"] == 1).all()
    assert (table["protocol"] == "train on ones, test on others").all()
    assert table["accuracy_low"].notna()[table["model"] == "svm"][table["task"] == "gender"].all()
    assert table.set_index(["task", "model"]).loc[("gender", "svm"), "accuracy_mean"] > 0.9
    assert result.record["protocol"] == "train on ones, test on others"
    assert (result.timings["n_train"] == len(faces.table) - len(tested)).all()
    assert any("Protocol train on ones, test on others" in n for n in result.comparison.notes)
    assert (tmp_path / "table.csv") in write_result(result, design, tmp_path)


def test_photos_and_people_of_both_sides_are_not_trained_on():
    train = make("a", ["x", "x", "y", None], gender=["male"] * 4)
    test = make("b", ["y", "z"], gender=["male", "female"])
    copied = train.table.assign(image_id=[*train.table["image_id"][:3], test.table["image_id"][1]])
    joined = join_manifests(Manifest(copied, {}, "a"), test)
    assert joined.table["dataset"].tolist() == ["a", "a", "b", "b"]
    assert joined.table["fold"].tolist() == [-1, -1, 0, 0]
    assert joined.dropped == {"photo of the test data": 1, "person of the test data": 1}
    assert joined.found == 6
    note = "Not trained on: 1 photo of the test data, 1 of people (subject_id) who are in them."
    assert note in joined.notes


def test_nothing_left_to_train_on_is_an_error():
    one = make("a", ["x", "y"], gender=["male"] * 2)
    with pytest.raises(DatasetError, match="nothing is left to train on"):
        join_manifests(one, one)


def test_a_task_that_only_one_of_them_labels_is_left_out_or_refused():
    train = make("a", ["x", "y"], gender=["male", "female"], age=[3.0, 30.0])
    test = make("b", ["z"], age=[40.0])
    assert [task.name for task in shared_tasks([], train, test)] == ["age"]
    with pytest.raises(ValueError, match="'b' has no label that 'a' has too for gender"):
        shared_tasks(["gender"], train, test)
    with pytest.raises(ValueError, match="it can't be tested there"):
        shared_tasks([], make("c", ["q"], gender=["male"]), test)


class Faces(TransferTable):
    def __init__(self, manifest):
        self.manifest, self.table, self.n_without_face = manifest, manifest.table, 3


def test_words_of_one_side_are_left_out_and_counted():
    train = make("a", list("wxyz"), race=["White", "Black", "White", None])
    test = make("b", list("pqr"), race=["White", "East Asian", None])
    (task,) = shared_tasks([RACE], train, test)
    assert task == Task(RACE, ("Black", "White"))
    notes = Faces(join_manifests(train, test)).count_notes([task])
    assert notes[0] == "Trained on 4 faces, tested on 3; 3 photos of both without one."
    assert notes[1] == (
        "race: 3 faces to train on, 1 to test on; without such a label 1 to train on and 2 to test "
        "on (1 face labelled 'East Asian', which is no class here)."
    )


def test_what_was_dropped_and_sampled_on_each_side_is_told():
    train = make("a", list("wxyz"), gender=["male"] * 4)
    test = make("b", list("wqrs"), gender=["male"] * 4).sample(2, seed=1)
    train.dropped["duplicate"] = 7
    test.dropped["no label"] = 2
    joined = join_manifests(train, test)
    note = Faces(joined).count_notes([GENDER])[0]
    assert note.endswith("left out before: 9 (duplicate: 7, no label (b, to test on): 2).")
    assert "b, --limit: a random sample of 2 of 4." in joined.notes


def test_a_class_that_can_not_be_learnt_is_told():
    train = make("a", list("wx"), gender=["male", "male"])
    test = make("b", list("pq"), gender=["male", "female"])
    notes = Faces(join_manifests(train, test)).count_notes([GENDER])
    assert "(no face to train on is 'female': its 1 count as wrong)" in notes[1]


def test_a_third_gender_of_one_side_joins():
    train = make("a", list("wx"), gender=["male", "undefined"])
    test = make("b", list("pq"), gender=["male", "female"])
    genders = join_manifests(train, test).table["gender"].astype(object).tolist()
    assert genders == ["male", "undefined", "male", "female"]


def test_a_side_without_a_face_is_an_error(colour_faces):
    ones, others = halves(colour_faces)
    hidden = others.table.assign(image_id=[f"{row:064x}" for row in range(len(others))])
    joined = join_manifests(ones, Manifest(hidden, {}, "others"))
    faces = TransferTable(joined, colour_faces.cache)
    with pytest.raises(DatasetError, match="there is no face to test on"):
        faces.folds(Design([GENDER], ["majority"], options=OPTIONS))


def test_the_labels_survive_joining(colour_faces):
    ones, others = halves(colour_faces)
    joined = join_manifests(ones, others).table
    whole = pd.concat([ones.table, others.table], ignore_index=True)
    columns = ["image_id", "path", "subject_id", "age", "age_group", "gender", "race", "dataset"]
    pd.testing.assert_frame_equal(joined[columns], whole[columns])
    assert np.isfinite(joined["age"]).all()
