import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from featurex.explanation.maps import (
    GREY,
    LOG_ODDS,
    RELATIVE,
    SMALLEST_PROBABILITY,
    YEARS,
    log_odds,
    occlusion,
    relative_map,
)

SIZE, TOP, LEFT, SIDE = 40, 22, 6, 8
SQUARE = np.s_[TOP : TOP + SIDE, LEFT : LEFT + SIDE]


def bright_square(seed=0):
    """A dark chip with a bright square at a known place."""
    chip = np.random.default_rng(seed).integers(0, 60, (SIZE, SIZE, 3), dtype=np.uint8)
    chip[SQUARE] = 250
    return chip


def look_at_the_square(chips):
    """Years: how bright the square is, and nothing else."""
    return chips[:, *SQUARE].mean((1, 2, 3))[:, None]


def explain(score=look_at_the_square, **options):
    return occlusion(score, bright_square(), [YEARS], **options)[0]


def overlaps(box):
    left, top, right, bottom = box
    return left < LEFT + SIDE and right > LEFT and top < TOP + SIDE and bottom > TOP


def test_the_strongest_place_is_the_square_that_the_model_looks_at():
    found = explain(patch=8, stride=2)
    row, column = np.unravel_index(found.values.argmax(), found.values.shape)
    assert TOP <= row < TOP + SIDE
    assert LEFT <= column < LEFT + SIDE
    assert found.box == (LEFT, TOP, LEFT + SIDE, TOP + SIDE)
    assert found.change == pytest.approx(250 - GREY)
    assert (found.method, found.unit) == ("occlusion", YEARS)
    assert found.values.dtype == np.float32


def test_places_that_no_patch_shares_with_the_square_are_zero():
    values = explain(patch=8, stride=2).values
    near = np.zeros((SIZE, SIZE), bool)
    near[TOP - 7 : TOP + SIDE + 7, : LEFT + SIDE + 7] = True
    assert (values[~near] == 0).all()
    assert (values[SQUARE] > 0).all()


def test_a_value_is_the_mean_over_the_patches_that_cover_the_pixel():
    """Four patches of half a chip: each pixel is covered by one."""
    found = occlusion(look_at_the_square, bright_square(), [YEARS], patch=20, stride=20)[0]
    expected = np.zeros((SIZE, SIZE))
    expected[20:, :20] = 250 - GREY
    np.testing.assert_allclose(found.values, expected)


def test_a_place_that_holds_the_answer_down_is_negative():
    found = explain(lambda chips: -look_at_the_square(chips), patch=8, stride=2)
    assert found.values.min() == -explain(patch=8, stride=2).values.max()
    assert found.change == pytest.approx(GREY - 250)
    assert overlaps(found.box)


def test_a_model_that_looks_at_nothing_has_a_map_of_zeros():
    found = explain(lambda chips: np.full((len(chips), 1), 31.5))
    assert not found.values.any()
    assert found.values.shape == (SIZE, SIZE)
    assert found.box is None
    assert found.change == 0


@given(st.integers(1, 200), st.integers(1, SIZE))
def test_the_batch_size_does_not_change_the_map(batch_size, patch):
    sizes = []

    def score(chips):
        sizes.append(len(chips))
        return look_at_the_square(chips)

    found = explain(score, patch=patch, batch_size=batch_size)
    expected = explain(patch=patch)
    np.testing.assert_array_equal(found.values, expected.values)
    assert found.box == expected.box
    assert max(sizes) <= batch_size


def test_several_answers_share_one_pass():
    calls = []

    def score(chips):
        calls.append(len(chips))
        return np.column_stack([look_at_the_square(chips), chips[:, :4, -4:].mean((1, 2, 3))])

    years, odds = occlusion(score, bright_square(), [YEARS, LOG_ODDS], patch=8)
    np.testing.assert_array_equal(years.values, explain(patch=8).values)
    assert odds.unit == LOG_ODDS
    assert odds.box[0] == SIZE - 8
    assert odds.box[1] == 0
    assert sum(calls) == 1 + 12 * 12


def test_every_pixel_is_covered_also_where_steps_do_not_fit():
    for patch, stride in ((7, 5), (40, 1), (39, 39), (1, 1)):
        covered = np.zeros((SIZE, SIZE), bool)

        def score(chips, covered=covered):
            covered |= (chips == GREY).all(3).any(0)
            return np.zeros((len(chips), 1))

        occlusion(score, np.zeros((SIZE, SIZE, 3), np.uint8), [YEARS], patch=patch, stride=stride)
        assert covered.all(), (patch, stride)


def test_the_chip_itself_is_not_covered():
    chip = bright_square()
    occlusion(look_at_the_square, chip, [YEARS])
    np.testing.assert_array_equal(chip, bright_square())


@pytest.mark.parametrize("patch", [0, -3, SIZE + 1])
def test_a_patch_that_does_not_fit_is_refused(patch):
    with pytest.raises(ValueError, match=rf"from 1 to 40 pixels.*Got {patch}\."):
        explain(patch=patch)


@pytest.mark.parametrize("stride", [0, 9])
def test_steps_that_leave_gaps_are_refused(stride):
    with pytest.raises(ValueError, match=rf"from 1 to the patch's 8 pixels\. Got {stride}\."):
        explain(patch=8, stride=stride)


def test_one_more_of_the_log_odds_is_twice_the_odds():
    assert log_odds(np.array([0.5, 2 / 3, 0.8, 1 / 3])) == pytest.approx([0, 1, 2, -1])


def test_log_odds_of_a_sure_model_are_finite():
    ends = log_odds(np.array([0.0, 1.0]))
    assert ends == pytest.approx([-13.2877, 13.2877], abs=1e-3)
    assert (ends == log_odds(np.array([SMALLEST_PROBABILITY, 1 - SMALLEST_PROBABILITY]))).all()


def test_a_coarse_map_is_spread_over_the_chip():
    places = np.zeros((4, 5))
    places[2, 1] = 7
    found = relative_map(places, (40, 50), "grad-cam")
    assert found.values.shape == (40, 50)
    assert (found.values.min(), found.values.max()) == (0, pytest.approx(1, abs=0.1))
    row, column = np.unravel_index(found.values.argmax(), (40, 50))
    assert found.box == (10, 20, 20, 30)
    assert 20 <= row < 30
    assert 10 <= column < 20
    assert (found.unit, found.method, found.change) == (RELATIVE, "grad-cam", None)


def test_only_the_differences_of_a_coarse_map_count():
    places = np.random.default_rng(0).random((7, 7))
    first, second = (relative_map(p, (21, 21), "attention") for p in (places, 100 + 5 * places))
    np.testing.assert_allclose(first.values, second.values, atol=1e-5)
    assert first.box == second.box


def test_a_map_of_the_middle_lies_in_the_middle():
    places = np.zeros((4, 4))
    places[0, 3] = 1
    found = relative_map(places, (40, 40), "grad-cam", seen=0.8)
    assert found.box == (28, 4, 36, 12)
    inside = found.values[4:36, 4:36]
    np.testing.assert_array_equal(inside, relative_map(places, (32, 32), "grad-cam").values)
    assert found.values.sum() == inside.sum()


def test_a_flat_map_has_no_strongest_place():
    found = relative_map(np.full((7, 7), 0.3), (21, 21), "attention")
    assert not found.values.any()
    assert found.box is None


@pytest.mark.parametrize(
    "places", [np.zeros(7), np.zeros((0, 7)), np.full((7, 7), np.nan), np.zeros((2, 7, 7))]
)
def test_what_is_no_map_is_refused(places):
    with pytest.raises(ValueError, match="A map of attention must be finite numbers"):
        relative_map(places, (21, 21), "attention")
