import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.tables.layout import by_task, in_width

CELLS = pd.DataFrame(
    {
        "Task": ["sex", "sex", "age"],
        "Model": ["a", "b", "a"],
        "Photos": ["9", "9", "7"],
        "Folds": ["3", "3", "3"],
        "Accuracy (%)": ["1.0 ± 0.1", "–", "–"],
        "MAE (years)": ["–", "–", "5.0"],
    }
)
COLUMNS = st.dictionaries(
    st.text("abc ", min_size=1, max_size=30), st.text("x", max_size=40), min_size=2, max_size=9
)


def test_a_task_has_its_own_columns_and_counts():
    sex, age = by_task(CELLS)
    assert (sex.task, sex.counts) == ("sex", "9 photos, 3 folds")
    assert list(sex.cells) == ["Model", "Accuracy (%)"]
    assert sex.cells["Accuracy (%)"].tolist() == ["1.0 ± 0.1", "–"]
    assert (age.counts, list(age.cells)) == ("7 photos, 3 folds", ["Model", "MAE (years)"])


@pytest.mark.parametrize(
    ("folds", "counts"),
    [
        *(("1", "9 photos, 1 test set"), ("3x1", "9 photos, 3 test sets")),
        *(("3x5", "9 photos, 3x5 folds"), ("11", "9 photos, 11 folds")),
    ],
)
def test_a_test_set_is_not_called_a_fold(folds, counts):
    assert next(by_task(CELLS.assign(Folds=folds))).counts == counts


def test_one_is_not_plural_and_what_is_missing_is_not_counted():
    assert next(by_task(CELLS.assign(Photos="1", Subjects="–"))).counts == "1 photo, 3 folds"


@given(COLUMNS, st.integers(10, 100))
def test_no_column_is_lost_and_blocks_fit(cells, width):
    table = pd.DataFrame({name: [text] for name, text in cells.items()})
    first, *others = table.columns
    blocks = in_width(table, width)
    assert [name for block in blocks for name in list(block)[1:]] == others
    assert all(block.columns[0] == first for block in blocks)
    for block in blocks:
        needed = sum(max(len(name), len(block[name].iloc[0])) + 3 for name in block) - 3
        assert needed <= width or block.shape[1] == 2


def test_what_fits_stays_together():
    (sex, _) = by_task(CELLS)
    assert len(in_width(sex.cells, 80)) == 1
