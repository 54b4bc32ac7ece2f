import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines import subject_codes
from pipelines.folds.subjects import assert_disjoint, known_subjects

NAMES = st.lists(st.sampled_from(["ann", "bob", "cy", "", None, float("nan"), pd.NA]), min_size=1)


@given(NAMES)
def test_rows_share_a_code_only_with_rows_of_the_same_named_subject(names):
    codes = subject_codes(names, len(names))
    for i, first in enumerate(names):
        for j, second in enumerate(names):
            same = i == j or (not pd.isna(first) and first != "" and first is second)
            assert (codes[i] == codes[j]) == same


def test_pandas_columns_and_numbers_work():
    series = pd.Series([7, 7, 9, None], index=[4, 5, 6, 7])
    assert subject_codes(series, 4).tolist() == [0, 0, 1, 2]


def test_without_groups_everybody_is_alone():
    assert subject_codes(None, 3).tolist() == [0, 1, 2]
    assert known_subjects(None, 2).tolist() == [-1, -1]


def test_another_length_is_refused():
    with pytest.raises(ValueError, match=r"'groups' must have 3 rows. Got 2"):
        subject_codes(["a", "b"], 3)


def test_a_subject_in_two_folds_is_counted():
    assert_disjoint(np.array([0, 0, 1]), np.array([1, 1, 1]))
    with pytest.raises(ValueError, match="1 of 2 subjects are in more than one fold"):
        assert_disjoint(np.array([0, 0, 1]), np.array([0, 1, 1]))
