import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator
from sklearn.dummy import DummyClassifier
from sklearn.neighbors import KNeighborsClassifier

from pipelines import (
    CrossValidation,
    TunedClassifier,
    TunedRegressor,
    assign_folds,
    cross_validate,
    predictions,
)


def evaluate(make_estimator, people, task, **options):
    rows = {"X": people.X, "y": people.labels(task), "image_ids": people.image_ids}
    folds = np.arange(60).repeat(3) % 3
    arguments = {"task": task, "model": "m", "folds": folds, **rows, **options}
    X, y = arguments.pop("X"), arguments.pop("y")
    return cross_validate(make_estimator, X, y, **arguments)


class Recorder(BaseEstimator):
    """A regressor that keeps what it was given."""

    def fit(self, X, y, groups=None):
        self.X_, self.y_, self.groups_ = X, y, groups
        return self

    def predict(self, X):
        self.tested_ = X
        return np.asarray(X)[:, 0]


class Lazy:
    """Rows that exist only when asked for."""

    def __init__(self, X):
        self.X, self.asked = X, []

    def __len__(self):
        return len(self.X)

    def __getitem__(self, rows):
        self.asked.append(rows)
        return self.X[rows]


def test_every_row_is_predicted_once_by_a_model_that_never_saw_its_subject(people, tasks):
    fitted = []

    def make():
        fitted.append(Recorder())
        return fitted[-1]

    table = evaluate(make, people, tasks[2], groups=people.subjects).predictions
    assert table["image_id"].tolist() == people.image_ids
    # Each answer is its own row's feature, so order is kept.
    assert np.array_equal(table["years_pred"], people.X[:, 0])
    assert np.array_equal(table["years_true"], people.age)
    for model in fitted:
        rows = {row.tobytes() for row in model.X_}
        assert not rows & {row.tobytes() for row in model.tested_}
        assert len(model.groups_) == len(model.X_)
        assert len(set(model.groups_)) == 40


def test_the_table_says_who_is_in_each_photo(people, tasks):
    unknown = people.subjects.astype(object)
    unknown[[0, 4]] = [None, ""]
    table = evaluate(Recorder, people, tasks[2], groups=unknown).predictions
    assert table["subject_id"].isna().to_numpy().nonzero()[0].tolist() == [0, 4]
    assert table["subject_id"].tolist()[5:] == people.subjects.tolist()[5:]
    assert "subject_id" not in evaluate(Recorder, people, tasks[2]).predictions


@pytest.mark.parametrize("kind", [pd.Series, pd.DataFrame])
def test_pandas_rows_are_taken_by_their_place(people, tasks, kind, rng):
    X = people.X[:, 0] if kind is pd.Series else people.X
    shuffled = kind(X, index=rng.permutation(len(X)))

    class First(Recorder):
        def predict(self, X):
            return np.asarray(X).reshape(len(X), -1)[:, 0]

    table = evaluate(First, people, tasks[2], X=shuffled).predictions
    assert np.array_equal(table["years_pred"], people.X[:, 0])


def test_a_lazy_collection_is_asked_for_the_rows_of_a_fold(people, tasks):
    lazy = Lazy(people.X)
    whole = evaluate(Recorder, people, tasks[2]).predictions
    assert evaluate(Recorder, people, tasks[2], X=lazy).predictions.equals(whole)
    assert sorted(np.concatenate(lazy.asked[:2])) == list(range(180))


def test_the_table_keeps_its_contract_for_every_task(people, tasks, small_families):
    tables = []
    for task in tasks:
        kind = TunedRegressor if task.is_regression else TunedClassifier
        for name in ("svm", "majority"):
            result = evaluate(
                lambda kind=kind, name=name: kind(small_families[name]),
                people,
                task,
                model=name,
                groups=people.subjects,
                years=people.age,
            )
            tables.append(result.predictions)
    predictions.validate(predictions.concat(tables), tasks)


def test_an_ordered_task_predicts_years_too(people, tasks):
    table = evaluate(
        lambda: KNeighborsClassifier(1), people, tasks[0], years=people.age
    ).predictions
    assert set(table["years_pred"]) <= {6.0, 35.0, 70.0}
    assert np.array_equal(table["years_true"], people.age)


def test_a_class_that_training_lacks_has_probability_zero(people, tasks):
    folds = (people.age_group == "old").astype(int)
    table = evaluate(
        lambda: DummyClassifier(strategy="prior"), people, tasks[0], folds=folds
    ).predictions
    old = table[table["y_true"] == "old"]
    assert (old["p_old"] == 0).all()
    assert (table[table["y_true"] == "child"]["p_old"] == 1).all()
    predictions.validate(table, tasks)


def few_old(people, *old):
    """Return the age groups if only these people, numbered, were old."""
    labels = np.where(people.age_group == "old", "adult", people.age_group)
    labels[np.isin(people.subjects, [f"s{number}" for number in old])] = "old"
    return labels


def test_a_class_with_one_person_in_training_is_left_out_there(people, tasks, small_families):
    """Persons 0 and 3 are in different folds: without one of them the other can't be tuned on."""
    folds = np.arange(180) // 9 % 3
    rows = {"y": few_old(people, 0, 3), "groups": people.subjects, "folds": folds}
    made = CrossValidation(
        people.X,
        task=tasks[0],
        model="m",
        image_ids=people.image_ids,
        **rows,
    ).jobs()
    assert [job.left_out for job in made] == [("old",), ("old",), ()]
    for fold, job in enumerate(made):
        assert job.y.tolist() == rows["y"][job.train].tolist()
        assert len(job.known["groups"]) == len(job.train)
        assert (job.y == "old").sum() == (6 if fold == 2 else 0)
        assert len(job.train) == (folds != fold).sum() - 3 * (fold < 2)
    table = evaluate(
        lambda: TunedClassifier(small_families["mlp"]), people, tasks[0], **rows
    ).predictions
    assert len(table) == 180
    assert (table.loc[table["fold"] < 2, "p_old"] == 0).all()
    assert (table.loc[table["fold"] == 2, "p_old"] > 0).all()


def test_without_two_classes_to_learn_nothing_is_fitted(people, tasks):
    y = np.where(few_old(people, 0, 1) == "old", "old", "adult")  # in folds 0 and 1
    with pytest.raises(ValueError, match=r"'age-group': without fold 0, .* of 'old', and fewer"):
        evaluate(Recorder, people, tasks[0], y=y, groups=people.subjects)
    folds = np.arange(60).repeat(3) % 3
    rows = {"task": tasks[0], "model": "majority", "image_ids": people.image_ids}
    jobs = CrossValidation(people.X, y, **rows, folds=folds, groups=people.subjects).jobs()
    assert [job.left_out for job in jobs] == [(), (), ()]  # it tunes nothing


def test_timings_have_a_row_a_fold(people, tasks):
    lines = []
    timings = evaluate(Recorder, people, tasks[2], progress=lines.append).timings
    assert timings["fold"].tolist() == [0, 1, 2]
    assert (timings["n_train"] + timings["n_test"] == 180).all()
    assert (timings[["fit_seconds", "predict_ms_per_row"]] >= 0).all(axis=None)
    assert len(lines) == 3
    assert "age m fold 0" in lines[0]


def test_folds_of_assign_folds_fit(people, tasks):
    folds = assign_folds("auto", n_rows=180, labels=people.gender, groups=people.subjects)
    result = evaluate(Recorder, people, tasks[2], folds=folds.fold, groups=people.subjects)
    assert len(result.timings) == 5


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"groups": ["one"] * 180}, "1 of 1 subjects are in more than one fold"),
        ({"folds": np.zeros(180)}, "two folds or more"),
        ({"y": np.full(180, np.nan)}, "180 labels are of no use for the task 'age'"),
        ({"image_ids": ["a"]}, "'image_ids' must have 180 rows"),
        ({"years": [1.0]}, "'years' must have 180 rows"),
    ],
)
def test_rows_that_do_not_fit_are_refused(options, message, people, tasks):
    with pytest.raises(ValueError, match=message):
        evaluate(Recorder, people, tasks[2], **options)


@pytest.mark.parametrize("label", [None, "young", np.nan])
def test_labels_that_are_no_class_are_refused(label, people, tasks):
    y = people.age_group.astype(object)
    y[7] = label
    with pytest.raises(ValueError, match=r"1 labels are of no use.*at row 7"):
        evaluate(Recorder, people, tasks[0], y=y)


class Curious(Recorder):
    """Keeps what else `fit` was given."""

    def fit(self, X, y, groups=None, side=None):
        self.side_ = side
        return super().fit(X, y, groups)


def test_a_fit_gets_the_training_rows_of_its_extras_and_no_others(people, tasks):
    fitted = []

    def make():
        fitted.append(Curious())
        return fitted[-1]

    numbers = np.arange(180)
    side = {"number": numbers, "name": numbers.astype(str).astype(object)}
    evaluate(make, people, tasks[2], groups=people.subjects, fit_extras={"side": side})
    folds = numbers // 3 % 3
    assert len(fitted) == 3
    for fold, model in enumerate(fitted):
        train = np.flatnonzero(folds != fold)
        assert model.side_["number"].tolist() == train.tolist()
        assert model.side_["name"].tolist() == [str(row) for row in train]
        np.testing.assert_array_equal(model.X_, people.X[train])


def test_extras_of_another_length_are_refused(people, tasks):
    with pytest.raises(ValueError, match="'side' must have 180 rows of 'a', as X has"):
        evaluate(Curious, people, tasks[2], fit_extras={"side": {"a": np.zeros(3)}})
