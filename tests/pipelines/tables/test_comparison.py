import numpy as np
import pandas as pd
import pytest
from markdown_it import MarkdownIt

from pipelines import PredictionTableError, Task, compare, confusion, predictions


@pytest.fixture
def two_models(predict_gender):
    return predictions.concat([predict_gender("good", 1), predict_gender("bad", 6)])


@pytest.fixture
def timings():
    folds = {"fold": [0, 1], "fit_seconds": [1.0, 3.0], "predict_ms_per_row": [1.0, 4.0]}
    counts = {"n_train": [4, 8], "n_test": [8, 4]}
    return pd.DataFrame({"task": "gender", "model": "good", **folds, **counts})


def years_table(model, errors, fold):
    count = len(errors)
    return pd.DataFrame(
        {"image_id": [f"{row:064x}" for row in range(count)], "task": "age", "model": model}
        | {"fold": fold, "y_true": None, "years_true": 40.0, "years_pred": 40.0 + errors}
    )


def test_scores_are_means_over_folds(two_models, tasks):
    table = compare(two_models, tasks).table.set_index("model")
    # Twelve photos in three folds of four; the first photo, of fold 0, is wrong.
    assert table.loc["good", "accuracy_mean"] == pytest.approx((0.75 + 1 + 1) / 3)
    assert table.loc["good", "accuracy_std"] == pytest.approx(np.std([0.75, 1, 1], ddof=1))
    assert table.loc["good", "accuracy_pooled"] == pytest.approx(11 / 12)
    assert table.loc["bad", "accuracy_mean"] == 0.5
    assert table["n_rows"].tolist() == [12, 12]
    assert table["n_folds"].tolist() == [3, 3]
    assert table[["one_off_mean", "mae_mean"]].isna().all(axis=None)


def test_one_fold_has_no_deviation(predict_gender, tasks):
    comparison = compare(predict_gender().assign(fold=0), tasks)
    assert np.isnan(comparison.table["accuracy_std"][0])
    assert comparison.format()["Accuracy (%)"][0] == "100.0"


def test_years_are_scored_where_both_are_known(predict_gender, tasks):
    frame = predict_gender()
    frame.loc[[0, 1], "years_true"] = 30.0
    frame["years_pred"] = [32.0, 36.0, *[99.0] * 10]
    row = compare(frame, tasks).table.iloc[0]
    assert row["mae_pooled"] == 4.0
    assert row["cs5_pooled"] == 0.5
    assert row["mae_mean"] == 4.0  # the third fold has no known age


def test_mean_over_folds_and_over_photos_differ_with_uneven_folds(tasks):
    errors = np.array([10.0, -10.0, 10.0, 2.0])
    row = compare(years_table("m", errors, [0, 0, 0, 1]), tasks).table.iloc[0]
    assert row["mae_mean"] == 6.0
    assert row["mae_pooled"] == 8.0


def test_with_many_folds_the_photos_are_pooled(tasks, tmp_path):
    errors = np.r_[np.full(3, 8.0), np.ones(21)]
    fold = np.r_[np.zeros(3, dtype=int), np.arange(1, 22)]
    comparison = compare(years_table("m", errors, fold), tasks)
    assert comparison.table["n_folds"][0] == 22
    assert comparison.format()["MAE (years)"][0] == f"{45 / 24:.2f}"
    comparison.to_markdown(tmp_path / "t.md")
    assert "over all photos at once" in (tmp_path / "t.md").read_text()


def test_times_are_joined(two_models, tasks, timings):
    comparison = compare(two_models, tasks, timings)
    table = comparison.table.set_index("model")
    assert table.loc["good", "fit_seconds"] == 2.0
    assert table.loc["good", "ms_per_face"] == pytest.approx((8 * 1.0 + 4 * 4.0) / 12)
    assert comparison.format()["Fit (s)"].tolist() == ["2.0", "–"]


def test_tasks_and_models_keep_their_order(two_models, tasks):
    years = predictions.concat([two_models, years_table("good", np.zeros(3), [0, 1, 1])])
    table = compare(years, tasks[::-1]).table
    assert list(zip(table["task"], table["model"], strict=True)) == [
        ("age", "good"),
        ("gender", "good"),
        ("gender", "bad"),
    ]


def test_the_best_of_each_task_is_marked_and_what_is_missing_is_a_dash(two_models, tasks):
    both = predictions.concat([two_models, years_table("good", np.ones(3), [0, 1, 1])])
    cells = compare(both, tasks).format(lambda text: f"<{text}>")
    # Five photos differ, all for the same model: 2 of 32 ways to swap them are as extreme.
    assert cells["Accuracy (%)"].tolist() == ["<91.7 ± 14.4>", "50.0 ± 0.0 ≈", "–"]
    assert cells["MAE (years)"].tolist() == ["–", "–", "<1.00 ± 0.00>"]
    assert "One-off (%)" not in cells


def test_the_smallest_error_is_the_best(tasks):
    both = predictions.concat(
        [years_table("far", np.full(4, 9.0), [0, 0, 1, 1]), years_table("near", np.ones(4), 0)]
    )
    both["fold"] = [0, 0, 1, 1] * 2
    cells = compare(both, tasks).format(lambda text: f"<{text}>")
    assert cells["MAE (years)"].tolist() == ["9.00 ± 0.00 ≈", "<1.00 ± 0.00>"]


def test_rows_that_print_alike_are_both_best(predict_gender, tasks):
    both = predictions.concat([predict_gender("one", 1), predict_gender("two", 1)])
    cells = compare(both, tasks).format(lambda text: f"<{text}>")
    assert cells["Accuracy (%)"].tolist() == ["<91.7 ± 14.4>"] * 2


def test_scores_have_intervals_around_the_score_of_all_photos(two_models, tasks):
    comparison = compare(two_models, tasks)
    row = comparison.table.set_index("model").loc["good"]
    assert row["n_subjects"] == 12
    assert row["accuracy_low"] < row["accuracy_pooled"] < row["accuracy_high"] <= 1
    assert np.isnan(row[["one_off_low", "kappa_pooled", "mae_high"]].astype(float)).all()
    cells = comparison.format_intervals()
    low, high = 100 * row["accuracy_low"], 100 * row["accuracy_high"]
    assert cells["Accuracy (%)"][0] == f"91.7 [{low:.1f}, {high:.1f}]"
    assert list(cells) == [
        *("Task", "Model", "Photos"),
        *("Accuracy (%)", "Balanced acc. (%)", "Macro F1 (%)"),
    ]


def test_an_interval_that_can_not_be_had_is_left_out(predict_gender, tasks):
    perfect = compare(predict_gender("m", 0), tasks).format_intervals()
    # The exact interval of 12 of 12, and none where resampling says nothing.
    assert perfect["Accuracy (%)"][0] == f"100.0 [{100 * 0.025 ** (1 / 12):.1f}, 100.0]"
    assert perfect["Macro F1 (%)"][0] == "100.0"


def test_people_and_not_photos_are_counted_where_they_are_named(two_models, tasks):
    named = two_models.assign(subject_id=[f"s{row // 3}" for row in range(12)] * 2)
    alone, grouped = compare(two_models, tasks), compare(named, tasks)
    assert grouped.table["n_subjects"].tolist() == [4, 4]
    assert grouped.format_intervals()["Subjects"].tolist() == ["4", "4"]
    assert "Subjects" not in alone.format_intervals()
    widths = [c.table["accuracy_high"][1] - c.table["accuracy_low"][1] for c in (alone, grouped)]
    assert widths[1] > widths[0]
    same = ["accuracy_mean", "accuracy_std", "accuracy_pooled"]
    pd.testing.assert_frame_equal(alone.table[same], grouped.table[same])


def test_csv_has_the_numbers_unrounded(two_models, tasks, tmp_path):
    comparison = compare(two_models, tasks)
    comparison.to_csv(tmp_path / "t.csv")
    again = pd.read_csv(tmp_path / "t.csv")
    assert again["accuracy_mean"].tolist() == pytest.approx(comparison.table["accuracy_mean"])


def test_markdown_has_bold_notes_and_escaped_pipes(predict_gender, tasks, tmp_path):
    comparison = compare(predict_gender("a|b"), tasks, notes=["seed 0", "rendered people"])
    comparison.to_markdown(tmp_path / "t.md")
    text = (tmp_path / "t.md").read_text()
    assert r"a\|b" in text
    assert "**100.0 ± 0.0**" in text
    assert "- seed 0\n- rendered people\n" in text
    assert "\n\n95 % intervals:\n\n**gender** (" in text
    tokens = MarkdownIt("commonmark").enable("table").parse(text)
    assert sum(token.type == "table_open" for token in tokens) == 2


def test_latex_is_escaped(predict_gender, tasks, tmp_path):
    comparison = compare(predict_gender(r"a_b & 50% \x {y}"), tasks, notes=["100 % & more_"])
    comparison.to_latex(tmp_path / "t.tex")
    text = (tmp_path / "t.tex").read_text()
    assert r"a\_b \& 50\% \textbackslash{}x \{y\}" in text
    assert r"100 \% \& more\_" in text
    assert "in brackets their 95" in text
    assert r"\textbf{100.0 $\pm$ 0.0}" in text
    assert r"\toprule" in text
    assert "Accuracy" in text
    assert "(\\%)" in text
    assert "±" not in text


def test_a_broken_table_is_refused(predict_gender, tasks):
    with pytest.raises(PredictionTableError, match="rows differ"):
        compare(predictions.concat([predict_gender("a"), predict_gender("b").head(3)]), tasks)


def test_an_empty_table_is_refused(predict_gender, tasks):
    with pytest.raises(PredictionTableError, match="no rows"):
        compare(predict_gender().head(0), tasks)


def test_confusion_counts_in_task_order(predict_gender, tasks):
    matrix = confusion(predict_gender("m", 3), tasks[1], "m")
    assert matrix.index.tolist() == matrix.columns.tolist() == ["female", "male"]
    assert matrix.to_numpy().tolist() == [[4, 2], [1, 5]]


def test_confusion_has_every_class(predict_gender):
    task = Task("gender", ("unknown", "male", "female"))
    frame = predict_gender().assign(p_unknown=0.0)
    assert confusion(frame, task, "m").to_numpy().tolist() == [[0, 0, 0], [0, 6, 0], [0, 0, 6]]


def test_confusion_of_what_is_not_there_is_refused(predict_gender, tasks):
    with pytest.raises(ValueError, match="no row of task 'gender' and model 'x'"):
        confusion(predict_gender(), tasks[1], "x")
    with pytest.raises(ValueError, match="is a regression"):
        confusion(predict_gender(), tasks[2], "m")
