"""Repeated folds: every prediction is kept, and no face counts as several."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator

from pipelines import (
    Task,
    assign_folds,
    calibration_table,
    compare,
    cross_validate,
    predictions,
    recall_table,
    score_groups,
    selective_table,
)
from pipelines.errors import PredictionTableError
from pipelines.evaluation.fusion import average
from pipelines.evaluation.gathering import Evaluation
from pipelines.scoring.significance import corrected_t

GENDER = Task("gender", ("female", "male"))
AGE = Task("age", None)


class Nearest(BaseEstimator):
    """A regressor whose answers show what it was trained on: the mean age, and the row."""

    def fit(self, X, y, groups=None):
        self.mean_ = y.mean()
        return self

    def predict(self, X):
        return self.mean_ + X[:, 0]


def evaluate(people, folds, **options):
    arguments = {"task": AGE, "model": "m", "image_ids": people.image_ids, "folds": folds}
    return cross_validate(Nearest, people.X, people.age, **arguments | options)


@pytest.fixture(scope="module")
def folds(people):
    return assign_folds(
        "subject",
        n_rows=180,
        labels=people.gender,
        groups=people.subjects,
        n_folds=3,
        n_repeats=2,
    )


def test_every_repeat_is_predicted_as_it_would_be_alone(people, folds):
    table = evaluate(people, folds.fold, groups=people.subjects, protocol="subject").predictions
    assert len(table) == 360
    assert table["image_id"].tolist() == np.repeat(people.image_ids, 2).tolist()
    assert table["repeat"].tolist() == [0, 1] * 180
    for repeat in (0, 1):
        alone = evaluate(people, folds.fold[:, repeat], groups=people.subjects).predictions
        part = table[table["repeat"] == repeat].reset_index(drop=True)
        assert part["fold"].equals(alone["fold"])
        assert part["years_pred"].equals(alone["years_pred"])
    predictions.validate(table, [AGE])
    assert "repeat" not in evaluate(people, folds.fold[:, 0]).predictions


def test_a_held_out_test_set_alone_is_predicted(people):
    held = assign_folds("holdout", n_rows=180, labels=people.gender, groups=people.subjects)
    result = evaluate(people, held.fold, groups=people.subjects, protocol="holdout")
    tested = np.flatnonzero(held.fold == 0)
    assert result.predictions["image_id"].tolist() == [people.image_ids[row] for row in tested]
    assert result.timings[["n_train", "n_test"]].to_numpy().tolist() == [[144, 36]]
    assert result.predictions["years_pred"].sub(people.X[tested, 0]).to_numpy() == pytest.approx(
        people.age[held.fold < 0].mean()
    )
    comparison = compare(result.predictions, [AGE], result.timings)
    assert comparison.marks_note().startswith("Scores of one test set")
    assert np.isnan(comparison.table["mae_std"].iloc[0])
    assert np.isfinite(comparison.table["mae_low"].iloc[0])


def answers(rng, n=60, named=True):
    """Return two models' answers about `n` photos of a third as many people."""
    parts = []
    for model, skill in (("a", 0.9), ("b", 0.75)):
        truth = np.array(GENDER.classes)[np.arange(n) // 3 % 2]
        chance = np.where(rng.random(n) < skill, 0.8, 0.2) + rng.uniform(-0.1, 0.1, n)
        female = np.where(truth == "female", chance, 1 - chance)
        parts.append(
            pd.DataFrame(
                {
                    "image_id": [f"{row:03}" for row in range(n)],
                    "task": "gender",
                    "model": model,
                    "fold": np.arange(n) // 3 % 4,
                    "y_true": truth,
                    "years_true": np.nan,
                    "years_pred": np.nan,
                    "p_female": female,
                    "p_male": 1 - female,
                }
            )
        )
    table = pd.concat(parts, ignore_index=True)
    return table.assign(subject_id=table["image_id"].astype(int) // 3) if named else table


def twice(table):
    """Return a table as if a second repeat had given the very same answers."""
    again = table.assign(repeat=1, fold=table["fold"] + 100)
    return predictions.concat([table.assign(repeat=0), again])


@pytest.mark.parametrize("named", [True, False])
def test_the_same_answers_again_make_nothing_surer(rng, named):
    """The known answer: intervals, tests and detectable differences stay what they were."""
    table = answers(rng, named=named)
    once, again = (compare(rows, [GENDER]) for rows in (predictions.concat([table]), twice(table)))
    for metric in ("accuracy", "macro_f1"):
        columns = [f"{metric}_{what}" for what in ("mean", "pooled", "low", "high")]
        np.testing.assert_allclose(again.table[columns], once.table[columns], atol=1e-6)
    columns = ["n_rows", "n_subjects"]
    assert again.table[columns].equals(once.table[columns])
    assert again.table["n_repeats"].eq(2).all()
    assert again.table["n_folds"].eq(8).all()
    assert again.format()["Folds"].tolist() == ["2x4"] * 2
    columns = ["n_rows", "n_subjects", "difference", "low", "high", "p_swap", "detectable"]
    np.testing.assert_allclose(again.pairs[columns], once.pairs[columns], atol=1e-6)
    assert again.pairs["p_mcnemar"].isna().all()


@pytest.mark.parametrize("n_folds", [2, 4], ids=["test sets", "folds"])
def test_a_face_without_an_answer_is_counted_once(rng, n_folds):
    """Two test sets of other faces, or all faces twice: of each the same three are silent."""
    table = answers(rng).assign(answered=1, repeat=0)
    if n_folds == 4:
        table = twice(table)
    else:
        table = table[table["fold"] < 2].assign(repeat=lambda t: t["fold"])
    silent = table["image_id"].isin(["000", "001", "003"]) & (table["model"] == "a")
    table.loc[silent, ["p_female", "p_male"]] = np.nan
    comparison = compare(predictions.concat([table.assign(answered=1 - silent)]), [GENDER])
    assert comparison.table["n_missing"].tolist() == [3, 0]
    n_faces = comparison.table["n_rows"][0]
    assert any(f"no answer for 3 of {n_faces} faces" in note for note in comparison.notes)


def test_the_test_above_would_see_photos_that_count_twice(rng):
    table = twice(answers(rng, named=False))
    others = table.assign(image_id=table["image_id"] + table["repeat"].astype(str))
    honest, wrong = (compare(rows, [GENDER]).table for rows in (table, others))
    widths = [float((t["accuracy_high"] - t["accuracy_low"]).iloc[1]) for t in (honest, wrong)]
    assert widths[1] < 0.85 * widths[0]


def test_tables_by_group_and_class_count_photos_and_not_answers(rng):
    table = answers(rng)
    genders = table.drop_duplicates("image_id").set_index("image_id")[["y_true"]]
    for make in (
        lambda rows: score_groups(rows, [GENDER], genders),
        lambda rows: recall_table(rows, [GENDER]),
    ):
        once, again = make(predictions.concat([table])), make(twice(table))
        for name in once.columns[once.dtypes != "str"]:
            assert again[name].equals(once[name]) or np.allclose(
                again[name], once[name], atol=1e-6, equal_nan=True
            ), name


def test_the_resampled_t_test_knows_how_many_rows_a_repeat_trains_on(rng):
    first, second = answers(rng), answers(rng)
    table = predictions.concat(
        [first.assign(repeat=0), second.assign(repeat=1, fold=second["fold"] + 4)]
    )
    right = (table["p_female"] > 0.5) == (table["y_true"] == "female")
    folds = right.groupby([table["model"], table["fold"]]).mean().unstack("model")
    expected = corrected_t((folds["a"] - folds["b"]).to_numpy(), 45, 15)
    pairs = compare(table, [GENDER]).pairs.set_index("metric")
    assert pairs.loc["accuracy", "p_corrected_t"] == pytest.approx(expected)


def test_repeated_test_sets_take_their_training_rows_from_the_timings(rng):
    table = answers(rng)
    kept = predictions.concat([table[table["fold"] < 2].assign(repeat=lambda t: t["fold"])])
    assert compare(kept, [GENDER]).pairs["p_corrected_t"].isna().all()
    timings = pd.DataFrame({"task": "gender", "model": ["a", "b"], "fold": 0, "fit_seconds": 1.0})
    timings = timings.assign(predict_ms_per_row=1.0, n_train=45, n_test=15)
    pairs = compare(kept, [GENDER], timings).pairs.set_index("metric")
    right = (kept["p_female"] > 0.5) == (kept["y_true"] == "female")
    folds = right.groupby([kept["model"], kept["fold"]]).mean().unstack("model")
    expected = corrected_t((folds["a"] - folds["b"]).to_numpy(), 45, 15)
    assert pairs.loc["accuracy", "p_corrected_t"] == pytest.approx(expected)


@pytest.mark.parametrize("table_of", [calibration_table, selective_table])
def test_what_is_fitted_on_other_folds_stays_inside_a_repeat(rng, table_of):
    """In another repeat the same photos are answered: their truth would set their own threshold."""
    first, second = answers(rng), answers(rng)
    both = predictions.concat(
        [first.assign(repeat=0), second.assign(repeat=1, fold=second["fold"] + 4)]
    )
    alone = [table_of(rows, [GENDER]) for rows in (first, second)]
    together = table_of(both, [GENDER])
    if table_of is selective_table:
        fitted = together["question"] == "accuracy"
        name = "threshold"
    else:
        fitted, name = together["form"] != "as given", "temperature"
    assert fitted.any()
    means = (alone[0][name] + alone[1][name]) / 2
    np.testing.assert_allclose(together.loc[fitted, name], means[fitted])


def test_errors_of_calibration_are_means_over_repeats(rng):
    first, second = answers(rng), answers(rng)
    both = predictions.concat(
        [first.assign(repeat=0), second.assign(repeat=1, fold=second["fold"] + 4)]
    )
    names = ["ece", "ece_mass", "ece_by_chance", "error_debiased", "accuracy", "brier"]
    alone = [calibration_table(rows, [GENDER])[names] for rows in (first, second)]
    np.testing.assert_allclose(
        calibration_table(both, [GENDER])[names], (alone[0] + alone[1]) / 2, rtol=1e-12
    )


def test_a_test_set_without_other_folds_has_no_thresholds(rng):
    table = answers(rng)
    kept = predictions.concat([table[table["fold"] < 2].assign(repeat=lambda t: t["fold"])])
    assert set(selective_table(kept, [GENDER])["question"]) == {"coverage"}
    assert set(calibration_table(kept, [GENDER])["form"]) == {"as given"}


def test_an_average_is_made_repeat_by_repeat(people, folds):
    parts = [
        evaluate(people, folds.fold, model=name, groups=people.subjects, protocol="subject")
        for name in ("m", "n")
    ]
    moved = parts[1].predictions.assign(years_pred=lambda t: t["years_pred"] + 10 * t["repeat"])
    table = average([parts[0], Evaluation(moved, parts[1].timings)], AGE, "m+n").predictions
    moves = table["years_pred"] - parts[0].predictions["years_pred"]
    assert moves.to_numpy() == pytest.approx(5.0 * table["repeat"].to_numpy())
    assert set(table["protocol"]) == {"subject"}


@pytest.mark.parametrize("suffix", ["csv"])
def test_a_file_gives_repeats_and_protocol_back(rng, tmp_path, suffix):
    table = twice(answers(rng)).assign(protocol="subject")
    table = predictions.concat([table])
    path = tmp_path / f"table.{suffix}"
    predictions.write(table, path)
    pd.testing.assert_frame_equal(predictions.read(path), table)


def test_a_model_that_was_tested_once_is_not_compared_with_repeats(rng):
    table = answers(rng)
    once = table[table["model"] == "a"]
    repeated = twice(table[table["model"] == "b"])
    with pytest.raises(PredictionTableError, match="were not tested alike: 60 rows differ"):
        predictions.validate(predictions.concat([once, repeated]), [GENDER])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.assign(fold=t["fold"] % 100), "Fold 0 is in 2 repeats"),
        (lambda t: t.assign(repeat=0), "rows repeat an image_id, task, model and repeat"),
        (
            lambda t: t.assign(protocol=["random", "subject"] * 120),
            "several protocols can't be compared: random, subject",
        ),
    ],
)
def test_a_table_that_breaks_the_contract_is_refused(rng, change, message):
    table = twice(answers(rng))
    predictions.validate(table, [GENDER])
    with pytest.raises(PredictionTableError, match=message):
        predictions.validate(change(table), [GENDER])
