import numpy as np
import pandas as pd
import pytest

from pipelines import Task, compare, confusion, predictions
from pipelines.errors import PredictionTableError
from pipelines.scoring.confusions import confusion_table


def rows(task, model, true, columns):
    table = pd.DataFrame({f"p_{name}": p for name, p in columns.items()})
    return table.assign(task=task, model=model, y_true=true)


def test_a_count_by_hand():
    table = rows("t", "m", ["a", "a", "b"], {"a": [0.9, 0.2, 0.4], "b": [0.1, 0.8, 0.6]})
    found = confusion_table(table)
    assert found["true"].tolist() == ["a", "a", "b", "b"]
    assert found["predicted"].tolist() == ["a", "b", "a", "b"]
    assert found["count"].tolist() == [1, 1, 0, 1]


def test_tasks_have_their_own_classes_and_a_regression_none():
    table = pd.concat(
        [
            rows("t", "m", ["a"], {"a": [0.9], "b": [0.1]}),
            rows("u", "m", ["c"], {"c": [0.5], "d": [0.5]}),
            rows("age", "m", [np.nan], {"a": [np.nan]}),
        ]
    )
    found = confusion_table(table)
    assert found.groupby("task", sort=False)["count"].sum().to_dict() == {"t": 1, "u": 1}
    assert set(found.loc[found["task"] == "u", "true"]) == {"c", "d"}


def test_without_probabilities_the_table_is_empty():
    assert confusion_table(rows("age", "m", [np.nan], {"a": [np.nan]})).empty


def test_too_many_classes_are_refused():
    columns = {str(n): [0.0] for n in range(201)}
    with pytest.raises(PredictionTableError, match="201 classes, more than 200"):
        confusion_table(rows("t", "m", ["1"], columns))


GENDER = Task("gender", ("female", "male"))
PROBABILITIES = GENDER.probability_columns


def named(table):
    """Classes without probabilities, as a model from outside gives them."""
    names = predictions.predicted_classes(table, GENDER)
    return table.assign(y_pred=names, **dict.fromkeys(PROBABILITIES, np.nan))


def tied(table):
    """Two equal probabilities, of which the model names the last class."""
    return table.assign(y_pred="male", **dict.fromkeys(PROBABILITIES, 0.5))


def silent(table):
    table = table.assign(answered=1)
    table.loc[8:, PROBABILITIES] = np.nan
    table.loc[8:, "answered"] = 0
    return table


@pytest.mark.parametrize("change", [named, tied, silent])
def test_with_tasks_the_table_is_the_matrix_and_its_diagonal_the_accuracy(predict_gender, change):
    table = change(predict_gender(shift=3))
    found = confusion_table(table, [Task("age", None), GENDER])
    matrix = found.pivot(index="true", columns="predicted", values="count")
    expected = confusion(table, GENDER, "m")
    assert found["predicted"].unique().tolist() == expected.columns.tolist()
    assert matrix.reindex_like(expected).equals(expected)
    right = found.loc[found["true"] == found["predicted"], "count"].sum()
    scores = compare(table, [GENDER]).table.iloc[0]
    assert right / found["count"].sum() == scores["accuracy_pooled"]
    assert found["count"].sum() == scores["n_rows"]


def test_of_tasks_without_rows_the_table_is_empty(predict_gender):
    assert confusion_table(predict_gender(), [Task("age", None)]).empty


def test_too_many_classes_of_a_task_are_refused():
    task = Task("t", tuple(str(n) for n in range(201)))
    columns = {name: [0.0] for name in task.classes}
    table = rows("t", "m", ["1"], columns).assign(image_id="a", fold=0)
    with pytest.raises(PredictionTableError, match="201 classes, more than 200"):
        confusion_table(table, [task])
