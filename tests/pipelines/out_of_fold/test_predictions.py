import sys

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines import PipelineError, PredictionTableError, predictions


@pytest.fixture
def table(predict_gender):
    years = predict_gender().assign(
        task="age", y_true=None, years_true=30.0, years_pred=31.5, p_female=np.nan, p_male=np.nan
    )
    return predictions.concat([predict_gender(), years])


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_table_comes_back_exactly(table, tmp_path, tasks, suffix):
    pytest.importorskip("pyarrow" if suffix == ".parquet" else "pandas")
    path = tmp_path / f"p{suffix}"
    predictions.write(table, path)
    again = predictions.read(path)
    pd.testing.assert_frame_equal(again, table)
    predictions.validate(again, tasks)
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.floats(0, 1), min_size=12, max_size=12),
    st.sampled_from(["NA", "None", "nan", 'a,"b"', "null", "01", "é\n", " x "]),
)
def test_any_number_and_name_comes_back_from_csv(tmp_path_factory, values, name):
    path = tmp_path_factory.mktemp("csv") / "p.csv"
    frame = pd.DataFrame(
        {"image_id": [f"{row:064d}" for row in range(12)], "task": name, "model": name}
        | {"fold": 0, "y_true": name, "years_true": np.nan, "years_pred": values, "p_a": values}
    )
    predictions.write(frame, path)
    pd.testing.assert_frame_equal(predictions.read(path), frame)


def test_a_sound_table_is_accepted(table, tasks):
    predictions.validate(table, tasks)


def test_predicted_class_is_the_most_probable_and_the_first_of_equals(table, tasks):
    rows = table[table["task"] == "gender"].head(3)
    rows = rows.assign(p_female=[0.5, 0.4, 0.9], p_male=[0.5, 0.6, 0.1])
    predicted = predictions.predicted_classes(rows, tasks[1])
    assert predicted.tolist() == ["female", "male", "female"]


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("task", "height", "Unknown task 'height'"),
        ("y_true", "robot", "1 rows have a y_true that is no class of 'gender'.*'robot'"),
        ("y_true", None, "1 rows have a y_true"),
        ("p_male", 1.5, r"not in \[0, 1\]"),
        ("p_male", -0.1, r"not in \[0, 1\]"),
        ("p_male", np.nan, r"not in \[0, 1\]"),
        ("p_male", 0.102, "do not sum to 1"),
        ("years_pred", np.inf, "years_pred that is not a finite number"),
        ("years_true", -np.inf, "years_true that is not a finite number"),
    ],
)
def test_a_bad_value_is_named_with_its_row(predict_gender, tasks, column, value, message):
    frame = predict_gender()
    frame[column] = frame[column].astype(object)
    frame.loc[4, column] = value
    with pytest.raises(PredictionTableError, match=message) as caught:
        predictions.validate(frame, tasks)
    assert column == "task" or frame["image_id"][4] in str(caught.value)


def test_rounded_probabilities_are_fine(predict_gender, tasks):
    predictions.validate(predict_gender().round({"p_male": 3, "p_female": 3}), tasks)


@pytest.mark.parametrize("column", predictions.COLUMNS)
def test_a_missing_column_is_named(table, tasks, column):
    with pytest.raises(PredictionTableError, match=column):
        predictions.validate(table.drop(columns=column), tasks)


def test_missing_probabilities_are_named(predict_gender, tasks):
    with pytest.raises(PredictionTableError, match=r"'gender' needs the columns.*p_male"):
        predictions.validate(predict_gender().drop(columns="p_male"), tasks)


@pytest.mark.parametrize("column", ["years_true", "years_pred"])
def test_a_regression_needs_both_years(table, tasks, column):
    rows = table[table["task"] == "age"].copy()
    rows.loc[rows.index[0], column] = np.nan
    with pytest.raises(PredictionTableError, match=f"1 rows of task 'age' have a {column}"):
        predictions.validate(rows, tasks)


def test_a_doubled_row_is_refused(table, tasks):
    with pytest.raises(PredictionTableError, match="1 rows repeat an image_id"):
        predictions.validate(pd.concat([table, table.head(1)]), tasks)


@pytest.mark.parametrize(
    ("change", "differ"),
    [
        (lambda frame: frame.head(10), 2),
        (lambda frame: frame.assign(fold=0), 8),
        (lambda frame: frame.assign(y_true="female"), 6),
    ],
)
def test_models_tested_on_other_rows_are_not_compared(predict_gender, tasks, change, differ):
    both = pd.concat([predict_gender("ours"), change(predict_gender("theirs"))])
    with pytest.raises(PredictionTableError, match=f"'ours' and 'theirs'.*{differ} rows differ"):
        predictions.validate(both, tasks)


def test_true_ages_must_agree_where_they_are_scored(table, tasks):
    theirs = table.assign(model="theirs", years_true=31.0)
    gender = table["task"] == "gender"
    predictions.validate(pd.concat([table[gender], theirs[gender]]), tasks)
    with pytest.raises(PredictionTableError, match=r"'m' and 'theirs' of task 'age'.*12 rows"):
        predictions.validate(pd.concat([table, theirs]), tasks)


def test_who_is_in_a_photo_comes_back_too_and_may_be_left_out(table, tasks, tmp_path):
    named = table.assign(subject_id=[None, "NA", "s 1", "01"] * 6)
    both = predictions.concat([named, table.assign(model="theirs")])
    predictions.validate(both, tasks)
    predictions.write(both, tmp_path / "p.csv")
    pd.testing.assert_frame_equal(predictions.read(tmp_path / "p.csv"), both)
    subjects = predictions.subjects_of(both)
    image_ids = table["image_id"]
    assert subjects[image_ids[1]] == "NA"
    assert image_ids[0] not in subjects
    assert predictions.subjects_of(table).empty


def test_a_photo_of_two_people_is_refused(table, tasks):
    ours, theirs = table.assign(subject_id="ann"), table.assign(subject_id="ann", model="theirs")
    theirs.loc[3, "subject_id"] = "bob"
    with pytest.raises(PredictionTableError, match=r"1 photos have more than one.*'ann', 'bob'"):
        predictions.validate(pd.concat([ours, theirs]), tasks)


def test_the_order_of_rows_does_not_matter(predict_gender, tasks):
    predictions.validate(
        pd.concat([predict_gender("ours"), predict_gender("theirs").iloc[::-1]]), tasks
    )


def test_a_damaged_parquet_file_is_one_line(tmp_path):
    pytest.importorskip("pyarrow")
    path = tmp_path / "p.parquet"
    path.write_bytes(b"no parquet")
    with pytest.raises(PredictionTableError, match="not a table of predictions"):
        predictions.read(path)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("missing.csv", None, "no such file"),
        ("p.txt", b"x", ".csv or a .parquet"),
        ("empty.csv", b"", "not a table of predictions"),
        ("other.csv", b"a,b\n1,2\n", "Missing columns"),
        ("binary.csv", bytes(range(256)), "not a table of predictions"),
        ("folder.csv", "folder", "no such file"),
    ],
)
def test_a_file_that_is_no_table_is_one_line(tmp_path, name, content, message):
    path = tmp_path / name
    if content == "folder":
        path.mkdir()
    elif content is not None:
        path.write_bytes(content)
    with pytest.raises(PredictionTableError, match=message) as caught:
        predictions.read(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert isinstance(caught.value, PipelineError)
    assert isinstance(caught.value, ValueError)


def test_words_for_numbers_are_refused(predict_gender, tmp_path):
    path = tmp_path / "p.csv"
    predict_gender().assign(p_male="high").to_csv(path, index=False)
    with pytest.raises(PredictionTableError, match="high"):
        predictions.read(path)


@pytest.mark.parametrize("column", ["fold", "repeat", "answered"])
@pytest.mark.parametrize("value", ["9" * 23, "1e400", "inf", "1.5", "one"])
def test_what_is_no_whole_number_is_named_with_its_row(predict_gender, tmp_path, column, value):
    path = tmp_path / "p.csv"
    frame = predict_gender().assign(repeat=0, answered=1)
    frame[column] = frame[column].astype(object)
    frame.loc[4, column] = value
    frame.to_csv(path, index=False)
    with pytest.raises(PredictionTableError) as caught:
        predictions.read(path)
    assert f"p.csv: column '{column}', row 5 holds '{value}', no whole number" in str(caught.value)


def test_a_fold_that_is_missing_is_named_with_its_row(predict_gender, tmp_path):
    frame = predict_gender()
    frame["fold"] = frame["fold"].astype(object)
    frame.loc[4, "fold"] = None
    frame.to_csv(tmp_path / "p.csv", index=False)
    with pytest.raises(PredictionTableError, match="column 'fold', row 5 holds 'nan'"):
        predictions.read(tmp_path / "p.csv")


def test_a_file_above_the_limit_is_not_read(table, tmp_path, monkeypatch):
    predictions.write(table, tmp_path / "p.csv")
    monkeypatch.setattr(predictions, "MAX_BYTES", 100)
    with pytest.raises(PredictionTableError, match="more than the limit 100"):
        predictions.read(tmp_path / "p.csv")


def test_parquet_without_pyarrow_says_what_to_do(table, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setitem(sys.modules, "fastparquet", None)
    with pytest.raises(PredictionTableError, match=r"'pip install pyarrow', or use a \.csv"):
        predictions.write(table, tmp_path / "p.parquet")
    assert list(tmp_path.iterdir()) == []


def test_nothing_to_put_together_is_refused():
    with pytest.raises(ValueError, match="no prediction tables"):
        predictions.concat([])
