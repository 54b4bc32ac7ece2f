from unittest.mock import Mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cache.keys import KEY_DTYPE, prefixes
from cache.lookup import empty_lookup

# Some begin alike.
some_keys = st.lists(
    st.tuples(
        st.sampled_from([b"a" * 8, b"b" * 8, b"\xff" * 8]), st.binary(min_size=24, max_size=24)
    ).map(b"".join)
    | st.binary(min_size=32, max_size=32),
    unique=True,
    max_size=12,
)


def as_keys(raw):
    return np.frombuffer(b"".join(raw), dtype=KEY_DTYPE)


def make_lookup(raw):
    return empty_lookup().extended([(Mock(name="shard"), as_keys(sorted(raw)))])


@settings(deadline=None)
@given(some_keys, some_keys)
def test_it_finds_what_is_there_and_nothing_else(there, asked):
    lookup, keys = make_lookup(there), as_keys(there + asked)
    positions = lookup.find(keys)
    expected = {raw: row for row, raw in enumerate(sorted(there))}
    assert positions.tolist() == [expected.get(raw, -1) for raw in there + asked]


@pytest.mark.parametrize("last", [b"\0", b"\xff"])
def test_keys_that_begin_alike_are_told_apart(last):
    there = [b"k" * 31 + b"a", b"k" * 31 + b"b"]
    lookup = make_lookup(there)
    assert lookup.find(as_keys([*there, b"k" * 31 + last])).tolist() == [0, 1, -1]


@settings(deadline=None)
@given(st.lists(st.binary(min_size=32, max_size=32)))
def test_prefixes_have_the_order_of_the_keys(raw):
    numbers = prefixes(as_keys(sorted(raw)))
    assert (numbers[1:] >= numbers[:-1]).all()
    assert numbers.tolist() == [int.from_bytes(key[:8], "big") for key in sorted(raw)]
