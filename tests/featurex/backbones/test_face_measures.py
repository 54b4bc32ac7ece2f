import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from featurex.backbones.face_measures import (
    ANGLES,
    DISTANCES,
    LEFT_EYE,
    N_POINTS,
    NAMES,
    RATIOS,
    RIGHT_EYE,
    measure,
    normalised,
)


@pytest.fixture(scope="module")
def face():
    """68 random points, with the eyes on one level, 40 pixels apart."""
    points = np.random.default_rng(0).uniform(0, 100, (N_POINTS, 2))
    for eye, x in ((RIGHT_EYE, 30), (LEFT_EYE, 70)):
        points[list(eye)] += (x, 45) - points[list(eye)].mean(0)
    return points


def value(points, name):
    return measure(points[None])[0, NAMES.index(name)]


def test_eyes_are_a_unit_apart(face):
    points = normalised(face[None])[0]
    np.testing.assert_allclose(points[list(RIGHT_EYE)].mean(0), (-0.5, 0), atol=1e-12)
    np.testing.assert_allclose(points[list(LEFT_EYE)].mean(0), (0.5, 0), atol=1e-12)
    np.testing.assert_allclose(points, (face - (50, 45)) / 40, atol=1e-12)


@settings(deadline=None)
@given(
    angle=st.floats(-3.1, 3.1),
    scale=st.floats(0.1, 50),
    shift=st.tuples(st.floats(-500, 500), st.floats(-500, 500)),
)
def test_position_size_and_tilt_do_not_matter(face, angle, scale, shift):
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    moved = scale * face @ turn.T + shift
    np.testing.assert_allclose(measure(moved[None]), measure(face[None]), rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(normalised(moved[None]), normalised(face[None]), atol=1e-6)


def test_known_distances_ratios_and_angles(face):
    points = face.copy()
    points[[48, 54, 60, 64]] = (40, 80), (60, 80), (44, 80), (56, 80)
    points[[51, 57]] = (50, 75), (50, 87)
    points[[0, 16]] = (10, 50), (90, 50)
    points[[2, 14, 31, 35, 27, 33]] = (0, 0), (1, 1), (45, 65), (55, 65), (50, 40), (50, 60)
    assert value(points, "mouth width") == pytest.approx(20 / 40)
    assert value(points, "mouth height") == pytest.approx(12 / 40)
    assert value(points, "face width at eyes") == pytest.approx(80 / 40)
    assert value(points, "nose length") == pytest.approx(20 / 40)
    assert value(points, "eyes to mouth") == pytest.approx(35 / 40)
    assert value(points, "mouth height : mouth width") == pytest.approx(12 / 20)
    assert value(points, "angle mouth at upper lip") == pytest.approx(2 * np.arctan2(10, 5))
    assert value(points, "angle eyes at mouth") == pytest.approx(2 * np.arctan2(20, 35))


def test_a_mirrored_face_swaps_right_and_left(face):
    """Points mirrored and renumbered as iBUG 300-W numbers them."""
    order = [*range(16, -1, -1), *range(26, 16, -1), *range(27, 31), *range(35, 30, -1)]
    order += [45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40]
    order += [*range(54, 47, -1), *range(59, 54, -1), *range(64, 59, -1), 67, 66, 65]
    mirrored = (face * (-1, 1))[order]
    for name in NAMES:
        other = name.replace("right", "LEFT").replace("left", "right").replace("LEFT", "left")
        assert value(mirrored, other) == pytest.approx(value(face, name)), name


def test_every_measure_has_one_name():
    assert len(set(NAMES)) == len(NAMES) == len(DISTANCES) + len(RATIOS) + len(ANGLES)
    assert measure(np.random.default_rng(1).random((5, N_POINTS, 2))).shape == (5, len(NAMES))
    assert measure(np.empty((0, N_POINTS, 2))).shape == (0, len(NAMES))


def test_points_that_all_coincide_give_finite_numbers():
    assert np.isfinite(measure(np.full((1, N_POINTS, 2), 7.0))).all()
