from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest

from featurex.digests import digest, source_digest

TABLE = pd.DataFrame({"a": [1.0, np.nan], "b": ["x", None]})


@dataclass
class Pair:
    first: object
    second: object


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (1, "1"),
        (1, True),
        (1, 1.0),
        (None, "null"),
        (["ab", "c"], ["a", "bc"]),
        ([[1], 2], [[1, 2]]),
        ({"a": 1}, ["a", 1]),
        (np.zeros(2), np.zeros((2, 1))),
        (np.zeros(2), np.zeros(2, np.float32)),
        (np.array(["a", None], object), np.array([None, "a"], object)),
        (TABLE, TABLE.iloc[::-1]),
        (TABLE, TABLE.rename(columns={"a": "c"})),
        (TABLE, TABLE.fillna({"a": 2.0})),
        (Pair(1, 2), Pair(2, 1)),
    ],
)
def test_what_differs_has_another_digest(one, other):
    assert digest(one) != digest(other)


@pytest.mark.parametrize("value", [1, "ä", {"a": [None, 2.5]}, np.arange(3), TABLE, Pair([], "b")])
def test_what_is_equal_has_the_same_digest(value):
    assert digest(value) == digest(value)


def test_numbers_and_lists_count_by_value_and_not_by_kind():
    assert digest(np.float64(2.5), np.int64(1)) == digest(2.5, 1)
    assert digest((1, 2)) == digest([1, 2])


def test_what_can_not_be_told_apart_is_refused():
    with pytest.raises(TypeError, match="A set has no digest"):
        digest({1, 2})


def test_the_program_has_a_digest():
    assert len(source_digest()) == 64
