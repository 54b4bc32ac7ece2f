import numpy as np
import pytest
from PIL import Image

from featurex.explanation.drawing import (
    FACES_A_SHEET,
    SheetFace,
    describe_map,
    draw_maps,
)
from featurex.explanation.explainer import ExplainedFace, TaskMap
from featurex.explanation.maps import LOG_ODDS, RELATIVE, YEARS, Explanation

SIZE = 48
BOX = (10, 20, 26, 36)


def make_map(task="gender", answer="male", chance=0.84, unit=LOG_ODDS, height=2.0, box=BOX):
    values = np.zeros((SIZE, SIZE), np.float32)
    if box:
        values[box[1] : box[3], box[0] : box[2]] = height
    return TaskMap(task, answer, chance, Explanation("occlusion", values, unit, box, height), box)


def make_face(*maps, name="photo.jpg, face 1"):
    chip = np.full((SIZE, SIZE, 3), 128, np.uint8)
    return SheetFace(name, ExplainedFace((0, 0, 40, 40), chip, maps or (make_map(),)))


@pytest.fixture
def drawn(tmp_path):
    """Return a function that draws and returns the pixels."""

    def draw(faces, title="A title", *rest):
        path = tmp_path / "maps.png"
        draw_maps(faces, path, title, *rest)
        with Image.open(path) as picture:
            assert picture.format == "PNG"
            return np.array(picture.convert("RGB")).astype(int)

    return draw


def coloured(picture):
    """How many pixels are clearly orange, and how many clearly blue."""
    difference = picture[..., 0] - picture[..., 2]
    return int((difference > 60).sum()), int((difference < -60).sum())


def test_a_map_is_orange_where_a_place_counts_for_the_answer(drawn):
    orange, blue = coloured(drawn([make_face()]))
    against = coloured(drawn([make_face(make_map(height=-2.0))]))
    flat = coloured(drawn([make_face(make_map(box=None))]))
    # Beside the legends, which are the same.
    assert orange - flat[0] > 2000
    assert blue == flat[1] > 100
    assert against[1] - flat[1] > 2000
    assert against[0] == flat[0]


def test_relative_maps_have_a_legend_of_one_sign(drawn):
    flat = make_map(unit=RELATIVE, box=None)
    orange, blue = coloured(drawn([make_face(flat)]))
    assert orange > 100
    assert blue == 0


def test_the_maps_of_a_task_share_a_scale(drawn):
    """Beside a map that is ten times stronger, the same map is paler."""
    weak, strong = make_face(make_map(height=1.0)), make_face(make_map(height=10.0))
    alone, both = drawn([weak]), drawn([weak, strong])
    pale = 2 * coloured(alone)[0] - coloured(both)[0]
    assert pale > 2000


def test_weak_maps_are_not_blown_up(drawn):
    noise = drawn([make_face(make_map(height=0.01))])
    assert coloured(noise) == coloured(drawn([make_face(make_map(box=None))]))


def test_a_sheet_grows_with_its_faces_and_tasks(drawn):
    tasks = make_map(), make_map("age", 31.26, None, YEARS, 4.0)
    one, twelve = (drawn([make_face(*tasks)] * n) for n in (1, FACES_A_SHEET))
    assert twelve.shape[0] > 2 * one.shape[0]
    assert twelve.shape[1] > 1.5 * one.shape[1]
    assert max(twelve.shape) < 4000
    assert coloured(twelve)[0] > 10 * (coloured(one)[0] - 2000)


def test_long_titles_and_notes_are_wrapped(drawn):
    short, long = drawn([make_face()]), drawn([make_face()], "word " * 60, ["note " * 80])
    assert long.shape[1] == short.shape[1]
    assert long.shape[0] > short.shape[0] + 60
    assert (long[:, -8:] == 255).all()


@pytest.mark.parametrize("name", ["a\nb.jpg", "caf\udce9.jpg", "$x_$.jpg", "写真.jpg", "x" * 250])
@pytest.mark.filterwarnings("error")
def test_any_name_can_be_drawn(name, drawn):
    assert coloured(drawn([make_face(name=name)], name, [name]))[0] > 2000


def test_an_answer_is_a_class_with_its_probability_or_years():
    assert describe_map(make_map()) == "male (84 %)"
    assert describe_map(make_map("age", 31.26, None, YEARS)) == "31.3 years"


def test_a_folder_that_is_missing_is_an_os_error(tmp_path):
    with pytest.raises(OSError, match="No such file"):
        draw_maps([make_face()], tmp_path / "no" / "maps.png", "A title")
