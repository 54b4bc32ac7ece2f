import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional as F

from featurex.networks.crops import centre_crop, random_crops, resize, ten_crops


@pytest.fixture
def places():
    """An image whose two first channels are the row and the column of each pixel, eight times."""
    rows, columns = torch.meshgrid(torch.arange(30.0), torch.arange(30.0), indexing="ij")
    return torch.stack([rows, columns, torch.zeros(30, 30)]).expand(8, 3, 30, 30)


def test_random_crops_lie_at_places_of_their_own(places):
    torch.manual_seed(0)
    crops = random_crops(places, 21)
    corners = crops[:, :2, 0, 0]
    assert crops.shape == (8, 3, 21, 21)
    assert len({tuple(corner.tolist()) for corner in corners}) > 4
    for crop, (top, left) in zip(crops, corners.int().tolist(), strict=True):
        assert torch.equal(crop, places[0, :, top : top + 21, left : left + 21])


def test_random_crops_reach_every_border(places):
    torch.manual_seed(0)
    corners = random_crops(places.repeat(20, 1, 1, 1), 28)[:, :2, 0, 0]
    assert {tuple(corner.tolist()) for corner in corners} == {
        (float(y), float(x)) for y in range(3) for x in range(3)
    }


def test_a_crop_as_large_as_the_image_is_the_image(places):
    assert torch.equal(random_crops(places, 30), places)
    assert torch.equal(centre_crop(places, 30), places)


def test_ten_crops_are_five_and_their_mirror_images(places):
    crops = ten_crops(places, 20)
    corners = [tuple(crop[0, :2, 0, 0].int().tolist()) for crop in crops[:5]]
    assert corners == [(5, 5), (0, 0), (0, 10), (10, 0), (10, 10)]
    assert all(crop.shape == (8, 3, 20, 20) for crop in crops)
    for crop, mirrored in zip(crops[:5], crops[5:], strict=True):
        assert torch.equal(mirrored, crop.flip(3))


@pytest.mark.parametrize(("before", "after"), [(64, 40), (30, 50)])
def test_scaling_agrees_with_pillow(before, after):
    generator = np.random.default_rng(0)
    image = generator.integers(0, 256, (before, before, 3), dtype=np.uint8)
    reference = Image.fromarray(image).resize((after, after), Image.Resampling.BILINEAR)
    scaled = resize(torch.from_numpy(image).permute(2, 0, 1)[None].float(), after)
    # Pillow rounds after each of its two passes.
    np.testing.assert_allclose(scaled[0].permute(1, 2, 0).numpy(), np.array(reference), atol=1.1)


@pytest.mark.parametrize("shape", [(30, 30), (30, 70), (70, 30), (70, 70)])
def test_scaling_is_antialiased_in_every_direction(shape):
    """Without antialiasing where it makes no difference, which is faster."""
    torch.manual_seed(0)
    images = torch.rand(2, 3, *shape) * 255
    expected = F.interpolate(images, (50, 50), mode="bilinear", antialias=True)
    torch.testing.assert_close(resize(images, 50), expected, rtol=1e-5, atol=1e-4)


def test_an_image_of_the_right_size_is_not_touched(places):
    assert resize(places, 30) is places
