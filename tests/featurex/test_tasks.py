import numpy as np
import pytest

from featurex.labels import AGE_GROUPS
from featurex.manifest import TASK_COLUMNS, Manifest, make_table
from featurex.tasks import AGE, AGE_GROUP, GENDER, TASKS, choose_tasks, task_labels


def manifest(**labels):
    n = len(next(iter(labels.values())))
    columns = {"image_id": [f"{row:064x}" for row in range(n)], "path": ["/x.jpg"] * n} | labels
    return Manifest(make_table(columns, "some"), {}, "some")


def test_every_task_has_a_column_of_the_manifest():
    assert set(TASKS) == set(TASK_COLUMNS)
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
        (["hat"], "Unknown task 'hat'. The tasks are age-group, gender, age"),
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
