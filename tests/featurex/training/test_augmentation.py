import numpy as np
import pytest
import torch

from featurex.training.augmentation import Augmentation, mirror, shift
from featurex.training.settings import TrainingSettings

STILL = {"mirror": 0.0, "shift": 0.0}
STRENGTHS = [
    {"mirror": 0.5},
    {"shift": 0.2},
    {"rotation": 30},
    {"zoom": 0.3},
    {"colour": 0.4},
    {"erasing": 0.9},
]


@pytest.fixture(scope="module")
def chips():
    rng = np.random.default_rng(0)
    coarse = rng.integers(20, 236, (24, 5, 5, 3), dtype=np.uint8)
    return torch.from_numpy(coarse.repeat(4, 1).repeat(4, 2))


def changed(chips, seed=0, **strengths):
    torch.manual_seed(seed)
    return Augmentation(TrainingSettings(**(STILL | strengths)))(chips)


def test_without_strengths_nothing_changes(chips):
    images = changed(chips)
    assert images.dtype == torch.float32
    assert torch.equal(images, chips.permute(0, 3, 1, 2).float())


@pytest.mark.parametrize("strength", STRENGTHS, ids=lambda strength: next(iter(strength)))
def test_each_strength_changes_images_and_keeps_shape_and_range(chips, strength):
    images = changed(chips, **strength)
    same = (images == chips.permute(0, 3, 1, 2)).flatten(1).all(1)
    assert not same.all()
    assert images.shape == (24, 3, 20, 20)
    assert images.is_contiguous(memory_format=torch.channels_last)
    assert 0 <= images.min() <= images.max() <= 255


@pytest.mark.parametrize("strength", STRENGTHS, ids=lambda strength: next(iter(strength)))
def test_each_image_has_its_own_draw(chips, strength):
    """Copies of one chip become many pictures."""
    copies = chips[:1].expand(24, -1, -1, -1)
    images = changed(copies, **strength)
    kinds = torch.unique(images.flatten(1), dim=0)
    assert len(kinds) >= (2 if "mirror" in strength else 8)


def test_the_seed_decides(chips):
    everything = {name: value for one in STRENGTHS for name, value in one.items()}
    first, again, other = (changed(chips, seed, **everything) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_half_of_the_images_are_mirrored_exactly(chips):
    torch.manual_seed(0)
    images = chips.permute(0, 3, 1, 2).repeat(8, 1, 1, 1)
    done = mirror(images, 0.5)
    flipped = (done == images.flip(3)).flatten(1).all(1)
    kept = (done == images).flatten(1).all(1)
    assert (flipped ^ kept).all()
    assert 60 < flipped.sum() < 132
    assert torch.equal(mirror(images, 1.0), images.flip(3))


def test_shifts_move_a_picture_as_far_as_allowed_and_repeat_its_edge():
    torch.manual_seed(0)
    ramp = torch.arange(20.0).view(1, 1, 1, 20).expand(200, 3, 20, 20)
    moved = shift(ramp, 0.1)[:, 0, 0]
    offsets = moved[:, 10] - 10
    assert set(offsets.tolist()) == {-2, -1, 0, 1, 2}
    expected = (torch.arange(20.0) + offsets[:, None]).clamp(0, 19)
    assert torch.equal(moved, expected)


def test_turning_keeps_the_centre_and_repeats_the_edge():
    """No black corners come in: a picture of one colour stays as it is."""
    flat = torch.full((8, 21, 21, 3), 90, dtype=torch.uint8)
    assert changed(flat, rotation=45, zoom=0.2).unique().tolist() == [90]


def test_erased_rectangles_are_black(chips):
    bright = chips.clamp_min(20)
    images = changed(bright, erasing=1.0)
    share = (images == 0).all(1).flatten(1).float().mean(1)
    assert (share > 0.01).all()
    assert (share < 0.3).all()
