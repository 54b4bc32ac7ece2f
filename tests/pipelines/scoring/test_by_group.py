"""Scores by group: the same as scoring each group alone, with intervals and honest small groups."""

import numpy as np
import pandas as pd
import pytest
import sklearn.metrics

from pipelines import Task, predictions, recall_table, score_groups
from pipelines.scoring.by_group import COLUMNS, FEW_SUBJECTS

GENDER = Task("gender", ("female", "male"))
AGE = Task("age", None)


def gender_rows(n=600, model="m", seed=0, share=0.85, photos=2):
    rng = np.random.default_rng(seed)
    truth = np.random.default_rng(99).integers(0, 2, n)
    right = rng.random(n) < share
    female = np.where(right == (truth == 0), 0.9, 0.1)
    table = pd.DataFrame(
        {
            "image_id": [f"{row:064x}" for row in range(n)],
            "task": "gender",
            "model": model,
            "fold": np.arange(n) // photos % 5,
            "y_true": np.array(GENDER.classes)[truth],
            "years_true": np.nan,
            "years_pred": np.nan,
            "subject_id": [f"s{row // photos}" for row in range(n)],
            "p_female": female,
            "p_male": 1 - female,
        }
    )
    return predictions.concat([table])


def groups_of(rows, **columns):
    return pd.DataFrame({"image_id": rows["image_id"], **columns}).set_index("image_id")


def by_race(rows, share=(0.5, 0.3, 0.2)):
    people = rows["subject_id"].str[1:].astype(int)
    cuts = np.cumsum(share) * (people.max() + 1)
    return groups_of(rows, race=np.array(["a", "b", "c"])[np.searchsorted(cuts, people, "right")])


def test_each_group_is_scored_as_if_it_were_alone():
    rows = gender_rows()
    groups = by_race(rows)
    table = score_groups(rows, [GENDER], groups).set_index(["group", "metric"])
    for name, members in groups.groupby("race"):
        part = rows[rows["image_id"].isin(members.index)]
        predicted = np.where(part["p_male"] > 0.5, "male", "female")
        expected = {
            "accuracy": sklearn.metrics.accuracy_score(part["y_true"], predicted),
            "balanced_accuracy": sklearn.metrics.balanced_accuracy_score(part["y_true"], predicted),
            "macro_f1": sklearn.metrics.f1_score(part["y_true"], predicted, average="macro"),
        }
        got = table.loc[name]
        assert got["score"].to_dict() == pytest.approx(expected)
        assert set(got["n_rows"]) == {len(part)}
        assert set(got["n_subjects"]) == {part["subject_id"].nunique()}
        assert ((got["low"] < got["score"]) & (got["score"] < got["high"])).all()


def test_it_agrees_with_fairlearn():
    fairlearn = pytest.importorskip("fairlearn.metrics")
    rows = gender_rows()
    race = by_race(rows)["race"].reindex(rows["image_id"]).to_numpy()
    frame = fairlearn.MetricFrame(
        metrics=sklearn.metrics.accuracy_score,
        y_true=rows["y_true"].to_numpy(),
        y_pred=np.where(rows["p_male"] > 0.5, "male", "female"),
        sensitive_features=race,
    )
    table = score_groups(rows, [GENDER], by_race(rows))
    accuracy = table[table["metric"] == "accuracy"].set_index("group")
    assert accuracy["score"].to_dict() == pytest.approx(frame.by_group.to_dict())
    assert accuracy["gap"].max() == pytest.approx(frame.difference())
    assert accuracy.index[accuracy["worst"]] == [frame.by_group.idxmin()]


def test_a_planted_gap_is_found_and_the_worst_group_named():
    rows = gender_rows(1200)
    groups = by_race(rows)
    hard = rows["image_id"].map(groups["race"]) == "b"
    unsure = hard & (np.arange(1200) % 3 == 0)
    rows.loc[unsure, ["p_female", "p_male"]] = rows.loc[unsure, ["p_male", "p_female"]].to_numpy()
    table = score_groups(rows, [GENDER], groups)
    accuracy = table[table["metric"] == "accuracy"].set_index("group")
    assert accuracy.index[accuracy["worst"]].tolist() == ["b"]
    row = accuracy.loc["b"]
    assert row["gap"] == pytest.approx(accuracy["score"].max() - row["score"])
    assert 0 < row["gap_low"] < row["gap"] < row["gap_high"]
    assert accuracy["gap"].min() == 0


def test_of_errors_the_largest_is_the_worst():
    rng = np.random.default_rng(0)
    n = 200
    old = np.arange(n) >= 100
    table = pd.DataFrame(
        {"image_id": [f"{row:064x}" for row in range(n)], "task": "age", "model": "m"}
        | {"fold": np.arange(n) % 5, "y_true": None, "years_true": 40.0}
        | {"years_pred": 40 + rng.normal(0, np.where(old, 9, 3))}
    )
    groups = groups_of(table, era=np.where(old, "old", "young"))
    scores = score_groups(table, [AGE], groups).set_index(["metric", "group"])
    assert scores.loc[("mae", "old"), "worst"]
    assert scores.loc[("mae", "old"), "gap_low"] > 0
    assert not scores.loc[("mae", "young"), "worst"]
    assert scores.loc[("mae", "young"), "gap"] == 0


def test_a_small_group_is_shown_and_marked_and_judged_by_nobody():
    rows = gender_rows()
    groups = by_race(rows)
    tiny = rows["subject_id"].isin(["s0", "s1", "s2"]).to_numpy()
    groups.loc[tiny, "race"] = "tiny"
    rows.loc[tiny, ["p_female", "p_male"]] = np.where(
        (rows.loc[tiny, "y_true"] == "female").to_numpy()[:, None], [0.1, 0.9], [0.9, 0.1]
    )
    table = score_groups(rows, [GENDER], groups)
    accuracy = table[table["metric"] == "accuracy"].set_index("group")
    row = accuracy.loc["tiny"]
    assert row["few_subjects"]
    assert (row["score"], row["n_rows"], row["n_subjects"]) == (0, 6, 3)
    assert not row["worst"]
    # None of three right says little: the exact interval ends at 1 - 0.025 ** (1/3).
    assert (row["low"], row["high"]) == pytest.approx((0, 1 - 0.025 ** (1 / 3)))
    assert not accuracy.drop("tiny")["few_subjects"].any()
    assert FEW_SUBJECTS > 3


def test_who_has_no_known_age_is_not_counted_in_a_score_in_years():
    """Of 60 people of the worst group only 8 have an age: enough for classes, not for years."""
    rows = gender_rows(n=240)
    people = rows["subject_id"].str[1:].astype(int)
    era = np.where(people < 60, "old", "new")
    known = (people < 8) | (people >= 60)
    rows["years_true"] = np.where(known, 40.0, np.nan)
    rows["years_pred"] = np.where(era == "old", 60.0, 41.0 + people % 2)
    table = score_groups(rows, [GENDER], groups_of(rows, era=era)).set_index(["metric", "group"])
    counts = ["n_rows", "n_subjects", "few_subjects"]
    assert table.loc[("accuracy", "old"), counts].tolist() == [120, 60, False]
    assert table.loc[("mae", "old"), counts].tolist() == [16, 8, True]
    assert table.loc[("mae", "new"), counts].tolist() == [120, 60, False]
    assert not table.loc["mae", "worst"].any()


@pytest.mark.parametrize("n_few", [5, 12])
def test_a_gap_is_no_surer_than_the_smaller_of_its_groups(n_few):
    rng = np.random.default_rng(n_few)
    n = 200 + n_few
    few = np.arange(n) < n_few
    table = pd.DataFrame(
        {"image_id": [f"{row:064x}" for row in range(n)], "task": "age", "model": "m"}
        | {"fold": np.arange(n) % 5, "y_true": None, "years_true": 40.0}
        | {"years_pred": 40 + rng.gamma(2, np.where(few, 4, 2))}
    )
    scores = score_groups(table, [AGE], groups_of(table, size=np.where(few, "few", "many")))
    row = scores.set_index(["metric", "group"]).loc[("mae", "few")]
    assert row["gap_high"] - row["gap_low"] > 0.99 * (row["high"] - row["low"])


def test_of_one_person_there_is_a_score_and_no_interval():
    rows = gender_rows(100)
    one = (rows["subject_id"] == "s0").to_numpy()
    table = score_groups(rows, [GENDER], groups_of(rows, who=np.where(one, "one", "others")))
    row = table[(table["group"] == "one") & (table["metric"] == "macro_f1")].iloc[0]
    assert np.isfinite(row["score"])
    assert np.isnan([row["low"], row["high"], row["gap_low"], row["gap_high"]]).all()


def test_missing_labels_are_in_no_group_and_empty_columns_in_no_table():
    rows = gender_rows(200)
    some = np.where(np.arange(200) < 50, None, "known")
    groups = groups_of(rows, race=some, skin=np.full(200, None))
    table = score_groups(rows, [GENDER], groups)
    assert set(table["column"]) == {"race"}
    assert set(table["group"]) == {"known"}
    assert set(table["n_rows"]) == {150}
    assert not table["worst"].any()


def test_categories_keep_their_order():
    rows = gender_rows(200)
    order = ["60+", "0-2", "8-13"]
    ages = pd.Categorical(np.array(order)[np.arange(200) // 2 % 3], order, ordered=True)
    table = score_groups(rows, [GENDER], groups_of(rows, age_group=ages))
    assert table["group"].drop_duplicates().tolist() == order


def test_all_models_and_columns_are_there_whatever_the_order_of_rows():
    both = predictions.concat([gender_rows(200, "a", 1), gender_rows(200, "b", 2)])
    half = gender_rows(200)
    sides = groups_of(half, side=np.where(np.arange(200) < 90, "l", "r"), all="x")
    table = score_groups(both, [GENDER, AGE], sides)
    assert list(table.columns) == COLUMNS
    assert len(table) == 2 * 3 * 3
    again = score_groups(
        pd.concat([part.sample(frac=1, random_state=1) for _, part in both.groupby("model")]),
        [GENDER],
        sides.sample(frac=1, random_state=2),
    )
    pd.testing.assert_frame_equal(again, table)


def test_photos_may_be_numbered():
    rows = gender_rows()
    groups = by_race(rows)
    told = ["group", "metric", "n_rows", "score", "gap", "worst"]
    expected = score_groups(rows, [GENDER], groups)[told]
    rows = rows.assign(image_id=np.arange(len(rows)).astype(str))
    found = score_groups(rows, [GENDER], groups.reset_index(drop=True))[told]
    pd.testing.assert_frame_equal(found, expected)


def test_a_photo_in_two_rows_of_groups_is_refused():
    rows = gender_rows(20)
    groups = by_race(rows)
    with pytest.raises(ValueError, match=r"each image_id once\. 20 are repeated"):
        score_groups(rows, [GENDER], pd.concat([groups, groups]))


def test_intervals_are_over_people():
    """Forty photos of each of thirty people, alike within a person."""
    rng = np.random.default_rng(0)
    n = 1200
    rows = gender_rows(n, photos=40)
    truth = rows["y_true"] == "female"
    right = np.repeat(rng.random(30) < 0.7, 40)
    rows["p_female"] = np.where(right == truth, 0.9, 0.1)
    rows["p_male"] = 1 - rows["p_female"]
    groups = groups_of(rows, all="x")
    over_people = score_groups(rows, [GENDER], groups).iloc[0]
    over_photos = score_groups(rows.drop(columns="subject_id"), [GENDER], groups).iloc[0]
    widths = [row["high"] - row["low"] for row in (over_people, over_photos)]
    assert widths[0] / widths[1] == pytest.approx(np.sqrt(40), rel=0.2)


def test_recall_of_every_class_is_that_of_scikit_learn():
    rows = gender_rows()
    table = recall_table(rows, [GENDER, AGE]).set_index("class")
    predicted = np.where(rows["p_male"] > 0.5, "male", "female")
    expected = sklearn.metrics.recall_score(rows["y_true"], predicted, average=None)
    assert table["recall"].tolist() == pytest.approx(expected.tolist())
    assert table["n_rows"].sum() == 600
    assert ((table["low"] < table["recall"]) & (table["recall"] < table["high"])).all()


def test_a_class_without_rows_has_no_recall():
    rows = gender_rows()
    rows = rows[rows["y_true"] == "male"]
    assert recall_table(rows, [GENDER])["class"].tolist() == ["male"]
