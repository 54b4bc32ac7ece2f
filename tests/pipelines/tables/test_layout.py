import pandas as pd
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
