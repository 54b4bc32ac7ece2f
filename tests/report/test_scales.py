import math

import pytest

from pipelines.report.scales import linear, logarithmic


@pytest.mark.parametrize(
    "values", [[0.394, 0.764], [5, 5], [0, 0], [-1e12, 1e12], [math.nan], [1e-12, 2e-12], [4.38]]
)
def test_an_axis_holds_its_values_between_few_round_ticks(values):
    scale = linear(values, 10, 300)
    for value in filter(math.isfinite, values):
        assert 10 - 1e-6 <= scale(value) <= 300 + 1e-6
    assert 2 <= len(scale.ticks) <= 9
    assert [scale(scale.ticks[0]), scale(scale.ticks[-1])] == pytest.approx([10, 300])


def test_no_axis_of_shares_goes_beyond_them():
    scale = linear([0.93, 1.0], 0, 100, within=(0, 1))
    assert scale.high == 1
    assert max(scale.ticks) == 1


@pytest.mark.parametrize("values", [[7.0], [-3.0], [2, 3], [-3, 7], [1.0]])
@pytest.mark.parametrize("within", [(0, 1), (-1, 1), (0, math.inf)])
def test_values_beyond_their_limits_still_make_an_axis(values, within):
    scale = linear(values, 0, 100, within=within)
    assert within[0] <= scale.low < scale.high <= within[1]
    assert len(scale.ticks) > 1


def test_equal_factors_are_equally_long():
    scale = logarithmic([0.02, 300], 0, 100)
    assert scale(1) - scale(0.1) == pytest.approx(scale(100) - scale(10))
    assert scale.low <= 0.02
    assert scale.high >= 300
    assert math.isnan(scale(0))
