"""Models that are silent on some faces, or name classes without probabilities."""

import numpy as np
import pandas as pd
import pytest

from pipelines import (
    PredictionTableError,
    Task,
    calibration_table,
    compare,
    confusion,
    predictions,
    reliability_table,
    selective_table,
)
from pipelines.scoring.selective import confidences

GENDER = Task("gender", ("female", "male"))
PROBABILITIES = GENDER.probability_columns


@pytest.fixture
def silent(predict_gender):
    """12 answers of which the first 2 are wrong and the last 3 are missing."""
    table = predict_gender(shift=2).assign(answered=1)
    table.loc[9:, [*PROBABILITIES]] = np.nan
    table.loc[9:, "answered"] = 0
    return table


@pytest.fixture
def labels(predict_gender):
    """12 classes without probabilities, of which the first 2 are wrong."""
    table = predict_gender(shift=2)
    names = predictions.predicted_classes(table, GENDER)
    return table.assign(y_pred=names, p_female=np.nan, p_male=np.nan)


def test_a_silent_face_is_wrong_and_the_others_stand_beside_it(silent):
    row = compare(silent, [GENDER]).table.iloc[0]
    assert (row["n_missing"], row["n_rows"]) == (3, 12)
    assert row["accuracy_pooled"] == 7 / 12
    assert row["accuracy_answered"] == 7 / 9
    assert confusion(silent, GENDER, "m")["no answer"].sum() == 3


def test_silence_never_pays(predict_gender):
    """Whatever is left unanswered, no score is better than with any answer."""
    whole = predict_gender(shift=4)
    for row in range(len(whole)):
        quiet = whole.assign(answered=np.where(np.arange(12) == row, 0, 1))
        quiet.loc[row, PROBABILITIES] = np.nan
        scores = [compare(t, [GENDER]).table.iloc[0] for t in (quiet, whole)]
        assert scores[0]["accuracy_pooled"] <= scores[1]["accuracy_pooled"]
        assert scores[0]["balanced_accuracy_pooled"] <= scores[1]["balanced_accuracy_pooled"]


def test_far_answers_are_no_worse_than_silence():
    """A silent face is as far from the truth as the scale allows."""
    task = Task("age-group", ("a", "b", "c"), ordered=True, years=(1.0, 2.0, 3.0))
    ids = [f"{row}" for row in range(6)]
    shared = {"image_id": ids, "task": "age-group", "fold": [0, 1] * 3, "y_true": list("abcabc")}
    shared |= {"years_true": np.nan, "years_pred": np.nan, "p_a": np.nan, "p_b": np.nan}
    table = pd.DataFrame({**shared, "p_c": np.nan, "model": "far", "y_pred": list("aacabc")})
    quiet = table.assign(model="quiet", answered=[1, 0, 1, 1, 1, 1])
    quiet.loc[1, "y_pred"] = None
    scores = compare(predictions.concat([table, quiet]), [task]).table.set_index("model")
    assert scores.loc["far", "one_off_pooled"] == 1
    assert scores.loc["quiet", "one_off_pooled"] == 5 / 6
    # By hand: squares 1; expected (2*(2+2*1*0)+...) with totals a 2, b 1, c 2 of five answers.
    expected = (2 * (1 * 1 + 2 * 4) + 2 * (2 * 1 + 2 * 1) + 2 * (2 * 4 + 1 * 1)) / 5
    assert scores.loc["quiet", "kappa_pooled"] == pytest.approx(1 - 1 / expected)


def test_the_least_sure_answer_is_none(silent):
    confidence, correct = confidences(silent, GENDER)
    assert confidence[9:].tolist() == [0, 0, 0]
    assert not correct[9:].any()
    whole = selective_table(silent, [GENDER]).query("question == 'coverage' and asked == 1")
    assert whole["accuracy"].iloc[0] == 7 / 12


def test_calibration_is_of_the_answers(silent):
    given = silent[silent["answered"] == 1].drop(columns="answered")
    ours, theirs = (calibration_table(table, [GENDER]) for table in (silent, given))
    columns = ["n_rows", "accuracy", "confidence", "ece", "brier"]
    pd.testing.assert_frame_equal(ours[columns], theirs[columns])
    assert reliability_table(silent, GENDER, "m")["n_rows"].sum() == 9


def test_classes_alone_are_scored_and_not_calibrated(labels, predict_gender):
    table = predictions.concat([labels.assign(model="mute"), predict_gender(shift=2)])
    comparison = compare(table, [GENDER])
    scores = comparison.table.set_index("model")[["accuracy_pooled", "macro_f1_pooled"]]
    assert scores.loc["mute"].tolist() == scores.loc["m"].tolist()
    assert set(calibration_table(table, [GENDER])["model"]) == {"m"}
    assert set(selective_table(table, [GENDER])["model"]) == {"m"}
    assert any("mute names classes without probabilities" in note for note in comparison.notes)
    with pytest.raises(ValueError, match="'mute' gives no probabilities of 'gender'"):
        reliability_table(table, GENDER, "mute")


def test_of_equal_classes_the_one_that_is_named_is_the_answer(predict_gender):
    """In calibration as in every score."""
    equal = predict_gender().assign(p_female=0.5, p_male=0.5, y_pred="male")
    table = calibration_table(equal.assign(y_true="male"), [GENDER])
    assert len(table) == 2
    assert (table["accuracy"] == 1).all()
    assert (reliability_table(equal.assign(y_true="male"), GENDER, "m")["accuracy"] == 1).all()


def test_a_table_with_silence_is_read_back(silent, labels, tmp_path):
    table = predictions.concat([silent, labels.assign(model="mute")])
    predictions.write(table, tmp_path / "p.csv")
    pd.testing.assert_frame_equal(predictions.read(tmp_path / "p.csv"), table)


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("answered", 2, "'answered' must be 1 or 0. Got 2"),
        ("answered", 0, "have an answer although 'answered' is 0"),
        ("y_pred", "cat", "y_pred that is no class of 'gender', such as 'cat'"),
        ("y_pred", "male", "not their most probable class"),
    ],
)
def test_what_contradicts_itself_is_refused(predict_gender, column, value, message):
    table = predict_gender().assign(answered=1, y_pred=pd.array([None] * 12, dtype="str"))
    table.loc[0, column] = value
    with pytest.raises(PredictionTableError, match=message):
        predictions.validate(table, [GENDER])


def test_years_of_some_answers_only_are_refused(silent):
    """Its MAE would be that of the faces it finds easy."""
    years = silent.assign(
        years_true=30.0, years_pred=np.where(silent["answered"] == 1, 31.0, np.nan)
    )
    predictions.validate(years, [GENDER])
    years.loc[[2, 5], "years_pred"] = np.nan
    with pytest.raises(PredictionTableError, match="'m' has no years_pred for 2 of its 9 answers"):
        predictions.validate(years, [GENDER])


def test_probabilities_of_some_answers_only_are_refused(labels):
    labels.loc[0, PROBABILITIES] = [0.9, 0.1]
    labels.loc[0, "y_pred"] = "female"
    with pytest.raises(PredictionTableError, match="11 rows have probabilities that are not"):
        predictions.validate(labels, [GENDER])
