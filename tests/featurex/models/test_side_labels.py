from dataclasses import replace

import numpy as np
import pytest
from sklearn.base import clone

from featurex.networks import get_network


@pytest.fixture
def curious(tiny, monkeypatch):
    """The fine-tuned network, also learning the age and a group beside its own task."""
    kind = get_network("finetuned")
    monkeypatch.setattr(kind, "side_heads", ("age", "group", "class"))
    return kind


def test_side_labels_are_learnt_beside_the_task(
    make_classifier, small, curious, colours, gender, years
):
    chips, subject, _, group = colours
    ages = np.where(np.arange(72) % 4 == 0, np.nan, years)
    groups = np.where(np.arange(72) % 3 == 0, None, np.array(["a", "b", "c"], object)[group])
    side = {"age": ages, "group": groups, "unasked": groups}
    model = make_classifier(replace(small, epochs=20))
    model.fit(chips, gender, groups=subject, side=side)
    assert model.network_.heads == {"class": 2, "age": 101, "group": 3}
    assert model.best_score_ > 0.9
    scores = model.history_[-1]
    assert scores["train_score_age"] < 15
    assert scores["valid_score_group"] > 0.6


@pytest.mark.parametrize("labels", [[None] * 72, ["only"] * 72])
def test_side_labels_of_fewer_than_two_kinds_are_left_out(
    make_classifier, small, curious, colours, gender, labels
):
    model = make_classifier(replace(small, epochs=1))
    model.fit(colours[0], gender, side={"group": np.array(labels, object)})
    assert model.network_.heads == {"class": 2}


def test_side_labels_of_another_length_are_an_error(make_classifier, curious, colours, gender):
    with pytest.raises(ValueError, match=r"'age' must have 72 rows, as y has\. Got 5"):
        make_classifier().fit(colours[0], gender, side={"age": [1.0] * 5})


def test_a_network_without_side_heads_passes_over_side_labels(
    make_classifier, small, colours, gender, years
):
    once = make_classifier(replace(small, epochs=1))
    alone = clone(once).fit(colours[0], gender)
    beside = clone(once).fit(colours[0], gender, side={"age": years})
    probabilities = [model.predict_proba(colours[0]) for model in (alone, beside)]
    np.testing.assert_array_equal(*probabilities)
