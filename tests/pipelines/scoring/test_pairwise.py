"""Pairs of models: what a test of each says, and that names and order change nothing."""

import numpy as np
import pandas as pd
import pytest

from pipelines import Task, compare, predictions
from pipelines.out_of_fold.panel import make_panel
from pipelines.scoring.pairwise import COLUMNS, compare_pairs
from pipelines.scoring.significance import mcnemar

GENDER = Task("gender", ("female", "male"))
AGE = Task("age", None)


def gender_rows(model, right, subjects=None, n_folds=5):
    right = np.asarray(right, dtype=bool)
    truth = np.arange(len(right)) % 2
    female = np.where(right == (truth == 0), 0.9, 0.1)
    table = pd.DataFrame(
        {
            "image_id": [f"{row:064x}" for row in range(len(right))],
            "task": "gender",
            "model": model,
            "fold": np.arange(len(right)) % n_folds,
            "y_true": np.array(GENDER.classes)[truth],
            "years_true": np.nan,
            "years_pred": np.nan,
            "p_female": female,
            "p_male": 1 - female,
        }
    )
    return table if subjects is None else table.assign(subject_id=subjects)


def pairs_of(*tables, task=GENDER, **options):
    pairs = compare_pairs(make_panel(predictions.concat(tables), task), **options)
    return pairs.set_index(["metric", "model_a", "model_b"]).sort_index()


def right_answers(n, share, seed):
    return np.random.default_rng(seed).random(n) < share


def test_a_large_difference_is_one_and_a_small_one_is_not():
    answers = {"good": 0.95, "fair": 0.75, "also fair": 0.76}
    tables = [
        gender_rows(name, right_answers(400, share, seed))
        for seed, (name, share) in enumerate(answers.items())
    ]
    pairs = pairs_of(*tables).loc["accuracy"]
    assert pairs["different"].to_dict() == {
        ("good", "fair"): True,
        ("good", "also fair"): True,
        ("fair", "also fair"): False,
    }
    assert (pairs["p_holm"] >= pairs["p_swap"]).all()
    inside = (pairs["low"] < pairs["difference"]) & (pairs["difference"] < pairs["high"])
    assert inside.all()
    # What is told apart by the test is so by the interval, and the other way round.
    assert ((pairs["low"] > 0) | (pairs["high"] < 0)).tolist() == pairs["different"].tolist()


def test_every_metric_of_the_task_has_every_pair():
    tables = [gender_rows(name, right_answers(60, 0.8, seed)) for seed, name in enumerate("abc")]
    pairs = compare_pairs(make_panel(predictions.concat(tables), GENDER))
    assert list(pairs.columns) == COLUMNS
    assert pairs.groupby("metric").size().to_dict() == {
        "accuracy": 3,
        "balanced_accuracy": 3,
        "macro_f1": 3,
    }


def test_without_people_it_is_mcnemars_test():
    first, second = right_answers(300, 0.8, 1), right_answers(300, 0.7, 2)
    row = pairs_of(gender_rows("a", first), gender_rows("b", second)).loc["accuracy"].iloc[0]
    expected = mcnemar(int(np.sum(first & ~second)), int(np.sum(second & ~first)))
    assert row["p_mcnemar"] == expected
    assert row["p_swap"] == pytest.approx(expected, abs=0.01)
    assert row["difference"] == pytest.approx(first.mean() - second.mean())


def test_photos_of_few_people_prove_little():
    """40 photos, all that differ in favour of one model: of 40 people, or of 4."""
    first, second = np.ones(40, dtype=bool), np.arange(40) >= 20
    alone = pairs_of(gender_rows("a", first), gender_rows("b", second)).loc["accuracy"].iloc[0]
    people = [f"s{row // 10}" for row in range(40)]
    tables = [gender_rows("a", first, people, 2), gender_rows("b", second, people, 2)]
    few = pairs_of(*tables).loc["accuracy"].iloc[0]
    assert alone["p_swap"] < 0.001
    # Two people of four differ, so 2 of the 4 ways to swap these two are as extreme.
    assert few["p_swap"] == 0.5
    assert np.isnan(few["p_mcnemar"])
    assert few["high"] - few["low"] > 2 * (alone["high"] - alone["low"])
    # No way to swap four people has a p-value below 2 / 16.
    assert np.isnan(few["detectable"])
    assert 0 < alone["detectable"] < 1


def test_among_many_models_a_clear_difference_is_still_told():
    """Holm's correction for 276 pairs."""
    tables = [gender_rows(f"m{n:02}", right_answers(400, 0.8, n)) for n in range(23)]
    tables.append(gender_rows("poor", right_answers(400, 0.3, 99)))
    comparison = compare(predictions.concat(tables), [GENDER])
    pairs = comparison.pairs[comparison.pairs["metric"] == "accuracy"]
    against = (pairs["model_b"] == "poor").to_numpy()
    assert pairs["different"].to_numpy()[against].all()
    assert not pairs["different"].to_numpy()[~against].any()
    assert set(pairs["n_swaps"]) == {50 * 276}
    assert any("for random photos, 13,800 times" in note for note in comparison.notes)


def test_the_notes_say_where_all_ways_to_swap_were_tried():
    people = [f"s{row // 10}" for row in range(40)]
    tables = [
        gender_rows(n, right_answers(40, 0.8, seed), people, 2) for seed, n in enumerate("ab")
    ]
    notes = compare(predictions.concat(tables), [GENDER]).notes
    assert any("between the two models for people in all 16 ways; 5 %" in note for note in notes)


def test_names_and_order_change_nothing():
    first, second = right_answers(80, 0.9, 1), right_answers(80, 0.7, 2)
    people = [f"s{row // 2}" for row in range(80)]
    plain = [gender_rows("a", first, people), gender_rows("b", second, people)]
    renamed = [
        gender_rows("x", first, [f"{name}!" for name in people]).sample(frac=1, random_state=0),
        gender_rows("y", second, [f"{name}!" for name in people]).sample(frac=1, random_state=1),
    ]
    numbers = [column for column in COLUMNS if column not in ("task", "metric", *COLUMNS[2:4])]
    first_pairs, again = pairs_of(*plain), pairs_of(*renamed)
    pd.testing.assert_frame_equal(
        first_pairs[numbers].reset_index(drop=True), again[numbers].reset_index(drop=True)
    )
    swapped = pairs_of(*plain[::-1]).reset_index()
    assert swapped["difference"].tolist() == pytest.approx((-first_pairs["difference"]).tolist())
    assert swapped["p_swap"].tolist() == first_pairs["p_swap"].tolist()


def test_the_seed_decides():
    tables = [
        gender_rows("a", right_answers(80, 0.8, 1)),
        gender_rows("b", right_answers(80, 0.7, 2)),
    ]
    first, again, other = (pairs_of(*tables, random_state=seed) for seed in (1, 1, 2))
    pd.testing.assert_frame_equal(first, again)
    assert (first["p_swap"] != other["p_swap"]).any()


def test_one_model_has_no_pair():
    assert pairs_of(gender_rows("a", right_answers(20, 0.8, 1))).empty


def test_one_fold_has_no_t_and_one_subject_no_interval():
    first, second = right_answers(40, 0.9, 1), right_answers(40, 0.5, 2)
    row = pairs_of(gender_rows("a", first, "one", 1), gender_rows("b", second, "one", 1)).iloc[0]
    assert row[["low", "high", "p_corrected_t", "detectable"]].isna().all()
    assert row["p_swap"] == 1
    assert not row["different"]


def test_all_correct_models_are_not_told_apart():
    tables = [gender_rows(name, np.ones(30, dtype=bool)) for name in "ab"]
    pairs = pairs_of(*tables)
    assert (pairs["p_swap"] == 1).all()
    assert not pairs["different"].any()


def age_rows(model, errors):
    count = len(errors)
    return pd.DataFrame(
        {"image_id": [f"{row:064x}" for row in range(count)], "task": "age", "model": model}
        | {"fold": np.arange(count) % 5, "y_true": None, "years_true": 40.0}
        | {"years_pred": 40.0 + errors}
    )


def test_years_are_compared_by_their_error():
    rng = np.random.default_rng(0)
    shared = rng.normal(0, 5, 200)
    near, far = shared + rng.normal(0, 1, 200), shared * 1.4
    pairs = pairs_of(age_rows("near", near), age_rows("far", far), task=AGE)
    row = pairs.loc["mae"].iloc[0]
    assert row["difference"] == pytest.approx(np.abs(near).mean() - np.abs(far).mean())
    assert row["difference"] < 0
    assert row["different"]
    assert row["detectable"] < 1


def test_the_table_marks_what_is_not_told_apart_from_the_best(tmp_path):
    answers = {"good": 0.95, "nearly": 0.945, "poor": 0.7}
    people = [f"s{row // 5}" for row in range(400)]
    draw = np.random.default_rng(0).random(400)
    noise = np.random.default_rng(1).random(400)
    tables = [
        gender_rows(name, (draw if name != "nearly" else noise) < share, people)
        for name, share in answers.items()
    ]
    comparison = compare(predictions.concat(tables), [GENDER])
    cells = comparison.format(lambda text: f"<{text}>")["Accuracy (%)"].tolist()
    assert cells[0].startswith("<")
    assert cells[1].endswith(" ≈")
    assert not cells[2].endswith("≈")
    notes = " ".join(comparison.notes)
    for words in ("≈", "Holm", "random people", "bootstrap of people", "held fixed"):
        assert words in notes
    comparison.to_latex(tmp_path / "t.tex")
    comparison.to_markdown(tmp_path / "t.md")
    assert r"$\approx$" in (tmp_path / "t.tex").read_text()
    assert " ≈ " in (tmp_path / "t.md").read_text()


def test_without_people_the_notes_say_that_photos_were_drawn():
    notes = " ".join(compare(gender_rows("a", right_answers(20, 0.8, 1)), [GENDER]).notes)
    assert "bootstrap of photos, since the data name no people" in notes
    assert "≈" not in notes
