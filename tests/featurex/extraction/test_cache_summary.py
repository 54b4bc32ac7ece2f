import numpy as np
import pytest

from cache import Column, Space, Store, info
from featurex.extraction import spaces
from featurex.extraction.cache_summary import WithoutFace, count_without_face


@pytest.fixture
def root(tmp_path):
    faces = Store.open(tmp_path, Space(spaces.FACES, {}), spaces.FACE_COLUMNS)
    status = [spaces.FOUND] * 4 + [spaces.NO_FACE] * 2 + [spaces.UNREADABLE]
    faces.append(
        [f"{row:064x}" for row in range(7)],
        {
            "status": np.array(status, np.uint8),
            "reason": np.zeros(7, "S160"),
            "box": np.zeros((7, 4), np.int32),
            "landmarks": np.zeros((7, 5, 2), np.int32),
            "score": np.zeros(7, np.float32),
        },
    )
    Store.open(tmp_path, Space("chips-150", {}), [Column("chip", "uint8", (2, 2, 3))])
    return tmp_path


def test_photos_without_a_face_are_counted_in_spaces_of_faces(root):
    chips, faces = info(root)
    assert count_without_face(root, faces) == WithoutFace(no_face=2, unreadable=1)
    assert count_without_face(root, chips) is None


def test_a_space_of_faces_without_photos_has_none_without(tmp_path):
    Store.open(tmp_path, Space(spaces.FACES, {}), spaces.FACE_COLUMNS)
    assert count_without_face(tmp_path, info(tmp_path)[0]) == WithoutFace(0, 0)
