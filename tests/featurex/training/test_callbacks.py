from itertools import pairwise

import pytest

from featurex.training.callbacks import rate_factor


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
