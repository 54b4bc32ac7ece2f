import numpy as np
import pytest
from PIL import Image, ImageFilter

from featurex.audit.likeness import READ_ROWS, likeness, thumbnails


def compare(*chips):
    small = thumbnails(np.stack(chips))
    return likeness(small, [0] * (len(chips) - 1), range(1, len(chips)))


def saved_again(chip):
    """Return a chip scaled to half, blurred, darkened, and mirrored."""
    picture = Image.fromarray(chip).resize((75, 75)).filter(ImageFilter.GaussianBlur(1))
    picture = picture.resize((150, 150)).point(lambda value: int(value * 0.7))
    return np.asarray(picture)[:, ::-1]


def test_copies_are_alike_and_people_are_not(chips):
    alike = compare(chips[0], chips[0], saved_again(chips[0]), *chips[1:])
    assert alike[0] == pytest.approx(1)
    assert alike[1] > 0.98
    assert alike[2:].max() < 0.95


def test_a_picture_that_moved_is_the_same(chips):
    """By 8 of 150 pixels, less than two of 32."""
    moved = np.roll(chips[0], (8, -8), axis=(0, 1))
    assert compare(chips[0], moved)[0] > 0.95
    assert compare(chips[0], np.roll(chips[0], 25, axis=0))[0] < 0.9


def test_one_grey_is_like_nothing(chips):
    grey = np.full_like(chips[0], 80)
    assert compare(chips[0], grey).tolist() == compare(grey, grey).tolist() == [0]


def test_no_more_than_a_block_of_chips_is_read_at_a_time():
    class Column:
        def __len__(self):
            return 600

        def __getitem__(self, rows):
            read = range(*rows.indices(600))
            assert len(read) <= READ_ROWS
            return np.stack([np.full((40, 40, 3), row % 256, np.uint8) for row in read])

    small = thumbnails(Column())
    assert small.shape == (600, 32, 32)
    assert (small[:, 5, 5] == np.arange(600) % 256).all()


def test_no_pairs_are_no_numbers(chips):
    assert likeness(thumbnails(chips[:0]), [], []).shape == (0,)
