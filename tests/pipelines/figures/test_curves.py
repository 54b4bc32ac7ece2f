import numpy as np
import pandas as pd
import pytest

from pipelines import curves, draw_curves


def table(models=("finetuned",), n_folds=2, n_epochs=3):
    rows = [
        ("age", model, fold, epoch, 2 / epoch, 3 / epoch, 5.0, 6.0, 1.5)
        for model in models
        for fold in range(n_folds)
        for epoch in range(1, n_epochs + 1 + fold)  # folds stop at different epochs
    ]
    return pd.DataFrame(rows, columns=list(curves.COLUMNS))


def size(path):
    content = path.read_bytes()
    assert content.startswith(b"\x89PNG")
    return tuple(int.from_bytes(content[at : at + 4]) for at in (16, 20))


def test_models_stand_side_by_side(tmp_path):
    draw_curves(table(), "age", "error", tmp_path / "one.png")
    draw_curves(table(("finetuned@student-20x256", "b", "c")), "age", "error", tmp_path / "3.png")
    one, three = size(tmp_path / "one.png"), size(tmp_path / "3.png")
    assert one[0] < three[0] < 4 * one[0]
    assert one[1] == three[1]


def test_many_models_begin_new_rows(tmp_path):
    draw_curves(table(tuple("abcd")), "age", "error", tmp_path / "4.png")
    draw_curves(table(tuple("abcdefghi")), "age", "error", tmp_path / "9.png")
    four, nine = size(tmp_path / "4.png"), size(tmp_path / "9.png")
    assert nine == (four[0], 3 * four[1])


def test_all_models_share_the_axes(tmp_path, monkeypatch):
    shown = []
    monkeypatch.setattr(
        "matplotlib.figure.Figure.savefig", lambda self, *_, **__: shown.append(self)
    )
    rows = table(tuple("abcde"))
    rows.loc[rows["model"] == "e", "valid_loss"] = 900.0
    draw_curves(rows, "age", "error", tmp_path / "5.png")
    losses = {axes.get_title(): axes for axes in shown[0].axes if axes.get_title()}
    assert list(losses) == list("abcde")
    assert all(axes.get_ylim()[1] > 900 for axes in losses.values())


def test_one_epoch_and_missing_scores_are_drawn(tmp_path):
    short = table(n_folds=1, n_epochs=1).assign(train_score=np.nan)
    draw_curves(short, "age", "error", tmp_path / "c.png")
    assert min(size(tmp_path / "c.png")) > 300


def test_nothing_to_draw_is_an_error(tmp_path):
    with pytest.raises(ValueError, match="no curves"):
        draw_curves(table()[:0], "age", "error", tmp_path / "c.png")


def test_both_curves_are_told_apart_without_colour():
    styles = curves._STYLES
    assert styles["train"]["linestyle"] != styles["valid"]["linestyle"]
