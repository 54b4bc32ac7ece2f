import hashlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cache import keys

raw_keys = st.lists(st.binary(min_size=32, max_size=32))


@settings(deadline=None)
@given(raw_keys)
def test_hex_to_raw_and_back(raw):
    texts = [key.hex() for key in raw]
    encoded = keys.encode(texts)
    assert keys.decode(encoded) == texts
    assert keys.encode(encoded) is encoded
    assert keys.to_bytes(encoded).tobytes() == b"".join(raw)
    assert keys.decode(keys.from_bytes(keys.to_bytes(encoded))) == texts


@settings(deadline=None)
@given(raw_keys)
def test_arrays_sort_as_texts_do(raw):
    texts = [key.hex() for key in raw]
    assert keys.decode(np.sort(keys.encode(texts))) == sorted(texts)


def test_trailing_zero_bytes_are_kept():
    texts = ["ab" + "00" * 31, "00" * 32]
    assert keys.decode(keys.encode(texts)) == texts


@pytest.mark.parametrize(
    "bad",
    ["", "ab" * 31, "ab" * 33, "AB" * 32, "xy" * 32, "ab " * 21 + "a", "ab" * 32 + "\n", 5, None],
)
def test_anything_else_is_refused_and_named(bad):
    with pytest.raises(ValueError, match="at position 1"):
        keys.encode(["ab" * 32, bad])


def test_one_string_is_no_sequence_of_keys():
    with pytest.raises(ValueError, match="sequence of strings"):
        keys.encode("ab" * 32)


def test_digest_is_the_sha256_of_the_raw_keys():
    texts = ["00" * 32, "ff" * 32]
    expected = hashlib.sha256(b"\0" * 32 + b"\xff" * 32).hexdigest()[:16]
    assert keys.digest(keys.encode(texts)) == expected
