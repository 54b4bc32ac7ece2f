import numpy as np
import pytest

from featurex.labels import AGE_GROUPS
from featurex.manifest import TASK_COLUMNS, Manifest, make_table
from featurex.tasks import (
    AGE,
    AGE_GROUP,
    GENDER,
    GENDER_3,
    RACE,
    TASKS,
    choose_tasks,
    find_task,
    side_labels,
    task_labels,
)


def manifest(**labels):
    n = len(next(iter(labels.values())))
    columns = {"image_id": [f"{row:064x}" for row in range(n)], "path": ["/x.jpg"] * n} | labels
    return Manifest(make_table(columns, "some"), {}, "some")


def test_every_task_has_a_column_of_the_manifest():
    assert {*TASKS, RACE} == set(TASK_COLUMNS)
    assert AGE_GROUP.classes == AGE_GROUPS
    assert AGE.is_regression


def test_without_names_all_labelled_tasks_are_chosen():
    assert choose_tasks([], manifest(gender=["male", None], age=[3.0, 4.0])) == [GENDER, AGE]


def test_named_tasks_come_in_one_order_each_once():
    some = manifest(gender=["male"], age=[3.0], age_group=["0-2"])
    assert choose_tasks(["age", "gender", "age"], some) == [GENDER, AGE]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["hat"], "Unknown task 'hat'. The tasks are age-group, gender, age, gender-3, race"),
        (["age"], "'some' has no label for 'age'; it has labels for gender"),
    ],
)
def test_a_task_that_can_not_be_is_an_error(names, message):
    with pytest.raises(ValueError, match=message):
        choose_tasks(names, manifest(gender=["male"]))


def test_no_labels_at_all_is_an_error():
    with pytest.raises(ValueError, match="has no labels: nothing can be trained"):
        choose_tasks([], manifest(subject_id=["ann"]))


def test_labels_are_the_labelled_rows_in_order():
    table = manifest(
        gender=["male", None, "female"], age=[np.nan, 7.5, 60.0], age_group=[None, None, "60+"]
    ).table
    rows, y = task_labels(table, GENDER)
    assert (rows.tolist(), y.tolist(), y.dtype.kind) == ([0, 2], ["male", "female"], "U")
    rows, y = task_labels(table, AGE)
    assert (rows.tolist(), y.tolist(), y.dtype) == ([1, 2], [7.5, 60.0], np.float64)
    rows, y = task_labels(table, AGE_GROUP)
    assert (rows.tolist(), y.tolist()) == ([2], ["60+"])


THREE = {"gender": ["male", "undefined", None, "female"], "race": ["White", None, "Asian", "White"]}


def test_race_and_three_genders_must_be_asked_for():
    some = manifest(**THREE)
    assert choose_tasks([], some) == [GENDER]
    gender, race = choose_tasks(["race", "gender-3"], some)
    assert gender == GENDER_3
    assert (race.name, race.classes) == (RACE, ("Asian", "White"))


@pytest.mark.parametrize("name", ["race", "gender-3"])
def test_race_and_three_genders_need_labels(name):
    with pytest.raises(ValueError, match=f"no label for '{name}'"):
        choose_tasks([name], manifest(gender=["male", "female"], race=["White", None]))


def test_a_data_set_of_undefined_genders_only_has_no_usual_task():
    with pytest.raises(ValueError, match="has no labels"):
        choose_tasks([], manifest(gender=["undefined"]))


def test_undefined_is_a_class_of_three_genders_only():
    table = manifest(**THREE).table
    assert task_labels(table, GENDER)[0].tolist() == [0, 3]
    rows, y = task_labels(table, GENDER_3)
    assert (rows.tolist(), y.tolist()) == ([0, 1, 3], ["male", "undefined", "female"])


def test_side_labels_are_those_of_other_columns_that_are_there():
    table = manifest(**THREE).table
    wanted = ("gender", "race", "age")
    assert {name: list(labels) for name, labels in side_labels(table, AGE, wanted).items()} == {
        "gender": ["male", None, None, "female"],
        "race": ["White", None, "Asian", "White"],
    }
    assert list(side_labels(table, GENDER_3, wanted)) == ["race"]


def test_a_task_is_found_by_its_name_and_a_models_classes():
    assert find_task("gender", ["male"]) == GENDER
    assert find_task("race", ["a", "b"]).classes == ("a", "b")
    for name, classes in (("hat", []), ("gender", ["undefined"]), ("race", ["a"]), ("age", ["a"])):
        with pytest.raises(ValueError, match=name):
            find_task(name, classes)
