import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from featurex.photos.edges import repeat_edges

images = hnp.arrays(np.uint8, st.tuples(*[st.integers(1, 9)] * 2, st.just(3)))
widths = st.tuples(*[st.integers(0, 12)] * 2)


@given(image=images, rows=widths, columns=widths)
def test_is_numpys_padding_by_the_edge(image, rows, columns):
    expected = np.pad(image, (rows, columns, (0, 0)), mode="edge")
    np.testing.assert_array_equal(repeat_edges(image, rows, columns), expected)
    np.testing.assert_array_equal(
        repeat_edges(image[::-1, ::-1], rows, columns)[::-1, ::-1],
        np.pad(image, (rows[::-1], columns[::-1], (0, 0)), mode="edge"),
    )
