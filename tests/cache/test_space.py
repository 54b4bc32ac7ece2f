import hashlib
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cache import Column, Space

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)


def test_id_is_the_sha256_of_canonical_json():
    space = Space("faces", {"size": 150, "aligner": "dlib"})
    text = '{"kind":"faces","settings":{"aligner":"dlib","size":150}}'
    assert space.id == hashlib.sha256(text.encode()).hexdigest()[:16]
    assert space.folder == f"faces-{space.id}"


@settings(deadline=None)
@given(st.dictionaries(st.text(max_size=5), json_values, max_size=4))
def test_order_of_settings_does_not_matter(settings):
    backwards = dict(reversed(settings.items()))
    assert Space("a", settings) == Space("a", backwards)
    assert Space("a", settings).id == Space("a", Space("a", settings).settings).id


@pytest.mark.parametrize(
    ("one", "other"),
    [({"a": 1}, {"a": 2}), ({"a": 1}, {"b": 1}), ({"a": 1}, {"a": True}), ({"a": 1}, {"a": 1.0}),
     ({}, {"a": None}), ({"a": "1"}, {"a": 1}), ({"a": [1, 2]}, {"a": [2, 1]})],
)  # fmt: skip
def test_any_other_setting_is_another_space(one, other):
    assert Space("a", one) != Space("a", other)
    assert Space("a", one).id != Space("a", other).id


def test_changing_the_given_settings_later_changes_nothing():
    settings = {"layers": [1, 2]}
    space = Space("a", settings)
    before = space.id
    settings["layers"].append(3)
    assert space.settings == {"layers": [1, 2]}
    assert Space("a", space.settings).id == before


def test_a_space_survives_pickling_and_is_hashable():
    space = Space("a", {"b": [1, {"c": None}]})
    assert pickle.loads(pickle.dumps(space)) == space
    assert len({space, Space("a", {"b": [1, {"c": None}]})}) == 1


@pytest.mark.parametrize("kind", ["", "A", "../up", "a/b", ".hidden", "a b", "ä", "a" * 101, 3])
def test_kind_must_be_a_safe_file_name(kind):
    with pytest.raises(ValueError, match="'kind' of a Space"):
        Space(kind, {})


@pytest.mark.parametrize(
    "settings",
    [{1: "a"}, {"a": {2: "b"}}, {"a": [{3: 4}]}, {"a": float("nan")}, {"a": float("inf")},
     {"a": object()}, {"a": np.float32(1)}, [("a", 1)], None],
)  # fmt: skip
def test_settings_that_json_would_change_are_refused(settings):
    with pytest.raises(ValueError, match="'settings' of a Space"):
        Space("a", settings)


@pytest.mark.parametrize(
    ("given_dtype", "canonical", "stored"),
    [("float32", "float32", "<f4"), (">f4", "float32", "<f4"), (np.uint8, "uint8", "u1"),
     ("?", "bool", "?"), ("S200", "S200", "S200"), ("f2", "float16", "<f2"),
     ("int64", "int64", "<i8")],
)  # fmt: skip
def test_dtype_has_one_spelling(given_dtype, canonical, stored):
    column = Column("a", given_dtype)
    assert column.dtype == canonical
    assert column.storage == np.dtype(stored)
    assert column == Column("a", canonical)


@pytest.mark.parametrize(
    "dtype",
    ["O", "U5", "S0", "S", "V8", "c8", "M8[s]", "g", "what", "f4,i4", ",", "9" * 5000 + "f4",
     "(2,)f4", "(-1,)f4", "\ud800"],
)  # fmt: skip
def test_dtype_that_is_no_plain_number_or_string_is_refused(dtype):
    with pytest.raises(ValueError, match="'dtype' of column 'a'"):
        Column("a", dtype)


@pytest.mark.parametrize("name", ["", "keys", "crc32", "shards", "a/b", "..", "1a", "a" * 64, 5])
def test_name_must_name_a_dataset(name):
    with pytest.raises(ValueError, match="'name' of a Column"):
        Column(name, "f4")


@pytest.mark.parametrize("shape", [(0,), (-1,), (2.0,), 5, (True,), (1,) * 9, "ab"])
def test_shape_must_be_positive_whole_numbers(shape):
    with pytest.raises(ValueError, match="'shape' of column 'a'"):
        Column("a", "f4", shape)


def test_a_row_has_a_largest_size():
    assert Column("a", "u1", (2**28,)).row_bytes == 2**28
    with pytest.raises(ValueError, match="536870912 bytes"):
        Column("a", "u1", (2**29,))
