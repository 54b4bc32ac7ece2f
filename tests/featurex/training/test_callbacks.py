from itertools import pairwise

import pytest
import torch

from featurex.training.callbacks import Measures, rate_factor
from featurex.training.heads import Head

AGE, GENDER = Head("age"), Head("gender", ("female", "male"))
WEIGHTS = {"age": None, "gender": torch.tensor([0.5, 3.0])}


def test_the_rate_rises_linearly_to_its_highest_and_falls_to_almost_nothing():
    factors = [rate_factor(step, 100, 0.2) for step in range(100)]
    assert factors[:20] == pytest.approx([(step + 1) / 20 for step in range(20)])
    assert factors[19] == max(factors) == 1
    assert all(a > b > 0 for a, b in pairwise(factors[19:]))
    assert factors[59] == pytest.approx(0.5, abs=0.02)  # half way down
    assert factors[-1] < 0.01


@pytest.mark.parametrize("warmup", [0.0, 1.0])
@pytest.mark.parametrize("n_steps", [1, 2, 7])
def test_any_length_has_positive_rates(n_steps, warmup):
    factors = [rate_factor(step, n_steps, warmup) for step in range(n_steps)]
    assert all(0 < factor <= 1 for factor in factors)


def measured(logits, codes, size):
    """Return what is measured of an epoch of validation in batches of one size."""
    measures = Measures([AGE, GENDER], WEIGHTS)
    measures.on_epoch_begin(None)
    for start in range(0, len(codes["gender"]), size):
        rows = slice(start, start + size)
        batch = None, {name: values[rows] for name, values in codes.items()}
        answers = {name: values[rows] for name, values in logits.items()}
        measures.on_batch_end(None, batch=batch, y_pred=answers)
    return measures.row()


def test_losses_and_scores_do_not_depend_on_the_batches():
    codes = {
        "age": torch.tensor([3.0, torch.nan, 40.0, 7.0, torch.nan, torch.nan]),
        "gender": torch.tensor([0, 0, 0, 1, -100, 1]),
    }
    logits = {"age": torch.randn(6, 101), "gender": torch.randn(6, 2)}
    row = measured(logits, codes, 6)
    expected = GENDER.loss(logits["gender"], codes["gender"], WEIGHTS["gender"])
    assert row["valid_loss_gender"] == pytest.approx(expected.item())
    for size in (1, 2, 3):
        assert measured(logits, codes, size) == pytest.approx(row)


def test_what_has_no_label_or_no_weight_is_told_apart():
    codes = {"age": torch.tensor([torch.nan]), "gender": torch.tensor([1])}
    logits = {"age": torch.randn(1, 101), "gender": torch.randn(1, 2)}
    measures = Measures([AGE, GENDER], WEIGHTS | {"gender": torch.tensor([1.0, 0.0])})
    measures.on_epoch_begin(None)
    measures.on_batch_end(None, batch=(None, codes), y_pred=logits)
    assert measures.row()["valid_loss_age"] is None
    assert measures.row()["valid_loss_gender"] == 0
