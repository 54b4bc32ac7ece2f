import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.special import expit, logit, logsumexp

from pipelines import Evaluation, PredictionTableError, Task, fusion, predictions
from pipelines.evaluation.fusion import average_predictions, average_probabilities, average_years

AGE_GROUP = Task("age-group", ("child", "adult", "old"), ordered=True, years=(6.0, 35.0, 70.0))
AGE = Task("age", None)


@st.composite
def probability_tables(draw, least=0.0):
    """Two to four models' probabilities of the same rows and classes."""
    n_models, n_rows, n_classes = (
        draw(st.integers(2, 4)),
        draw(st.integers(1, 5)),
        draw(st.integers(2, 8)),
    )
    shape = (n_models, n_rows, n_classes)
    weights = draw(arrays(np.float64, shape, elements=st.floats(least, 1)))
    weights[..., 0] += 0.01  # at least one class is possible
    return weights / weights.sum(2, keepdims=True)


def ages(model="m", error=1.0, n=6):
    return pd.DataFrame(
        {
            "image_id": [f"{row:064x}" for row in range(n)],
            "task": "age",
            "model": model,
            "fold": np.arange(n) % 2,
            "y_true": pd.array([None] * n, dtype="str"),
            "years_true": np.arange(n) * 10.0,
            "years_pred": np.arange(n) * 10.0 + error,
        }
    )


def groups(model, rows):
    p_child, p_adult, p_old = np.transpose(rows)
    n = len(rows)
    return pd.DataFrame(
        {
            "image_id": [f"{row:064x}" for row in range(n)],
            "task": "age-group",
            "model": model,
            "fold": np.arange(n) % 2,
            "y_true": "adult",
            "years_true": 30.0,
            "years_pred": 12.0,
            "p_child": p_child,
            "p_adult": p_adult,
            "p_old": p_old,
        }
    )


def test_a_part_without_answers_is_refused():
    rows = [[0.2, 0.5, 0.3]] * 4
    silent = groups("quiet", rows).assign(answered=[1, 1, 0, 1])
    columns = ["p_child", "p_adult", "p_old"]
    silent.loc[2, [*columns, "years_pred"]] = np.nan
    message = r"needs probabilities for every face\. quiet has none for 1 of the 4 faces of age-gr"
    with pytest.raises(PredictionTableError, match=message):
        average_predictions([groups("sure", rows), silent], AGE_GROUP, "both")
    named = groups("names", rows).assign(y_pred="adult", **dict.fromkeys(columns, np.nan))
    with pytest.raises(PredictionTableError, match="names has none for 4 of the 4 faces"):
        average_predictions([groups("sure", rows), named], AGE_GROUP, "both")
    quiet = ages("quiet").assign(answered=[0, 1, 1, 1, 1, 1])
    quiet.loc[0, "years_pred"] = np.nan
    with pytest.raises(PredictionTableError, match=r"needs an age for every face\. quiet has none"):
        average_predictions([ages("sure"), quiet], AGE, "both")


def test_known_numbers_by_hand():
    """sqrt(.5 * .1) : sqrt(.5 * .9) = 1 : 3, and cube roots of 1/64, 1/8 and 1/64."""
    pair = average_probabilities([np.array([[0.5, 0.5]]), np.array([[0.1, 0.9]])])
    np.testing.assert_allclose(pair, [[0.25, 0.75]], rtol=1e-12)
    three = [[[0.25, 0.5, 0.25]], [[0.25, 0.5, 0.25]], [[0.25, 0.5, 0.25]]]
    np.testing.assert_allclose(average_probabilities(three), [[0.25, 0.5, 0.25]], rtol=1e-12)
    mixed = average_probabilities([np.array([[0.8, 0.1, 0.1]]), np.array([[0.2, 0.4, 0.4]])])
    np.testing.assert_allclose(mixed, [[0.5, 0.25, 0.25]], rtol=1e-12)  # 0.4 : 0.2 : 0.2


def test_a_zero_of_one_model_is_one_in_a_million():
    (row,) = average_probabilities([np.array([[0.0, 1.0]]), np.array([[0.5, 0.5]])])
    np.testing.assert_allclose(row[0] / row[1], np.sqrt(1e-6 * 0.5) / np.sqrt(0.5), rtol=1e-12)
    disagree = average_probabilities([np.array([[0.0, 1.0]]), np.array([[1.0, 0.0]])])
    np.testing.assert_allclose(disagree, [[0.5, 0.5]])


def test_a_class_that_no_model_knows_keeps_zero():
    parts = [np.array([[0.5, 0.0, 0.5]]), np.array([[0.5, 0.0, 0.5]])]
    np.testing.assert_array_equal(average_probabilities(parts), [[0.5, 0.0, 0.5]])


@given(probability_tables(least=0.001))
def test_it_is_the_normalised_mean_of_logarithms(tables):
    logs = np.log(tables).mean(0)
    expected = np.exp(logs - logsumexp(logs, axis=1, keepdims=True))
    np.testing.assert_allclose(average_probabilities(tables), expected, rtol=1e-9)


@given(st.lists(st.floats(0.001, 0.999), min_size=2, max_size=5))
def test_the_log_odds_of_two_classes_are_averaged(chances):
    tables = [np.array([[p, 1 - p]]) for p in chances]
    expected = expit(np.mean(logit(chances)))
    assert average_probabilities(tables)[0, 0] == pytest.approx(expected, rel=1e-9)


@given(probability_tables(), st.randoms())
def test_the_order_of_the_parts_does_not_matter(tables, random):
    order = random.sample(range(len(tables)), len(tables))
    again = average_probabilities(tables[order])
    np.testing.assert_allclose(again, average_probabilities(tables), rtol=1e-12, atol=0)


@given(probability_tables(), st.integers(2, 4))
def test_the_average_with_itself_is_itself(tables, times):
    itself = average_probabilities([tables[0]] * times)
    np.testing.assert_allclose(itself, tables[0], rtol=0, atol=8 * fusion.LEAST)


@given(probability_tables())
def test_rows_are_probabilities_and_what_all_agree_on_stays(tables):
    rows = average_probabilities(tables)
    np.testing.assert_allclose(rows.sum(1), 1, rtol=1e-12)
    assert ((rows >= 0) & (rows <= 1)).all()
    agreed = tables.argmax(2)
    unanimous = (agreed == agreed[0]).all(0)
    chosen = np.take_along_axis(rows, agreed[:1].T, 1)[unanimous, 0]
    np.testing.assert_allclose(chosen, rows.max(1)[unanimous], rtol=1e-12)


def test_years_are_averaged():
    np.testing.assert_array_equal(average_years([[10, 20], [20, 50], [30, 20]]), [20, 30])


@pytest.mark.parametrize("named", [0, 1])
def test_who_is_in_a_photo_is_told_if_one_of_the_parts_tells_it(named):
    parts = [ages("a"), ages("b")]
    parts[named]["subject_id"] = list("uuvvww")
    table = average_predictions(parts, AGE, "a+b")
    assert table["subject_id"].tolist() == list("uuvvww")


@pytest.mark.parametrize("parts", [[], [np.full((2, 2), 0.5), np.full((2, 3), 1 / 3)]])
def test_arrays_of_other_shapes_are_an_error(parts):
    with pytest.raises(ValueError, match="arrays of one shape"):
        average_probabilities(parts)


def test_a_table_of_classes(predict_gender, tasks):
    """0.2 and 0.9 have the odds 1/4 and 9: their geometric mean is 3/2."""
    first, second = predict_gender("svm"), predict_gender("mlp", shift=1)
    table = average_predictions([first, second], tasks[1], "svm+mlp")
    predictions.validate(table, tasks)
    assert list(table) == list(predictions.concat([first]))
    assert table["model"].unique().tolist() == ["svm+mlp"]
    np.testing.assert_allclose(table["p_female"][0], 0.6, rtol=1e-12)
    np.testing.assert_allclose(table["p_female"][1:], first["p_female"][1:], rtol=1e-12)
    assert table["years_pred"].isna().all()
    facts = ["image_id", "fold", "y_true"]
    pd.testing.assert_frame_equal(table[facts], first[facts], check_dtype=False)


def test_an_expected_age_comes_from_the_averaged_probabilities():
    parts = [groups("a", [(0.8, 0.1, 0.1)] * 4), groups("b", [(0.2, 0.4, 0.4)] * 4)]
    table = average_predictions(parts, AGE_GROUP, "a+b")
    np.testing.assert_allclose(table["years_pred"], 0.5 * 6 + 0.25 * 35 + 0.25 * 70)
    assert (table["years_true"] == 30).all()


def test_a_table_of_ages():
    table = average_predictions([ages("a", 3), ages("b", -1)], AGE, "a+b")
    predictions.validate(table, [AGE])
    np.testing.assert_allclose(table["years_pred"] - table["years_true"], 1)
    assert table["y_true"].isna().all()


def test_rows_are_matched_by_photo(predict_gender, tasks):
    first, second = predict_gender("svm"), predict_gender("mlp", shift=5)
    expected = average_predictions([first, second], tasks[1], "x")
    shuffled = second.sample(frac=1, random_state=0)
    pd.testing.assert_frame_equal(average_predictions([first, shuffled], tasks[1], "x"), expected)
    other_way = average_predictions([shuffled, first], tasks[1], "x")
    pd.testing.assert_frame_equal(
        other_way.sort_values("image_id", ignore_index=True), expected, rtol=1e-12
    )


def test_two_runs_of_one_model_can_be_averaged(predict_gender, tasks):
    table = average_predictions([predict_gender("svm")] * 2, tasks[1], "svm, twice")
    np.testing.assert_allclose(table["p_female"], predict_gender()["p_female"], rtol=1e-12)


def other(change):
    """Two tables of which the second is changed."""
    return lambda first, second: [first, change(second)]


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        (lambda first, second: [], "no prediction tables"),
        (other(lambda t: t.iloc[:-1]), "1 rows differ in image_id, fold or truth"),
        (other(lambda t: t.assign(fold=0)), "rows differ in image_id, fold or truth"),
        (other(lambda t: t.assign(y_true=t["y_true"].to_numpy()[::-1])), "not tested alike"),
        (other(lambda t: t.assign(task="age")), "Part 2 .* one task, 'gender'. Got age"),
        (other(lambda t: t.assign(task=["gender", "age"] * 6)), "one task.*Got gender, age"),
        (other(lambda t: t.assign(model=["a", "b"] * 6)), "Part 2 .* one model. Got a, b"),
        (other(lambda t: t.iloc[:0]), "Part 2 .* Got no rows"),
        (other(lambda t: pd.concat([t, t])), "repeat an image_id"),
        (other(lambda t: t.drop(columns="fold")), r"Missing columns \['fold'\]"),
        (other(lambda t: t.drop(columns="p_male")), r"not in \[0, 1\]"),
        (other(lambda t: t.assign(p_male=np.nan)), r"not in \[0, 1\]"),
    ],
)
def test_tables_that_are_not_alike_are_an_error(predict_gender, tasks, parts, message):
    with pytest.raises(PredictionTableError, match=message):
        average_predictions(parts(predict_gender("a"), predict_gender("b")), tasks[1], "a+b")


def timings(model, seconds, folds=(0, 1)):
    return pd.DataFrame(
        {
            "task": "age",
            "model": model,
            "fold": folds,
            "fit_seconds": [seconds * (1 + fold) for fold in folds],
            "predict_ms_per_row": [seconds / 10] * len(folds),
            "n_train": 4,
            "n_test": 2,
        }
    )


def test_times_add_up_fold_by_fold():
    parts = [
        Evaluation(ages("a"), timings("a", 1.0)),
        Evaluation(ages("b"), timings("b", 5.0, folds=(1, 0))),
    ]
    average = fusion.average(parts, AGE, "a+b")
    expected = timings("a+b", 6.0)
    pd.testing.assert_frame_equal(average.timings, expected, check_dtype=False)
    assert average.predictions["model"].unique().tolist() == ["a+b"]
