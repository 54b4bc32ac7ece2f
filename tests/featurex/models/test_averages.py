import numpy as np
import pytest

from featurex.exceptions import ModelError
from featurex.models.averages import Average, average_models, parts_of_average


class Fixed:
    """An estimator that gives the numbers that it is given."""

    def __init__(self, *classes):
        self.classes_ = np.array(classes)

    def predict_proba(self, rows):
        return np.asarray(rows)

    predict = predict_proba


def metadata(**changes):
    common = {"aligner": {}, "embedding": {}, "backbone": {}, "dataset": "d", "notes": ["n"]}
    training = {"gender": {"n_faces": 7, "inner_accuracy": 0.9, "epochs": 3}}
    return common | {"model": "a", "input": "chips", "seed": 0, "training": training} | changes


def test_every_part_gets_its_own_input():
    average = Average(
        [(Fixed("female", "male"), "chips"), (Fixed("female", "male"), "embeddings")],
        is_regression=False,
    )
    faces = {"chips": [[0.5, 0.5], [0.2, 0.8]], "embeddings": [[0.1, 0.9], [0.8, 0.2]]}
    np.testing.assert_allclose(average.predict_proba(faces), [[0.25, 0.75], [0.5, 0.5]])
    assert average.predict(faces)[0] == "male"


def test_classes_are_matched_by_name_and_not_by_place():
    average = Average(
        [(Fixed("b", "a"), "chips"), (Fixed("a", "b"), "embeddings")], is_regression=False
    )
    assert average.classes_.tolist() == ["a", "b"]
    faces = {"chips": [[0.9, 0.1]], "embeddings": [[0.1, 0.9]]}
    np.testing.assert_allclose(average.predict_proba(faces), [[0.1, 0.9]])


def test_a_class_that_one_part_lacks_is_unlikely_and_not_impossible():
    average = Average([(Fixed("a", "b"), "chips"), (Fixed("b", "c"), "chips")], is_regression=False)
    (row,) = average.predict_proba({"chips": [[0.5, 0.5]]})
    assert row.argmax() == 1
    np.testing.assert_allclose(row[0] / row[1], 1e-3 * np.sqrt(0.5) / 0.5)
    assert row[0] == pytest.approx(row[2])


def test_years_are_averaged():
    average = Average([(Fixed(), "chips"), (Fixed(), "embeddings")], is_regression=True)
    years = average.predict({"chips": [10.0, 30.0], "embeddings": [20.0, 80.0]})
    np.testing.assert_array_equal(years, [15, 55])
    assert average.classes_.tolist() == []


def test_the_metadata_holds_what_the_parts_share_and_no_score():
    first, second = Fixed("female", "male"), Fixed("female", "male")
    said = [metadata(), metadata(model="b", input="embeddings", seed=1, classes={})]
    averages, whole = average_models([({"gender": first}, said[0]), ({"gender": second}, said[1])])
    assert (whole["model"], whole["input"]) == ("a+b", "chips+embeddings")
    assert (whole["dataset"], whole["notes"]) == ("d", ["n"])
    assert "seed" not in whole
    assert whole["training"] == {"gender": {"n_faces": 7, "inner_accuracy": None}}
    assert whole["parts"] == said
    again = parts_of_average(averages, whole)
    assert again == [({"gender": first}, said[0]), ({"gender": second}, said[1])]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ([{}], "needs two models or more. Got 1"),
        ([{}, {}], r"names of their own. Got \['a', 'a'\]"),
        ([{}, {"model": None}], "names of their own"),
        ([{}, {"model": "b", "backbone": {"name": "c"}}], "a and b .* differ in backbone"),
        ([{}, {"model": "b", "dataset": "e", "notes": []}], "differ in dataset, notes"),
    ],
)
def test_what_can_not_be_averaged_is_an_error(changes, message):
    parts = [({"gender": Fixed("female", "male")}, metadata(**change)) for change in changes]
    with pytest.raises(ModelError, match=message):
        average_models(parts)


def test_models_of_other_tasks_are_not_averaged():
    one, other = Fixed("female", "male"), Fixed()
    with pytest.raises(ModelError, match="differ in tasks"):
        average_models([({"gender": one}, metadata()), ({"age": other}, metadata(model="b"))])
