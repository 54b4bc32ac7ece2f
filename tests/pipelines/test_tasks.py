import numpy as np
import pytest

from pipelines import PredictionTableError, Task
from pipelines.tasks import find_task


def test_expected_years_weighs_the_ages_by_probability(tasks):
    years = tasks[0].expected_years(np.array([[0.5, 0.5, 0.0], [0.0, 0.0, 1.0]]))
    assert years.tolist() == [20.5, 70.0]


def test_expected_years_are_missing_where_classes_have_no_age(tasks):
    assert np.isnan(tasks[1].expected_years(np.array([[0.5, 0.5]]))).all()


def test_probability_columns_follow_the_classes(tasks):
    assert tasks[0].probability_columns == ["p_child", "p_adult", "p_old"]
    assert tasks[2].probability_columns == []
    assert tasks[2].is_regression


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"name": "", "classes": None}, "must not be empty"),
        ({"name": "t", "classes": ("a",)}, "two or more"),
        ({"name": "t", "classes": ("a", "a")}, "different classes"),
        ({"name": "t", "classes": ("a", "b"), "years": (1.0,)}, "1 ages for 2 classes"),
        ({"name": "t", "classes": None, "ordered": True}, "no classes to order"),
        ({"name": "t", "classes": None, "years": (1.0,)}, "no classes"),
    ],
)
def test_a_task_that_makes_no_sense_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        Task(**arguments)


def test_find_task_lists_the_known_ones(tasks):
    assert find_task("age", tasks) is tasks[2]
    with pytest.raises(PredictionTableError, match=r"'height'.*'age-group', 'gender', 'age'"):
        find_task("height", tasks)
