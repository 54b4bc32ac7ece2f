import numpy as np
import pandas as pd
import pytest

from pipelines import Task
from pipelines.scoring.rejection import LEAST_ANSWERS, choose_threshold

GENDER = Task("gender", ("female", "male"))


def make_table(confidence, correct, model="m"):
    """Return out-of-fold predictions of women, with a confidence and whether each is right."""
    confidence, correct = np.asarray(confidence), np.asarray(correct, dtype=bool)
    female = np.where(correct, confidence, 1 - confidence)
    n = len(female)
    return pd.DataFrame(
        {
            "image_id": [f"i{number:04d}" for number in range(n)],
            "task": "gender",
            "model": model,
            "fold": np.arange(n) % 4,
            "y_true": "female",
            "years_true": np.nan,
            "years_pred": np.nan,
            "subject_id": [f"s{number}" for number in range(n)],
            "p_female": female,
            "p_male": 1 - female,
        }
    )


@pytest.fixture
def known():
    """Of 400 answers the 200 sure ones are all right, of the others one in two."""
    confidence = np.where(np.arange(400) < 200, 0.9, 0.6)
    return make_table(confidence, (np.arange(400) < 200) | (np.arange(400) % 8 < 4))


def test_the_threshold_is_between_the_sure_and_the_unsure(known):
    option = choose_threshold(known, GENDER, "m", 0.99)
    assert option.threshold == 0.9
    assert (option.coverage, option.accuracy) == (0.5, 1.0)
    assert choose_threshold(known, GENDER, "m", 0.7).threshold == 0.6
    # All are answered, and three in four are right.
    whole = choose_threshold(known, GENDER, "m", 0.75)
    assert (whole.coverage, whole.accuracy) == (1.0, 0.75)
    assert whole.low < 0.75 < whole.high


def test_an_accuracy_that_nothing_reaches_has_no_threshold():
    n = 200
    table = make_table(np.linspace(0.6, 0.9, n), np.arange(n) % 2 == 0)
    option = choose_threshold(table, GENDER, "m", 0.99)
    assert (option.asked, option.threshold, option.accuracy) == (0.99, None, None)


@pytest.mark.parametrize(("n_sure", "reached"), [(LEAST_ANSWERS - 1, False), (LEAST_ANSWERS, True)])
def test_a_handful_of_right_answers_is_no_evidence(n_sure, reached):
    sure = np.arange(200) < n_sure
    table = make_table(np.where(sure, 0.9, 0.6), sure)
    assert (choose_threshold(table, GENDER, "m", 0.95).threshold is not None) == reached


def test_the_same_answers_in_another_repeat_are_no_more_evidence():
    sure = np.arange(200) < LEAST_ANSWERS - 1
    once = make_table(np.where(sure, 0.9, 0.6), sure)
    twice = pd.concat([once.assign(repeat=0), once.assign(repeat=1, fold=once["fold"] + 4)])
    assert choose_threshold(twice, GENDER, "m", 0.95).threshold is None


def test_other_models_and_the_order_of_rows_change_nothing(known, rng):
    other = make_table(np.full(400, 0.7), np.zeros(400), "other")
    both = pd.concat([other, known.iloc[rng.permutation(400)]], ignore_index=True)
    assert choose_threshold(both, GENDER, "m", 0.9) == choose_threshold(known, GENDER, "m", 0.9)


def test_the_measured_accuracy_is_not_that_of_the_rows_it_was_chosen_on(rng):
    """Chance answers: on its own rows the best threshold looks better than it is."""
    gaps = []
    for _ in range(20):
        table = make_table(rng.uniform(0.5, 1, 100), rng.random(100) < 0.6)
        option = choose_threshold(table, GENDER, "m", 0.7)
        if option.threshold is not None and option.accuracy is not None:
            confidence = table[["p_female", "p_male"]].max(axis=1)
            answered = table[confidence >= option.threshold]
            gaps.append((answered["p_female"] > 0.5).mean() - option.accuracy)
    assert len(gaps) > 3
    assert np.mean(gaps) > 0


@pytest.mark.parametrize("asked", [0, -1, 1.1, np.nan])
def test_no_accuracy(known, asked):
    with pytest.raises(ValueError, match="accuracy"):
        choose_threshold(known, GENDER, "m", asked)


def test_one_fold_a_repeat_is_refused(known):
    with pytest.raises(ValueError, match="Got 1 fold a repeat"):
        choose_threshold(known.assign(fold=0), GENDER, "m", 0.9)
    test_sets = known[known["fold"] < 2].assign(repeat=lambda t: t["fold"])
    with pytest.raises(ValueError, match="Got 1 fold a repeat"):
        choose_threshold(test_sets, GENDER, "m", 0.9)


def test_classes_without_probabilities_have_no_threshold(known):
    named = known.assign(y_pred="female", p_female=np.nan, p_male=np.nan)
    with pytest.raises(ValueError, match="probabilities, and model 'm' gives none of 'gender'"):
        choose_threshold(named, GENDER, "m", 0.9)
