import numpy as np

from pipelines.scoring.swaps import plan_swaps, swap_p_values


def test_a_p_value_is_never_zero():
    """Of forty people, all better answered by one model, no random swap is as extreme."""
    sums = np.column_stack([np.ones(40), np.zeros(40)])
    p_values = swap_p_values(sums, [np.asarray], [(0, 1), (1, 0)], plan_swaps(40, n_swaps=999))
    np.testing.assert_allclose(p_values, 1 / 1000)
