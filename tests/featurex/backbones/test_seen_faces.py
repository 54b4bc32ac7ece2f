import hashlib

import numpy as np
import pandas as pd
import pytest

from featurex.backbones.seen_faces import SeenFaces, check_unseen
from featurex.exceptions import BackboneError


def ids(words):
    return [hashlib.sha256(word.encode()).hexdigest() for word in words]


def test_the_record_is_the_first_bytes_of_each_hash_sorted():
    seen = SeenFaces.of(ids(["abc", "", "abc"]))
    # FIPS 180-4's test vectors of SHA-256: "abc" is ba7816bf 8f01cfea…, "" is e3b0c442 98fc1c14….
    assert seen.rows.tobytes().hex() == "ba7816bf8f01cfeae3b0c44298fc1c14"
    assert (seen.rows.dtype, seen.rows.shape, len(seen)) == (np.uint8, (2, 8), 2)


def test_a_photo_is_known_again_and_no_other():
    seen = SeenFaces.of(ids("abcd"))
    assert seen.among(ids("xcya")).tolist() == [False, True, False, True]
    assert seen.among([]).tolist() == []
    both = seen | SeenFaces.of(ids("dx"))
    assert both.among(ids("xcya")).tolist() == [True, True, False, True]
    assert len(both) == 5


def test_reading_gives_the_same_record():
    seen = SeenFaces.of(ids(map(str, range(300))))
    again = SeenFaces.read(seen.rows.copy())
    np.testing.assert_array_equal(again.rows, seen.rows)
    assert again.among(ids(["7", "x"])).tolist() == [True, False]


ROWS = SeenFaces.of(ids("abc")).rows


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (ROWS.astype(np.int8), "int8"),
        (ROWS.astype(np.float32), "float32"),
        (ROWS[:, :7], r"\(3, 7\)"),
        (ROWS.ravel(), r"\(24,\)"),
        (ROWS[:, :, None], r"\(3, 8, 1\)"),
        (ROWS[:0], "0 rows"),
        (ROWS[::-1], "not sorted"),
        (ROWS[[0, 0, 1]], "twice"),
    ],
)
def test_a_damaged_record_is_an_error(rows, message):
    with pytest.raises(ValueError, match=message):
        SeenFaces.read(rows)


def test_seen_photos_are_counted_for_each_data_set():
    table = pd.DataFrame({"image_id": ids("abcdef"), "dataset": list("tttuuv")})
    check_unseen(table, SeenFaces.of(ids("xyz")), "net")
    with pytest.raises(BackboneError) as caught:
        check_unseen(table, SeenFaces.of(ids("acexy")), "net")
    assert "net was trained on 2 of the 3 photos of 't' and 1 of the 2 photos of 'u':" in str(
        caught.value
    )
    assert "'v'" not in str(caught.value)
