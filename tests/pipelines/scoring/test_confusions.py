import numpy as np
import pandas as pd
import pytest

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
