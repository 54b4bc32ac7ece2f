import struct
import zlib

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.io import savemat

from featurex.datasets import matlab, matlab_walk
from featurex.datasets.matlab import read_structure
from featurex.exceptions import DatasetError

HEADER = b"MATLAB 5.0 MAT-file".ljust(124) + b"\x00\x01IM"
FIELDS = {"numbers": ("year",), "texts": ("name",)}


def cells(values):
    row = np.empty((1, len(values)), dtype=object)
    for i, value in enumerate(values):  # numpy would take an array apart
        row[0, i] = value
    return row


def element(kind, data):
    return struct.pack("<II", kind, len(data)) + data + bytes(-len(data) % 8)


def head(kind, shape=(1, 1), name=b""):
    """Return the first elements of a matrix, as in chapter 1 of MathWorks' description."""
    flags = element(6, struct.pack("<II", kind, 0))
    return flags + element(5, struct.pack(f"<{len(shape)}i", *shape)) + element(1, name)


def nested(depth):
    """Return a variable of cells inside cells."""
    outer, inner, end = head(1, name=b"x"), head(1), struct.pack("<II", 14, 0)
    sizes = range(len(end) + (len(inner) + 8) * (depth - 1), 0, -len(inner) - 8)
    heads = [outer] + [inner] * (depth - 1)
    return (
        b"".join(struct.pack("<II", 14, len(h) + s) + h for h, s in zip(heads, sizes, strict=True))
        + end
    )


@pytest.fixture
def save(tmp_path):
    """Return a function that writes variables as MATLAB does and returns the file."""

    def write(compressed=True, **variables):
        savemat(tmp_path / "x.mat", variables, do_compression=compressed, long_field_names=True)
        return tmp_path / "x.mat"

    return write


@pytest.fixture
def write(tmp_path):
    """Return a function that writes bytes after a header and returns the file."""

    def write(data, header=HEADER):
        (tmp_path / "x.mat").write_bytes(header + data)
        return tmp_path / "x.mat"

    return write


@pytest.mark.parametrize("compressed", [False, True])
def test_a_structure_becomes_a_table(save, compressed):
    rows = {
        "year": np.array([[1900, 2000, 2010]], dtype=np.uint16),
        "name": cells(["Ann", "Zoë 人", np.zeros((0, 0))]),
        "box": cells([np.ones((1, 4))] * 3),
    }
    path = save(compressed, other={"year": "no"}, x=rows, last=np.arange(9))
    table = read_structure(path, "x", **FIELDS)
    assert table.to_dict("list") == {"year": [1900, 2000, 2010], "name": ["Ann", "Zoë 人", ""]}
    assert table["year"].dtype == np.float64


def test_missing_numbers_stay_missing(save):
    path = save(x={"year": np.array([[np.nan, -np.inf]]), "name": cells(["a", "b"])})
    np.testing.assert_array_equal(read_structure(path, "x", **FIELDS)["year"], [np.nan, -np.inf])


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (np.arange(3), "the variable is no structure"),
        ({"year": np.array([[1.0]])}, "no field 'name'"),
        ({"year": np.ones((1, 2)), "name": cells(["a"])}, r"not equally long \(year 2, name 1\)"),
        ({"year": np.ones((2, 2)), "name": cells(["a"])}, "the field 'year' is no row"),
        ({"year": "1900", "name": cells(["a"])}, "the field 'year' has no numbers"),
        ({"year": np.ones((1, 1)), "name": "Ann"}, "the field 'name' has no cells"),
        ({"year": np.ones((1, 1)), "name": cells([np.ones(3)])}, "isn't one line of text"),
        ({"year": np.ones((1, 1)), "name": cells([3.0])}, "isn't one line of text"),
        ({"year": np.array([[1j]]), "name": cells(["a"])}, "has flags that none should have"),
        ({"year": cells([cells([cells(["a"])])]), "name": cells(["a"])}, "holds more than numbers"),
    ],
)
def test_another_structure_is_an_error_of_one_line(save, rows, message):
    with pytest.raises(DatasetError, match=message) as caught:
        read_structure(save(x=rows), "x", **FIELDS)
    assert "x.mat" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_several_structures_are_an_error(save):
    two = np.array([[(1.0,), (2.0,)]], dtype=[("year", object)])
    with pytest.raises(DatasetError, match="2 structures 'x', not one"):
        read_structure(save(x=two), "x", numbers=("year",), texts=())


def test_a_missing_variable_is_named(save):
    with pytest.raises(DatasetError, match="no variable 'wiki'"):
        read_structure(save(x={"a": 1.0}), "wiki", **FIELDS)


@pytest.mark.parametrize(
    "header",
    [b"", b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM", b"x".ljust(124) + b"\x01\x00MI"],
)
def test_another_version_is_an_error(write, header):
    with pytest.raises(DatasetError, match=r"no header of version 5. Save it with -v7"):
        read_structure(write(b"", header), "x", **FIELDS)


def test_a_file_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(DatasetError, match=r"x.mat can't be read: No such file"):
        read_structure(tmp_path / "x.mat", "x", **FIELDS)


def test_cells_a_hundred_thousand_deep_are_an_error(write):
    # scipy ends the process at this file.
    with pytest.raises(DatasetError, match="holds more than numbers"):
        read_structure(write(nested(100_000)), "x", **FIELDS)


def test_a_file_that_swells_has_a_largest_size(write, monkeypatch):
    monkeypatch.setattr(matlab, "MAX_MATLAB_BYTES", 10_000)
    bomb = zlib.compress(bytes(10_001))
    with pytest.raises(DatasetError, match="more than 10000 bytes when decompressed"):
        read_structure(write(struct.pack("<II", 15, len(bomb)) + bomb), "x", **FIELDS)
    with pytest.raises(DatasetError, match="Larger than 10000 bytes"):
        read_structure(write(bytes(10_000)), "x", **FIELDS)


def test_cells_have_a_largest_number(save, monkeypatch):
    monkeypatch.setattr(matlab_walk, "MAX_CELLS", 10)
    path = save(x={"year": np.ones((1, 9)), "name": cells(["a"] * 9)})
    with pytest.raises(DatasetError, match="more than 10 cells"):
        read_structure(path, "x", **FIELDS)


@pytest.mark.parametrize("kind", [3, 5, 16, 17, 18, 255])
def test_objects_functions_and_the_like_are_refused(write, kind):
    value = head(kind) + element(9, bytes(8))
    body = element(5, struct.pack("<i", 8)) + element(1, b"year\0\0\0\0") + element(14, value)
    variable = element(14, head(2, name=b"x") + body)
    with pytest.raises(DatasetError, match="holds more than numbers, text, and cells"):
        read_structure(write(variable), "x", **FIELDS)


@pytest.mark.parametrize("shape", [(1, 2**31 - 1), (2**31 - 1, 0), (-1, 1)])
def test_a_matrix_is_not_larger_than_its_bytes(write, shape):
    value = head(6, shape) + element(9, bytes(8))
    body = element(5, struct.pack("<i", 8)) + element(1, b"year\0\0\0\0") + element(14, value)
    variable = element(14, head(2, name=b"x") + body)
    with pytest.raises(DatasetError, match=r"larger than its data|negative size"):
        read_structure(write(variable), "x", **FIELDS)


def test_a_matrix_that_lies_about_its_length_is_an_error(write):
    # The cells behind the number would be read by scipy, and not be seen by who skips a matrix.
    number = head(6) + element(9, bytes(8))
    body = element(5, struct.pack("<i", 8)) + element(1, b"year\0\0\0\0")
    variable = element(14, head(2, name=b"x") + body + element(14, number + nested(9)))
    with pytest.raises(DatasetError, match="isn't as long as it says"):
        read_structure(write(variable), "x", **FIELDS)


@pytest.mark.parametrize("kind", [0, 8, 10, 14, 15, 19, 115, 1 << 15])
def test_an_element_of_an_unknown_type_is_an_error(write, kind):
    """scipy 1.17.1 ends the process on most of them."""
    value = head(6) + element(kind, bytes(8))
    body = element(5, struct.pack("<i", 8)) + element(1, b"year\0\0\0\0") + element(14, value)
    variable = element(14, head(2, name=b"x") + body)
    with pytest.raises(DatasetError, match="is of an unknown type"):
        read_structure(write(variable), "x", **FIELDS)


def attempt(path):
    try:
        return read_structure(path, "x", **FIELDS).columns.tolist(), None
    except DatasetError as error:
        return None, str(error)


@settings(
    deadline=None, max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_whatever_the_bytes_the_error_is_one_line(save, data):
    path = save(False, x={"year": np.array([[1.0, 2.0]]), "name": cells(["Ann", "Bob"])})
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(128, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content[: data.draw(st.sampled_from([len(content), 128, 400]))])
    columns, error = attempt(path)
    assert columns == ["year", "name"] or (str(path) in error and "\n" not in error)
