"""Networks stop early by people whom they are not trained on; a leak planted there is caught."""

import numpy as np
import pytest

from featurex.comparison.design import Design
from featurex.comparison.experiment import run
from featurex.models import finetuning
from featurex.models.finetuning import NetworkClassifier, NetworkRegressor
from featurex.models.options import ModelOptions
from featurex.tasks import AGE, GENDER
from featurex.training import labelled
from featurex.training.settings import TrainingSettings
from featurex.training.trainer import Trainer

SETTINGS = TrainingSettings(epochs=1, batch_size=16)
NAMES = np.array(["female", "male"])


@pytest.fixture
def sides(monkeypatch):
    """Training and validation rows of every network that is trained."""
    found = []

    class Spy(Trainer):
        def fit(self, train, valid):
            found.append((len(train.X), train.rows, valid.rows))
            return super().fit(train, valid)

    monkeypatch.setattr(finetuning, "Trainer", Spy)
    return found


def shared(sides, subjects):
    """Return the people on both sides."""
    ((_, train, valid),) = sides
    return set(subjects[train]) & set(subjects[valid])


def fit(kind, colours, groups):
    chips, subject, male, _ = colours
    y = NAMES[male] if kind is NetworkClassifier else 20.0 + subject
    kind("finetuned", "tiny", settings=SETTINGS, device="cpu").fit(chips, y, groups=groups)


@pytest.mark.parametrize("kind", [NetworkClassifier, NetworkRegressor])
def test_nobody_is_on_both_sides_of_early_stopping(sides, colours, tiny, kind):
    subject = colours[1]
    fit(kind, colours, subject)
    assert shared(sides, subject) == set()
    _, train, valid = sides[0]
    assert sorted([*train, *valid]) == list(range(len(subject)))


@pytest.mark.parametrize("kind", [NetworkClassifier, NetworkRegressor])
def test_photos_of_people_who_are_not_told_apart_are_caught(sides, colours, tiny, kind):
    fit(kind, colours, None)
    assert shared(sides, colours[1])


def test_a_persons_photo_planted_on_both_sides_is_caught(sides, colours, tiny, monkeypatch):
    honest, subject = labelled.inner_holdout, colours[1]

    def planted(*args, **options):
        train, valid = honest(*args, **options)
        return np.append(train, valid[0]), valid[1:]

    monkeypatch.setattr(labelled, "inner_holdout", planted)
    fit(NetworkClassifier, colours, subject)
    assert len(shared(sides, subject)) == 1


@pytest.mark.parametrize("side_tasks", ["needed", "all"])
@pytest.mark.parametrize("task", [GENDER, AGE])
def test_a_comparisons_networks_stop_by_people_inside_the_training_folds(
    sides, colour_faces, tiny, task, side_tasks
):
    training = (f"side_tasks={side_tasks}",)
    options = ModelOptions(
        "tiny", epochs=1, batch_size=16, device="cpu", n_jobs=1, training=training
    )
    design = Design([task], ["finetuned"], n_folds=3, options=options)
    run(colour_faces, design)
    folds = colour_faces.folds(design).fold
    subjects = colour_faces.table["subject_id"].to_numpy(object)
    assert len(sides) == 3
    for fold, (n_rows, train, valid) in enumerate(sides):
        people = subjects[folds != fold]
        assert n_rows == len(people)  # the tested chips are not even there
        assert shared([(n_rows, train, valid)], people) == set()
        assert len(valid) > 0
