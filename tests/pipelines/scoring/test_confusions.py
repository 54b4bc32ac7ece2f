import numpy as np
import pytest

from pipelines import Task, compare, confusion, predictions
from pipelines.scoring.confusions import confusion_table

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


def test_a_count_by_hand(predict_gender):
    found = confusion_table(predict_gender(shift=3), [GENDER])  # women are in even rows
    assert found["true"].tolist() == ["female", "female", "male", "male"]
    assert found["predicted"].tolist() == ["female", "male", "female", "male"]
    assert found["count"].tolist() == [4, 2, 1, 5]


@pytest.mark.parametrize("change", [named, tied, silent])
def test_the_table_is_the_matrix_and_its_diagonal_the_accuracy(predict_gender, change):
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


def test_of_a_regression_the_table_is_empty(predict_gender):
    assert confusion_table(predict_gender(), [Task("age", None)]).empty
