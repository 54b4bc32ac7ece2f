"""No model may see the people it is tested on: leaks are planted in every place, and caught.

Two detectors. Spies: every transformer and model remembers the rows it was fitted on, and notes
them whenever it is asked about others. And a look-up of people: embeddings that tell who somebody
is, with labels that nobody could guess, so that only a model that met the person can be right.
"""

from typing import ClassVar

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin
from sklearn.model_selection import KFold
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.pipeline import make_pipeline

from pipelines import (
    MODELS,
    ModelFamily,
    Task,
    TunedClassifier,
    TunedRegressor,
    assign_folds,
    cross_validate,
)
from pipelines.models import svm, tuned_classifier, tuning

GENDER = Task("gender", ("female", "male"))
N_PEOPLE, N_EACH = 40, 4
WHO = np.repeat(np.arange(N_PEOPLE), N_EACH)
ROWS = np.arange(len(WHO))
# Even and odd people in any order: no rule but knowing who it is.
LABELS = np.array(GENDER.classes)[np.random.default_rng(5).permutation(N_PEOPLE) % 2][WHO]


class _Spy(BaseEstimator):
    """Its first column is the number of the row."""

    notes: ClassVar[list[tuple[str, frozenset[int], frozenset[int]]]] = []

    def fit(self, X, y=None):
        self.seen_ = frozenset(X[:, 0].astype(int))
        if y is not None:
            self.classes_ = np.unique(y)
        return self

    def note(self, X):
        asked = frozenset(np.asarray(X)[:, 0].astype(int))
        if asked != self.seen_:  # a transformer also transforms what it was fitted on
            self.notes.append((type(self).__name__, self.seen_, asked))


class SpyScaler(TransformerMixin, _Spy):
    def transform(self, X):
        self.note(X)
        return X


class SpyModel(ClassifierMixin, _Spy):
    def __init__(self, choice=0):
        self.choice = choice

    def decision_function(self, X):
        self.note(X)
        return np.where(X[:, 0] % 2, 1.0, -1.0)

    def predict(self, X):
        return self.classes_[(self.decision_function(X) > 0).astype(int)]


def spies(random_state):
    return make_pipeline(SpyScaler(), SpyModel())


SPIES = ModelFamily("spies", spies, spies, {"spymodel__choice": [0, 1]}, calibrate=True)
SUBJECT = assign_folds("subject", n_rows=len(WHO), labels=LABELS, groups=WHO, n_folds=3)


@pytest.fixture
def notes(monkeypatch):
    monkeypatch.setattr(_Spy, "notes", [])
    return _Spy.notes


def validate(make=lambda: TunedClassifier(SPIES), folds=SUBJECT):
    X = np.column_stack([ROWS, np.zeros(len(WHO))])
    return cross_validate(
        make,
        X,
        LABELS,
        task=GENDER,
        model="spies",
        image_ids=ROWS.astype(str).tolist(),
        folds=folds.fold,
        protocol=folds.protocol,
        groups=WHO,
    )


def caught(notes):
    """Return the spies that were asked about a person whom they were fitted on."""
    people = [(name, set(WHO[list(seen)]), set(WHO[list(asked)])) for name, seen, asked in notes]
    return {name for name, seen, asked in people if seen & asked}


def test_tuning_preprocessing_and_calibration_meet_no_person_twice(notes):
    validate()
    assert caught(notes) == set()
    # 2 candidates and the calibration on 3 inner folds, then the test: in each of 3 folds.
    assert [name for name, _, _ in notes].count("SpyModel") == 3 * (3 * 3 + 1)
    tested = [asked for _, seen, asked in notes if len(seen) + len(asked) == len(WHO)]
    assert set().union(*tested) == set(ROWS)


def test_a_scaler_that_was_fitted_on_everything_is_caught(notes):
    everything = SpyScaler().fit(np.column_stack([ROWS, ROWS]))

    class Peeking(TunedClassifier):
        def fit(self, X, y, groups=None):
            return super().fit(everything.transform(X), y, groups)

        def predict_proba(self, X):
            return super().predict_proba(everything.transform(X))

    validate(lambda: Peeking(SPIES))
    assert caught(notes) == {"SpyScaler"}


def test_a_persons_photo_planted_in_two_inner_folds_is_caught(notes, monkeypatch):
    honest = tuning.inner_splits

    def planted(y, groups=None, **options):
        splits = honest(y, groups, **options)
        train, test = splits[1]
        splits[1] = np.append(train, test[0]), test
        return splits

    for module in (tuning, tuned_classifier):
        monkeypatch.setattr(module, "inner_splits", planted)
    validate()
    assert caught(notes) == {"SpyScaler", "SpyModel"}


def test_tuning_that_is_not_told_who_is_who_is_caught(notes, monkeypatch):
    honest = TunedClassifier._tune
    monkeypatch.setattr(
        TunedClassifier,
        "_tune",
        lambda self, model, space, X, y, groups, **more: honest(
            self, model, space, X, y, None, **more
        ),
    )
    validate()
    assert caught(notes) == {"SpyScaler", "SpyModel"}


def test_calibration_on_folds_of_photos_is_caught(notes, monkeypatch):
    splits = KFold(3, shuffle=True, random_state=0)
    monkeypatch.setattr(TunedClassifier, "_splits", lambda self, y, groups: list(splits.split(y)))
    validate()
    assert caught(notes) == {"SpyScaler", "SpyModel"}


def test_folds_of_photos_are_caught_and_must_be_asked_for_by_name(notes):
    leaky = assign_folds("random", n_rows=len(WHO), labels=LABELS, groups=WHO, n_folds=3)
    validate(folds=leaky)
    assert caught(notes) == {"SpyScaler", "SpyModel"}
    for protocol in ("subject", "official", "holdout", None):
        with pytest.raises(ValueError, match="subjects are in more than one fold"):
            cross_validate(
                lambda: TunedClassifier(SPIES),
                np.column_stack([ROWS, ROWS]),
                LABELS,
                task=GENDER,
                model="m",
                image_ids=ROWS.astype(str).tolist(),
                folds=leaky.fold,
                protocol=protocol,
                groups=WHO,
            )


def test_one_photo_on_the_wrong_side_of_one_repeat_is_refused():
    folds = assign_folds(
        "subject", n_rows=len(WHO), labels=LABELS, groups=WHO, n_folds=3, n_repeats=2
    ).fold
    folds[0, 1] = 3 + (folds[0, 1] - 2) % 3
    with pytest.raises(ValueError, match="1 of 40 subjects are in more than one fold"):
        cross_validate(
            lambda: TunedClassifier("majority"),
            np.zeros((len(WHO), 2)),
            LABELS,
            task=GENDER,
            model="m",
            image_ids=ROWS.astype(str).tolist(),
            folds=folds,
            groups=WHO,
        )


@pytest.fixture(scope="module")
def faces():
    """Embeddings that say who somebody is, and nothing else."""
    rng = np.random.default_rng(1)
    return rng.normal(size=(N_PEOPLE, 16))[WHO] + 0.05 * rng.normal(size=(len(WHO), 16))


def nearest(random_state):
    return KNeighborsClassifier(1)


LOOK_UP = ModelFamily("look-up", nearest, nearest, {"p": [1, 2]})


def hits(faces, protocol, seed=0):
    """Return the accuracy of a look-up of people under a protocol."""
    folds = assign_folds(protocol, n_rows=len(WHO), labels=LABELS, groups=WHO, random_state=seed)
    table = cross_validate(
        lambda: TunedClassifier(LOOK_UP),
        faces,
        LABELS,
        task=GENDER,
        model="look-up",
        image_ids=ROWS.astype(str).tolist(),
        folds=folds.fold,
        protocol=protocol,
        groups=WHO,
    ).predictions
    return ((table["p_male"] > 0.5) == (table["y_true"] == "male")).mean()


@pytest.mark.parametrize("protocol", ["subject", "leave-one-subject-out", "holdout"])
def test_a_look_up_of_people_is_worth_nothing_on_other_people(faces, protocol):
    # A test set holds few people, of whom one alone may be like most of the others by chance.
    assert np.mean([hits(faces, protocol, seed) for seed in range(3)]) < 0.7


def test_a_look_up_of_people_is_nearly_perfect_where_they_are_on_both_sides(faces):
    """How 96 % on Adience come about; and the detector of the tests beside this one works."""
    assert hits(faces, "random") > 0.98


def test_tuning_scores_a_look_up_for_what_it_is_worth(faces):
    honest = TunedClassifier(LOOK_UP).fit(faces, LABELS, groups=WHO)
    leaky = TunedClassifier(LOOK_UP).fit(faces, LABELS)
    assert honest.best_score_ < 0.7
    assert leaky.best_score_ > 0.98


def test_a_regressions_tuning_scores_a_look_up_for_what_it_is_worth(faces):
    years = np.random.default_rng(2).uniform(20, 60, N_PEOPLE)[WHO]
    family = ModelFamily(
        "look-up",
        nearest,
        lambda random_state: KNeighborsRegressor(1),
        regressor_space={"p": [1, 2]},
    )
    honest = TunedRegressor(family).fit(faces, years, groups=WHO)
    leaky = TunedRegressor(family).fit(faces, years)
    assert honest.best_score_ < -8
    assert leaky.best_score_ > -2


def test_calibration_is_as_sure_as_a_look_up_can_be(faces):
    """That it knows these people is worth nothing on others, and so it may not be sure."""
    family = ModelFamily("svm", svm.classifier, svm.regressor, calibrate=True)
    sure = [
        TunedClassifier(family).fit(faces, LABELS, groups=groups).predict_proba(faces).max(1)
        for groups in (WHO, None)
    ]
    assert np.mean(sure[0]) < 0.7
    assert np.mean(sure[1]) > 0.8


@pytest.mark.parametrize("name", MODELS)
def test_no_model_sets_photos_aside_by_itself(name):
    """scikit-learn's early stopping draws photos, whoever they show."""
    for make in (MODELS[name].classifier, MODELS[name].regressor):
        parameters = make(0).get_params()
        stopping = [key for key in parameters if key.endswith(("early_stopping", "oob_score"))]
        assert not any(parameters[key] for key in stopping)
    if name == "mlp":
        assert stopping
