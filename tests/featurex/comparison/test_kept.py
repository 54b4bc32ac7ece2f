import hashlib
import struct

import numpy as np
import pytest
from safetensors.numpy import save

from featurex.comparison.kept import FORMAT, Kept, plain
from featurex.digests import digest
from featurex.exceptions import FeaturexError

KEY = digest("key")


@pytest.fixture
def told():
    return []


@pytest.fixture
def kept(tmp_path, told):
    return Kept(tmp_path / "fits", told.append)


def test_numbers_come_back_to_the_last_bit(kept, rng, told):
    arrays = {"p_a": rng.normal(size=7), "none": np.full(3, np.nan)}
    record = {"x": 0.1 + 0.2, "n": np.int64(3), "score": None, "name": "ä"}
    kept.save("gender svm 0", KEY, arrays, record)
    found, text = kept.load("gender svm 0", KEY)
    assert {name: array.tobytes() for name, array in found.items()} == {
        name: array.tobytes() for name, array in arrays.items()
    }
    assert text == plain(record) == {"x": 0.1 + 0.2, "n": 3, "score": None, "name": "ä"}
    assert [path.name for path in kept.folder.iterdir()] == [f"gender svm 0 {KEY[:16]}.kept"]
    assert not told


def test_the_file_is_one_that_other_versions_read(kept, told):
    """Who has fits from hours of work does not lose them by an update."""
    body = save({"x": np.arange(3.0)}, metadata={"key": KEY, "record": '{"y": 1}'})
    line = b"featurex.kept.1 " + hashlib.sha256(body).hexdigest().encode() + b"\n"
    kept.folder.mkdir()
    kept.path("a", KEY).write_bytes(line + body)
    arrays, record = kept.load("a", KEY)
    assert (arrays["x"].tolist(), record) == ([0, 1, 2], {"y": 1})
    assert not told


def test_another_name_or_key_is_not_there(kept, told):
    kept.save("a", KEY, {}, {})
    assert kept.load("b", KEY) is None
    assert kept.load("a", digest("other")) is None
    assert not told


def test_a_key_that_only_begins_alike_is_refused(kept, told):
    kept.save("a", KEY, {}, {})
    assert kept.load("a", KEY[:16] + "0" * 48) is None
    assert len(told) == 1


def test_every_byte_counts(kept, told):
    kept.save("a", KEY, {"x": np.arange(2.0)}, {"y": 1})
    path = kept.path("a", KEY)
    content = path.read_bytes()
    for place in range(0, len(content), 7):
        path.write_bytes(content[:place] + bytes([content[place] ^ 4]) + content[place + 1 :])
        assert kept.load("a", KEY) is None
    assert len(told) == len(range(0, len(content), 7))
    assert told[0] == f"{path} is damaged: what it held is computed anew."


@pytest.mark.parametrize(
    "body",
    [b"", b"x", struct.pack("<Q", 2**60), struct.pack("<Q", 2) + b"{}", b"\0" * 8 + b"[" * 9999],
)
def test_a_right_checksum_is_not_trusted(body, kept, told):
    kept.save("a", KEY, {}, {})
    checksum = hashlib.sha256(body).hexdigest().encode()
    kept.path("a", KEY).write_bytes(FORMAT + checksum + b"\n" + body)
    assert kept.load("a", KEY) is None
    assert len(told) == 1


def test_a_folder_that_can_not_be_written_is_an_error(tmp_path):
    (tmp_path / "fits").touch()
    with pytest.raises(FeaturexError, match="Can't write"):
        Kept(tmp_path / "fits").save("a", KEY, {}, {})


def test_a_kept_file_that_is_a_folder_is_an_error(kept):
    kept.path("a", KEY).mkdir(parents=True)
    with pytest.raises(FeaturexError, match="Can't read"):
        kept.load("a", KEY)
