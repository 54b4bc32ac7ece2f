import sys

import pandas as pd

from pipelines import draw_confusion


def test_a_confusion_matrix_becomes_a_png(tmp_path):
    names = ["0-2", "4-6", "60+"]
    matrix = pd.DataFrame([[9, 1, 0], [3, 7, 0], [0, 0, 0]], index=names, columns=names)
    path = tmp_path / "confusion.png"
    draw_confusion(matrix, "age groups, svm", path)
    content = path.read_bytes()
    assert content.startswith(b"\x89PNG")
    width, height = (int.from_bytes(content[at : at + 4]) for at in (16, 20))
    assert 400 < height < width < 2000


def test_no_global_state_of_matplotlib_is_used(tmp_path):
    matrix = pd.DataFrame([[1, 0], [0, 1]], index=["a", "b"], columns=["a", "b"])
    draw_confusion(matrix, "t", tmp_path / "c.png")
    pyplot = sys.modules.get("matplotlib.pyplot")
    assert pyplot is None or not pyplot.get_fignums()
