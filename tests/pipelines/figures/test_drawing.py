import sys

import pandas as pd

from pipelines import draw_confusion, draw_reliability


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


def bins(**columns):
    table = {
        "n_rows": [50, 50, 50],
        "confidence_min": [0.5, 0.7, 0.9],
        "confidence_max": [0.7, 0.9, 1.0],
        "confidence": [0.6, 0.8, 0.95],
        "accuracy": [0.5, 0.75, 0.96],
        "low": [0.4, 0.6, 0.9],
        "high": [0.6, 0.85, 1.0],
    }
    return pd.DataFrame(table | columns)


def drawn(table, path):
    draw_reliability(table, "gender, svm", path)
    return path.read_bytes()


def test_a_reliability_table_becomes_a_png(tmp_path):
    content = drawn(bins(), tmp_path / "r.png")
    assert content.startswith(b"\x89PNG")
    width, height = (int.from_bytes(content[at : at + 4]) for at in (16, 20))
    assert 400 < width < height < 2000
    assert drawn(bins(accuracy=[0.5, 0.75, 0.8]), tmp_path / "other.png") != content


def test_one_bin_without_an_interval_can_be_drawn(tmp_path):
    one = bins(low=float("nan"), high=float("nan"), confidence_max=[0.5, 0.7, 0.9]).head(1)
    assert drawn(one, tmp_path / "r.png").startswith(b"\x89PNG")
