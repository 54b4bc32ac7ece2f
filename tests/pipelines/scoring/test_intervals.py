"""Intervals: published numbers, coverage on simulated people, and what can't be known."""

import numpy as np
import pytest
from scipy.stats import bootstrap, norm

from pipelines.scoring.intervals import LEVEL, acceleration, bca, exact_share, mean_intervals
from pipelines.scoring.resampling import Part, leave_one_out, resample

# Efron and Tibshirani, "An Introduction to the Bootstrap" (1993), table 14.1: the spatial test of
# 26 neurologically impaired children, part A, and its results for the variance, pages 179 to 188.
CHILDREN = np.array(
    [
        *(48, 36, 20, 29, 42, 42, 20, 42, 22, 41, 45, 14, 6),
        *(0, 33, 28, 34, 4, 32, 24, 47, 41, 24, 26, 30, 41),
    ]
)


def variance(rows):
    return rows.var(axis=-1)


def children(n_resamples, seed=0):
    rng = np.random.default_rng(seed)
    drawn = CHILDREN[rng.integers(0, 26, (n_resamples, 26))]
    without = np.array([variance(np.delete(CHILDREN, child)) for child in range(26)])
    return float(variance(CHILDREN)), variance(drawn), without


def test_bca_gives_the_published_interval_of_the_spatial_test():
    estimate, resamples, jackknife = children(20_000)
    assert estimate == pytest.approx(171.5, abs=0.05)
    assert acceleration(jackknife) == pytest.approx(0.061, abs=0.0005)
    interval = bca(estimate, resamples, jackknife, level=0.9, widen=False)
    # The book drew 2,000 times: its upper end has a standard error of 3.
    assert interval == pytest.approx((115.8, 259.6), abs=6)


def test_bca_takes_the_published_percentiles():
    """The book's bias correction is 0.146, and so its ends are the percentiles 0.110 and 0.985."""
    *_, jackknife = children(1)
    estimate = float(norm.cdf(0.146))
    ends = bca(estimate, np.linspace(0, 1, 100_001), jackknife, level=0.9, widen=False)
    assert ends == pytest.approx((0.110, 0.985), abs=0.0006)


def test_bca_agrees_with_scipy():
    estimate, resamples, jackknife = children(20_000)
    theirs = bootstrap(
        (CHILDREN,), lambda rows, axis: rows.var(axis=axis), n_resamples=20_000, rng=1
    ).confidence_interval
    ours = bca(estimate, resamples, jackknife, widen=False)
    # 20,000 draws leave an error of 2 in the upper end, the percentile 0.996.
    np.testing.assert_allclose(ours, theirs, atol=5)


def test_few_subjects_widen_the_interval():
    estimate, resamples, jackknife = children(4000)
    low, high = bca(estimate, resamples, jackknife, widen=False)
    wide_low, wide_high = bca(estimate, resamples, jackknife)
    assert wide_low < low < estimate < high < wide_high


def test_the_exact_interval_is_clopper_and_pearsons():
    # Ten of ten: the lower end solves p ** 10 = 0.025.
    assert exact_share(10, 10) == pytest.approx((0.025**0.1, 1))
    assert exact_share(0, 10) == pytest.approx((0, 1 - 0.025**0.1))
    # The rule of three: the one-sided upper end of none of n.
    assert exact_share(0, 1000, level=0.9)[1] == pytest.approx(3 / 1000, rel=0.01)


def photos_of_people(rng, n_people, share=0.85):
    """Right and wrong answers; people differ, so that photos of one are alike."""
    counts = 1 + rng.poisson(4, n_people)
    people = np.repeat(np.arange(n_people), counts)
    right = rng.random(len(people)) < rng.beta(3 * share, 3 * (1 - share), n_people)[people]
    return right.astype(float)[:, None], people


@pytest.mark.parametrize("n_people", [15, 60])
def test_intervals_over_people_cover_and_those_over_photos_do_not(n_people):
    rng = np.random.default_rng(7)
    covered = np.zeros(2)
    n_worlds = 250
    for _ in range(n_worlds):
        right, people = photos_of_people(rng, n_people)
        for kind, subjects in enumerate((people, np.arange(len(people)))):
            (low, high), *_ = mean_intervals(right, subjects, n_resamples=400)
            covered[kind] += low <= 0.85 <= high
    over_people, over_photos = covered / n_worlds
    # Three standard errors of a share of 250 are 0.04.
    assert LEVEL - 0.04 <= over_people <= LEVEL + 0.04
    assert over_photos < 0.88


def test_intervals_narrow_with_the_root_of_the_people():
    rng = np.random.default_rng(0)
    widths = []
    for n_people in (100, 400):
        worlds = [photos_of_people(rng, n_people) for _ in range(20)]
        ends = np.array([mean_intervals(*world, n_resamples=300)[0] for world in worlds])
        widths.append(np.diff(ends).mean())
    assert widths[0] / widths[1] == pytest.approx(2, rel=0.1)


def test_rows_may_come_in_any_order_and_subjects_have_any_number():
    rng = np.random.default_rng(0)
    right, people = photos_of_people(rng, 30)
    order = rng.permutation(len(people))
    first = mean_intervals(right, people)
    np.testing.assert_allclose(mean_intervals(right[order], people[order]), first, rtol=1e-5)
    np.testing.assert_array_equal(mean_intervals(right, 7 * people + 5), first)


def test_a_mean_over_some_rows_is_that_of_these_rows_alone():
    rng = np.random.default_rng(0)
    right, people = photos_of_people(rng, 300)
    some = people < 150
    column = np.where(some[:, None], right, np.nan)
    (low, high), *_ = mean_intervals(np.hstack([column, right]), people)
    (low_alone, high_alone), *_ = mean_intervals(right[some], people[some])
    assert high - low == pytest.approx(high_alone - low_alone, rel=0.1)
    assert (low + high) / 2 == pytest.approx((low_alone + high_alone) / 2, abs=0.005)


def test_the_seed_decides():
    right, people = photos_of_people(np.random.default_rng(0), 30)
    first, again, other = (
        mean_intervals(right, people, random_state=seed, n_resamples=200) for seed in (1, 1, 2)
    )
    assert (first == again).all()
    assert (first != other).any()


def test_all_right_is_not_certain():
    people = np.repeat(np.arange(10), 3)
    assert mean_intervals(np.ones((30, 1)), people)[0] == pytest.approx(exact_share(10, 10))
    assert mean_intervals(np.zeros((30, 1)), people)[0] == pytest.approx(exact_share(0, 10))


def test_of_one_subject_nothing_is_known():
    values = np.array([[0.0], [1.0], [1.0]])
    assert np.isnan(mean_intervals(values, np.zeros(3, dtype=int))).all()


@pytest.mark.parametrize(("n_known", "known"), [(2, False), (5, True)])
def test_a_mean_that_many_resamples_lack_has_no_interval(n_known, known):
    """Of 100 people two have a row in the mean: 13 % of the resamples draw neither; of five 0.6."""
    values = np.full((100, 1), np.nan)
    values[:n_known, 0] = np.linspace(0.2, 0.9, n_known)
    assert np.isfinite(mean_intervals(values, np.arange(100))).all() == known


def test_of_no_row_nothing_is_known():
    assert np.isnan(mean_intervals(np.full((3, 1), np.nan), np.arange(3))).all()


@pytest.mark.parametrize(
    ("estimate", "resamples", "jackknife"),
    [
        (np.nan, np.full(100, np.nan), np.full(9, np.nan)),
        (0.5, np.full(100, 0.5), np.full(9, 0.5)),
        (0.5, np.r_[np.linspace(0, 1, 80), np.full(20, np.nan)], np.linspace(0, 1, 9)),
        (0.5, np.linspace(0, 1, 100), np.array([0.5])),
    ],
    ids=["undefined", "all alike", "a fifth undefined", "one subject"],
)
def test_where_resampling_says_nothing_the_interval_is_missing(estimate, resamples, jackknife):
    assert np.isnan(bca(estimate, resamples, jackknife)).all()


def test_an_estimate_outside_its_resamples_has_a_finite_interval():
    low, high = bca(2.0, np.linspace(0, 1, 100), np.linspace(1.9, 2.1, 30))
    assert 0 <= low <= high <= 1


@pytest.mark.parametrize("others", [0.0, 0.98], ids=["a mean", "a difference near 0"])
@pytest.mark.parametrize("n_people", [4, 5])
def test_equal_resamples_count_half_as_below_whatever_their_last_digits(n_people, others):
    """Resamples are sums in float32; with few people many draw everybody once."""
    for seed in range(20):
        rng = np.random.default_rng(seed)
        means = rng.gamma(2, 3, n_people)
        sums = np.stack([means, others * means[::-1]], axis=1)
        (drawn,) = resample([Part(np.arange(n_people), sums)], n_people)
        estimate, noisy, jackknife = (
            part[..., 0] - part[..., 1] for part in (sums.sum(axis=0), drawn, leave_one_out(sums))
        )
        exact = np.where(np.abs(noisy - estimate) < 1e-4, estimate, noisy)
        expected = bca(estimate, exact, jackknife)
        np.testing.assert_allclose(bca(estimate, noisy, jackknife), expected, rtol=1e-4)


@pytest.mark.parametrize("level", [0, 1, 95, np.nan])
def test_a_level_that_is_no_share_is_refused(level):
    with pytest.raises(ValueError, match="'level' of an interval"):
        bca(0.5, np.linspace(0, 1, 9), np.linspace(0, 1, 9), level=level)


def test_resamples_have_the_mean_and_the_variance_of_the_theory():
    rng = np.random.default_rng(0)
    sums = rng.normal(size=(200, 3))
    (drawn,) = resample([Part(np.arange(200), sums)], 200, n_resamples=4000)
    np.testing.assert_allclose(drawn.mean(axis=0), sums.sum(axis=0), atol=1)
    np.testing.assert_allclose(drawn.std(axis=0), np.sqrt(200) * sums.std(axis=0), rtol=0.05)


def test_parts_see_the_same_draws():
    sums = np.arange(1.0, 11)[:, None]
    halves = [Part(np.arange(5), sums[:5]), Part(np.arange(5, 10), sums[5:])]
    first, second, whole = resample([*halves, Part(np.arange(10), sums)], 10, n_resamples=50)
    np.testing.assert_allclose(first + second, whole)


def test_no_subject_can_not_be_drawn():
    with pytest.raises(ValueError, match=r"must be positive\. Got 0 and 5"):
        resample([], 0, n_resamples=5)


def test_leaving_one_out_leaves_the_others():
    sums = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    assert leave_one_out(sums).tolist() == [[8, 10], [6, 8], [4, 6]]
