"""Tests of significance: published numbers, level and power by simulation, and faults."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest, norm, ttest_rel

from pipelines.scoring.significance import (
    FEW_DISCORDANT,
    corrected_t,
    detectable_difference,
    holm,
    mcnemar,
)
from pipelines.scoring.swaps import N_SWAPS, plan_swaps, swap_p_values

# Darwin's fifteen pairs of maize, crossed less self-fertilised, in eighths of an inch: Fisher, "The
# Design of Experiments" (1935), section 21.
DARWIN = np.array([49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48], dtype=float)


def swap_test(first, second, score=np.asarray, n_swaps=N_SWAPS):
    """Return the p-value of two models by the sums of each subject."""
    swaps = plan_swaps(len(first), n_swaps=n_swaps)
    both = np.stack([first, second], axis=1)
    return float(swap_p_values(both, [score], [(0, 1)], swaps)[0, 0])


def test_mcnemar_of_agrestis_prime_minister():
    # Agresti, "Categorical Data Analysis" (1990), section 10.1.1: 150 voters approved in the first
    # survey only, 86 in the second only, z = -4.17.
    z = norm.ppf(mcnemar(150, 86) / 2)
    assert z == pytest.approx(-4.17, abs=0.005)


def test_few_discordant_photos_are_tested_exactly():
    # Heads once in eight tosses: 2 * (1 + 8) / 256.
    assert mcnemar(1, 7) == mcnemar(7, 1) == pytest.approx(18 / 256)
    assert mcnemar(0, 0) == 1
    exact = binomtest(5, FEW_DISCORDANT - 1).pvalue
    assert mcnemar(5, FEW_DISCORDANT - 1 - 5) == pytest.approx(exact)


def test_a_negative_count_is_refused():
    with pytest.raises(ValueError, match=r"must not be negative\. Got -1"):
        mcnemar(-1, 3)


def test_the_swap_test_of_darwins_maize_is_fishers():
    # 863 of the 32,768 sums of signed differences are as large: 1,726 on both sides, 5.267 %.
    signs = np.array(list(product([1, -1], repeat=15)))
    sums = np.abs(signs @ DARWIN)
    assert np.sum(sums >= DARWIN.sum()) == 1726
    p = swap_test(DARWIN, np.zeros(15), n_swaps=40_000)
    assert p == pytest.approx(1726 / 32768, abs=0.004)


def test_few_subjects_are_swapped_in_all_ways():
    differences = np.array([3.0, 1, 2, 5, 4, 1])
    assert swap_test(differences, np.zeros(6)) == 2 / 64
    assert swap_test(np.array([1.0, -1, 2, -2]), np.zeros(4)) == 1


def test_with_a_photo_a_person_the_swap_test_is_mcnemars():
    first, second = (
        np.r_[np.ones(30), np.zeros(20)],
        np.r_[np.zeros(16), np.ones(14 + 8), np.zeros(12)],
    )
    only_first = int(np.sum(first > second))
    only_second = int(np.sum(second > first))
    exact = binomtest(only_first, only_first + only_second).pvalue
    assert mcnemar(only_first, only_second) == pytest.approx(exact)
    assert swap_test(first, second, n_swaps=40_000) == pytest.approx(exact, abs=0.01)


def test_people_with_many_photos_are_one_witness_each():
    """Ten photos of each of six people, all right for one model and wrong for the other."""
    first, second = np.full(6, 10.0), np.zeros(6)
    assert swap_test(first, second) == 2 / 64
    assert mcnemar(60, 0) < 1e-10


def test_the_swap_test_keeps_its_level_on_people_and_finds_what_is_there():
    rng = np.random.default_rng(3)
    found = np.zeros(2)
    for _ in range(200):
        photos = 1 + rng.poisson(3, 40)
        luck = rng.normal(0, 1, 40)  # shared by all photos of a person
        noise = rng.normal(0, 1, (2, 40)) * np.sqrt(photos) + luck * photos
        for kind, effect in enumerate((0, 0.7)):
            found[kind] += swap_test(noise[0] + effect * photos, noise[1], n_swaps=199) < 0.05
    # Three standard errors of 0.05 over 200 are 0.046.
    assert found[0] / 200 < 0.096
    assert found[1] / 200 > 0.8


def test_any_score_can_be_swapped():
    """The ratio of two sums: the same as the sign-flip of sums where the denominators are equal."""
    rng = np.random.default_rng(0)
    counts = np.ones(40)
    first, second = rng.random(40), rng.random(40) - 0.1
    plain = swap_test(first, second)
    ratio = swap_test(
        np.column_stack([first, counts]),
        np.column_stack([second, counts]),
        lambda sums: sums[..., 0] / sums[..., 1],
    )
    assert ratio == pytest.approx(plain, abs=1e-3)


def test_subjects_may_come_in_any_order_where_all_swaps_are_tried():
    rng = np.random.default_rng(0)
    first, second = rng.normal(size=(2, 10))
    order = rng.permutation(10)
    assert swap_test(first[order], second[order]) == swap_test(first, second)
    assert swap_test(second, first) == swap_test(first, second)


def test_equal_models_do_not_differ():
    same = np.arange(100.0)
    assert swap_test(same, same) == 1
    assert corrected_t(np.zeros(5), 80, 20) == 1


def test_a_score_that_is_not_defined_has_no_p_value():
    nothing = np.zeros((5, 2))
    assert np.isnan(swap_test(nothing, nothing, lambda sums: sums[..., 0] * np.nan))


def test_the_corrected_t_of_nadeau_and_bengio():
    differences = np.array([0.02, 0.01, 0.03, 0.00, 0.02])
    # Without test rows it is the paired t-test that scipy knows.
    plain = ttest_rel(differences, np.zeros(5)).pvalue
    assert corrected_t(differences, 1e12, 1e-3) == pytest.approx(plain)
    # By hand: mean 0.016, variance 0.00013, (1/5 + 1/4) * 0.00013 = 5.85e-5, t = 2.0919, 4 degrees
    # of freedom.
    assert corrected_t(differences, 80, 20) == pytest.approx(0.1045, abs=0.0005)


def test_one_fold_has_no_t():
    assert np.isnan(corrected_t([0.1], 80, 20))
    assert np.isnan(corrected_t([0.1, np.nan], 80, 20))


def test_folds_without_rows_are_refused():
    with pytest.raises(ValueError, match="Got 0 to train"):
        corrected_t([0.1, 0.2], 0, 20)


def test_the_same_difference_in_every_fold_is_certain():
    assert corrected_t([0.1, 0.1, 0.1], 80, 20) == 0


def test_holms_own_steps():
    # Four p-values: 4 * 0.005, 3 * 0.01, 2 * 0.03, and the last may not fall below the third.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    # R's p.adjust(1:5 / 100, "holm").
    assert holm([0.01, 0.02, 0.03, 0.04, 0.05]) == pytest.approx([0.05, 0.08, 0.09, 0.09, 0.09])


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_rejects_what_its_procedure_rejects(values):
    """From the smallest on, compare with level / (tests left); stop at the first that fails."""
    rejected = set()
    for step, place in enumerate(np.argsort(values, kind="stable")):
        if values[place] * (len(values) - step) > 0.05:
            break
        rejected.add(int(place))
    assert set(np.flatnonzero(holm(values) <= 0.05)) == rejected


def test_missing_p_values_are_no_tests():
    adjusted = holm([np.nan, 0.02, 0.04])
    assert np.isnan(adjusted[0])
    assert adjusted[1:] == pytest.approx([0.04, 0.04])
    assert len(holm([])) == 0


def test_the_detectable_difference_is_the_textbooks():
    # Student's quantiles for 399 degrees of freedom, (1.966 + 0.843) * sd / sqrt(n).
    rng = np.random.default_rng(0)
    differences = rng.normal(size=400)
    error = differences.std(ddof=1) / np.sqrt(400)
    expected = pytest.approx(2.8085 * error, rel=1e-3)
    assert detectable_difference(differences, np.ones(400)) == expected
    # Ten equal photos a person say no more than one.
    assert detectable_difference(10 * differences, np.full(400, 10.0)) == expected


@pytest.mark.parametrize("n_people", [8, 60])
def test_a_detectable_difference_is_found_with_its_power(n_people):
    rng = np.random.default_rng(1)
    worlds, ones = rng.normal(size=(300, n_people)), np.ones(n_people)
    smallest = np.sqrt(np.mean([detectable_difference(world, ones) ** 2 for world in worlds]))
    found = [swap_test(world + smallest, 0 * ones, n_swaps=399) < 0.05 for world in worlds]
    assert np.mean(found) == pytest.approx(0.8, abs=0.08)


def test_of_few_people_only_a_larger_difference_is_detected():
    # (2.776 + 0.941) standard errors for 4 degrees of freedom, where many people have 2.802.
    five = np.array([1.0, -1.0, 2.0, 0.0, 3.0])
    error = five.std(ddof=1) / np.sqrt(5)
    assert detectable_difference(five, np.ones(5)) == pytest.approx(3.717 * error, rel=1e-3)


@pytest.mark.parametrize("n_pairs", [1, 91, 253, 1225])
def test_swaps_are_enough_for_holms_correction(n_pairs):
    swaps = plan_swaps(100, n_pairs)
    assert swaps.n >= N_SWAPS
    assert n_pairs * swaps.smallest_p(100) < 0.02
    assert plan_swaps(14, n_pairs).smallest_p(5) == 1 / 16
    assert plan_swaps(13, n_pairs).n == 2**13
    n_swaps = sum(len(block) for block in swaps.blocks(5_000_000, 0))
    assert n_swaps == swaps.n


def test_one_subject_detects_nothing():
    assert np.isnan(detectable_difference(np.array([1.0]), np.array([4.0])))


def test_subjects_without_rows_detect_nothing_more():
    few = np.array([1.0, -2.0, 4.0])
    expected = pytest.approx(detectable_difference(few, np.ones(3)))
    assert detectable_difference(np.append(few, [0.0] * 90), np.repeat([1.0, 0.0], [3, 90])) == (
        expected
    )
    assert np.isnan(detectable_difference(np.zeros(3), np.array([2.0, 0.0, 0.0])))
