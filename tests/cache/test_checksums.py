import zlib

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from cache.checksums import checksums
from cache.keys import encode


def test_known_answer():
    # The CRC-32 that is published for this sentence; its first 32 bytes are the key here.
    sentence = b"The quick brown fox jumps over the lazy dog"
    row = np.frombuffer(sentence[32:], np.uint8)[None]
    assert checksums(encode([sentence[:32].hex()]), row).tolist() == [0x414FA339]


@settings(deadline=None)
@given(
    hnp.arrays(
        st.sampled_from(["u1", "<f4", "?", "S7", "<i8"]),
        hnp.array_shapes(min_dims=1, max_dims=4, max_side=5),
    )
)
def test_covers_the_key_then_the_row(rows):
    texts = [f"{number:064x}" for number in range(len(rows))]
    expected = [
        zlib.crc32(bytes.fromhex(text) + rows[number : number + 1].tobytes())
        for number, text in enumerate(texts)
    ]
    assert checksums(encode(texts), rows).tolist() == expected
    backwards = checksums(encode(texts)[::-1], rows[::-1])  # not contiguous
    assert backwards.tolist() == expected[::-1]
