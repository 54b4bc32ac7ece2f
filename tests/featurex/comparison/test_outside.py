"""Models from outside beside featurex's own, on the same faces."""

import numpy as np
import pandas as pd
import pytest

from featurex.comparison import run_record
from featurex.comparison.design import Design
from featurex.comparison.experiment import run
from featurex.comparison.outside import outside_predictions, read_outside
from featurex.models.options import ModelOptions
from featurex.report.files import write_result
from featurex.tasks import AGE, AGE_GROUP, GENDER
from pipelines import PredictionTableError, predictions

OPTIONS = ModelOptions("tiny", n_jobs=1)
TASKS = [GENDER, AGE_GROUP, AGE]


def design(faces, *words, tasks=TASKS, models=("majority",)):
    outside = read_outside(words, faces.manifest, tasks, models)
    return Design(tasks, models, n_folds=3, options=OPTIONS, outside=outside)


def compare(faces, *words, **options):
    return run(faces, design(faces, *words, **options))


@pytest.fixture
def write(tmp_path):
    def write(table, name="theirs.csv"):
        pd.DataFrame(table).to_csv(tmp_path / name, index=False)
        return tmp_path / name

    return write


def truth(faces, **columns):
    table = faces.manifest.table
    return pd.DataFrame({"image_id": table["image_id"], **columns})


def row(result, task, model):
    return result.comparison.table.set_index(["task", "model"]).loc[task, model]


def test_who_tells_the_truth_scores_full_marks(colour_faces, write):
    labels = colour_faces.manifest.table[["gender", "age"]]
    result = compare(colour_faces, f"oracle={write(truth(colour_faces, **labels))}")
    for task in ("gender", "age-group"):
        assert row(result, task, "oracle")["accuracy_pooled"] == 1
    assert row(result, "age", "oracle")["mae_pooled"] == 0
    assert (result.comparison.table["n_missing"] == 0).all()
    assert len(result.comparison.pairs) > 0


def test_a_whole_run_comes_back_with_the_same_scores(colour_faces, tmp_path):
    first = compare(colour_faces, models=["majority", "svm"], tasks=[GENDER, AGE_GROUP, AGE])
    path = tmp_path / "predictions.csv"
    predictions.write(first.predictions, path)
    again = compare(colour_faces, f"before:svm={path}")
    scores = [c for c in again.comparison.table if c.endswith(("_mean", "_std", "_pooled"))]
    for task in ("gender", "age-group", "age"):
        mine, theirs = row(first, task, "svm"), row(again, task, "before")
        pd.testing.assert_series_equal(theirs[scores], mine[scores], check_names=False)
    columns = ["p_female", "p_male", "p_25-32", "years_pred"]
    old = first.predictions.query("model == 'svm'").sort_values(["task", "image_id"])[columns]
    new = again.predictions.query("model == 'before'").sort_values(["task", "image_id"])[columns]
    np.testing.assert_array_equal(new, old)
    with pytest.raises(ValueError, match="predictions of majority, svm: name one of them, as in"):
        compare(colour_faces, f"before={path}")


def test_whose_years_of_an_age_group_are_no_expected_ages_is_told(colour_faces, write):
    table = colour_faces.manifest.table
    sure = {f"p_{name}": (table["age_group"] == name).astype(float) for name in AGE_GROUP.classes}
    oracle = f"oracle={write(truth(colour_faces, age=table['age']), 'years.csv')}"
    shares = f"shares={write(truth(colour_faces, **sure), 'shares.csv')}"
    both = f"both={write(truth(colour_faces, **sure, age=table['age']), 'both.csv')}"
    chosen = design(colour_faces, oracle, shares, both, tasks=[AGE_GROUP])
    said = run_record.notes(colour_faces, chosen, colour_faces.folds(chosen))
    assert any(note.startswith("MAE of age-group of oracle, both: the ages") for note in said)
    alone = design(colour_faces, shares, tasks=[AGE_GROUP])
    said = run_record.notes(colour_faces, alone, colour_faces.folds(alone))
    assert not any(note.startswith("MAE of age-group of") for note in said)


def test_silence_counts_as_wrong_and_is_told(colour_faces, write):
    """Answering only what is easy does not pay."""
    table = colour_faces.manifest.table
    labels = truth(colour_faces, gender=table["gender"], age=table["age"])
    tested = colour_faces.table["image_id"]
    silent = labels["image_id"].isin(tested[:20])
    result = compare(colour_faces, f"shy={write(labels[~silent])}")
    gender, age = row(result, "gender", "shy"), row(result, "age", "shy")
    assert (gender["n_missing"], gender["n_rows"]) == (20, 70)
    assert gender["accuracy_pooled"] == pytest.approx(50 / 70)
    assert gender["accuracy_answered"] == 1
    years = colour_faces.table["age"].to_numpy()
    guess = np.abs(years[:20] - np.median(years)).sum() / 70
    assert age["mae_pooled"] == pytest.approx(guess)
    assert (age["mae_answered"], age["cs5_pooled"]) == (0, 50 / 70)
    notes = " ".join(result.comparison.notes)
    assert "shy, gender: no answer for 20 of 70 faces. On the others alone: Accuracy (%) 100.0" in (
        notes
    )
    assert "median true age of all faces" in notes
    assert "No answer" in result.comparison.format()


def test_classes_without_probabilities_have_no_calibration(colour_faces, write, tmp_path):
    labels = truth(colour_faces, gender=colour_faces.manifest.table["gender"])
    plan = design(colour_faces, f"mute={write(labels)}", tasks=[GENDER])
    result = run(colour_faces, plan)
    names = {path.name for path in write_result(result, plan, tmp_path / "out")}
    for name in ("calibration", "selective", "reliability"):
        assert set(pd.read_csv(tmp_path / "out" / f"{name}.csv")["model"]) == {"majority"}
    for name in ("recall", "by_group", "table", "confusion"):
        assert "mute" in set(pd.read_csv(tmp_path / "out" / f"{name}.csv")["model"])
    assert "confusion-gender-mute.png" in names
    assert "reliability-gender-mute.png" not in names
    assert "mute names classes without probabilities (gender)" in " ".join(result.comparison.notes)
    assert result.record["outside"][0]["of_other_photos"] == 0


def test_what_the_run_writes_can_be_read_again(colour_faces, write, tmp_path):
    table = colour_faces.manifest.table
    labels = truth(colour_faces, gender=table["gender"])[5:]
    first = compare(colour_faces, f"mute={write(labels)}", tasks=[GENDER])
    predictions.write(first.predictions, tmp_path / "predictions.csv")
    words = f"mute={tmp_path / 'predictions.csv'}"
    again = compare(colour_faces, words, tasks=[GENDER])
    pd.testing.assert_frame_equal(first.predictions, again.predictions)


def test_photos_may_be_named_by_the_end_of_their_path(colour_faces, write):
    table = colour_faces.manifest.table
    labels = {"path": table["path"], "gender": table["gender"]}
    (model,) = read_outside([f"m={write(labels)}"], colour_faces.manifest, [GENDER], [])
    assert len(model.answers["gender"]) == len(table)
    assert "from outside" in model.notes[0]


def test_lines_of_other_photos_are_counted(colour_faces, write):
    labels = truth(colour_faces, gender="male")
    labels.loc[:2, "image_id"] = ["f" * 64, "e" * 64, "d" * 64]
    (model,) = read_outside([f"m={write(labels)}"], colour_faces.manifest, [GENDER], [])
    assert "3 of its 72 lines are of other photos" in model.notes[0]


def test_every_fold_of_every_repeat_has_its_rows(colour_faces, write):
    labels = truth(colour_faces, gender="male")
    plan = design(colour_faces, f"m={write(labels)}", tasks=[GENDER])
    folds = colour_faces.folds(plan)
    some = folds.fold.copy()
    some[some == 2] = -1
    tested = outside_predictions(
        plan.outside[0], colour_faces, GENDER, type(folds)(folds.protocol, some, 2, folds.note)
    )
    assert len(tested) == (some >= 0).sum()
    assert set(tested["fold"]) == {0, 1}


def some_probabilities(faces):
    shares = np.where(np.arange(len(faces.manifest)) < 3, np.nan, 0.5)
    return truth(faces, gender="male", p_female=shares, p_male=shares)


@pytest.mark.parametrize(
    ("make", "word", "message"),
    [
        (lambda f: truth(f, gender="male"), "majority={}", "The name 'majority' of"),
        (lambda f: truth(f, gender="male"), "a/b={}", "Predictions are NAME=FILE.csv"),
        (lambda f: truth(f, gender="male"), "m:svm={}", "not a table of several models"),
        (lambda f: truth(f, gender=""), "m={}", "no answer for any photo"),
        (lambda f: truth(f, gender="male").assign(image_id="x"), "m={}", "names none of the 72"),
        (
            lambda f: pd.concat([truth(f, gender="male")] * 2),
            "m={}",
            "line 74: the photo '[0-9a-f]{64}' was named in line 2 too",
        ),
        (some_probabilities, "m={}", "has probabilities of gender for 69 of 72 answers"),
    ],
)
def test_what_can_not_be_scored_is_an_error(colour_faces, write, make, word, message):
    path = write(make(colour_faces))
    with pytest.raises((ValueError, PredictionTableError), match=message):
        design(colour_faces, word.format(path), tasks=[GENDER])


def test_a_name_of_two_photos_is_an_error(colour_faces, write):
    table = colour_faces.manifest.table
    twice = table.assign(path=[f"/{row}/same.jpg" for row in range(len(table))])
    manifest = type(colour_faces.manifest)(twice, {}, "colours")
    path = write({"path": ["0/same.jpg", "same.jpg"], "gender": ["male", "male"]})
    with pytest.raises(PredictionTableError, match=r"line 3: 'same\.jpg' is the name of 72 photos"):
        read_outside([f"m={path}"], manifest, [GENDER], [])
