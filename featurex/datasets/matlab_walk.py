"""Walking through a variable of a MATLAB v5 file before a library reads it.

scipy trusts a file: cells inside cells, a hundred thousand deep (5 MB), end the whole process
without an exception. So this walk takes the steps that scipy will take, and lets only numbers,
text, and cells and structures of these pass, no deeper than they are needed: no objects, functions
or handles.

The format is that of MathWorks' "MAT-File Format", chapter 1. An element is a tag with its type
and size, its bytes, and padding to eight; of at most four bytes, it may have all in eight bytes. A
matrix is an element that holds others: flags, shape, name, and then its items.
"""

import math
import struct

MAX_CELLS = 4_000_000  # IMDB's file has 1.4 million
MAX_DEPTH = 3  # a structure, its fields, and their cells

TAG = struct.Struct("<II")
_HEAD = struct.Struct("<IIIIII")  # tag of the matrix, tag of its flags, flags, unused
_UINT32, _MATRIX = 6, 14
_CELL, _STRUCT, _CHAR = 1, 2, 4
_NUMBERS = range(6, 16)
# Whole numbers, floats and text. scipy looks a type up in a table, and ends the process where there
# is none.
_ELEMENTS = frozenset({1, 2, 3, 4, 5, 6, 7, 9, 12, 13, 16, 17, 18})
_COMPLEX = 1 << 11


class MatlabError(Exception):
    """What is wrong with a file; its reader adds which file."""


def variable_name(data: bytes) -> bytes:
    """Return the name of the variable that these bytes are.

    Raises
    ------
    MatlabError
        If they are none.
    """
    return _Walk(data).name()


def check_structure(data: bytes) -> None:
    """Check that these bytes are a structure that is safe to read.

    Raises
    ------
    MatlabError
        If they aren't.
    """
    walk = _Walk(data)
    if walk.matrix(0, len(data), 1) != _STRUCT:
        raise MatlabError("the variable is no structure")


class _Walk:
    """The steps through the bytes of one variable."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._cells = 0

    def name(self) -> bytes:
        self._head(0, len(self._data))
        start, size, _ = self._element(self._element(_HEAD.size)[2])
        return self._data[start : start + size]

    def matrix(self, position: int, end: int, depth: int) -> int:
        """Check the matrix that begins here and ends by `end`, and return its class (0: empty)."""
        kind, stop = self._head(position, end)
        if kind == 0:
            return kind
        shape, after = self._shape(position + _HEAD.size)
        after = self._element(after)[2]  # the name
        if kind == _CHAR or kind in _NUMBERS:
            after = self._items(after, shape)
        elif kind in (_CELL, _STRUCT) and depth < MAX_DEPTH:
            count = math.prod(shape)
            if kind == _STRUCT:
                fields, after = self._field_count(after)
                count *= fields
            after = self._children(after, stop, count, depth)
        else:
            raise MatlabError("it holds more than numbers, text, and cells of these")
        if after != stop:
            raise MatlabError(f"the matrix at byte {position} isn't as long as it says")
        return kind

    def _head(self, position: int, end: int) -> tuple[int, int]:
        """Return a matrix's class, 0 for an empty one, and where it ends."""
        if position + TAG.size > end:
            raise MatlabError("it is cut off")
        kind, size = TAG.unpack_from(self._data, position)
        stop = position + TAG.size + size
        if kind != _MATRIX or stop > end or 0 < size < _HEAD.size:
            raise MatlabError(f"byte {position} begins no matrix")
        if size == 0:
            return 0, stop
        _, _, kind, size, flags, _ = _HEAD.unpack_from(self._data, position)
        if (kind, size) != (_UINT32, 8) or flags & _COMPLEX:
            raise MatlabError(f"the matrix at byte {position} has flags that none should have")
        return flags & 0xFF, stop

    def _element(self, position: int) -> tuple[int, int, int]:
        """Return where an element's bytes begin, how many they are, and where the next begins."""
        if position + TAG.size > len(self._data):
            raise MatlabError("it is cut off")
        kind, size = TAG.unpack_from(self._data, position)
        if kind & 0xFFFF not in _ELEMENTS:
            raise MatlabError(f"the element at byte {position} is of an unknown type")
        if small := kind >> 16:
            if small > 4:
                raise MatlabError(f"the element at byte {position} has no size")
            return position + 4, small, position + TAG.size
        start = position + TAG.size
        after = start + size + -size % 8
        if after > len(self._data):
            raise MatlabError("it is cut off")
        return start, size, after

    def _shape(self, position: int) -> tuple[tuple[int, ...], int]:
        start, size, after = self._element(position)
        if not 8 <= size <= 128 or size % 4:
            raise MatlabError(f"the matrix before byte {position} has no shape")
        shape = struct.unpack_from(f"<{size // 4}i", self._data, start)
        if min(shape) < 0:
            raise MatlabError(f"the matrix before byte {position} has a negative size")
        return shape, after

    def _items(self, position: int, shape: tuple[int, ...]) -> int:
        """Step over numbers or characters: of each at least a byte must be there."""
        _, size, after = self._element(position)
        if max(shape) > max(size, 1) or math.prod(shape) > size:
            raise MatlabError(f"the matrix before byte {position} is larger than its data")
        return after

    def _field_count(self, position: int) -> tuple[int, int]:
        start, size, after = self._element(position)
        length = int.from_bytes(self._data[start : start + size], "little") if size == 4 else 0
        _, size, after = self._element(after)
        if not 0 < length <= 64:
            raise MatlabError("the names of its fields can't be told apart")
        return size // length, after

    def _children(self, position: int, stop: int, count: int, depth: int) -> int:
        self._cells += count
        if self._cells > MAX_CELLS:
            raise MatlabError(f"it has more than {MAX_CELLS} cells")
        for _ in range(count):
            self.matrix(position, stop, depth + 1)
            position += TAG.size + TAG.unpack_from(self._data, position)[1]
        return position
