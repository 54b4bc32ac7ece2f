"""One file that holds several model files: a zip archive in one form that leaves nothing open.

The members are stored, not compressed: ``average.json``, which says what the file is, and the
parts, ``part-01.featurex``, ``part-02.featurex`` and so on, each a model file of its own. Any
program unzips it. When it is read, a byte is either covered by a part's CRC-32 or must be the one
that `pack` would have written there. So a file that was cut off, added to or changed by accident is
refused, and no name or offset in it is followed (ZIP: PKWARE's APPNOTE.TXT 6.3.10, sections 4.3.7,
4.3.12 and 4.3.16).
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import BinaryIO

from featurex.exceptions import ModelError
from featurex.files import open_regular, replacing

# Lengths and offsets have 32 bits.
MAX_BYTES = 2**32 - 1
MAX_PARTS = 32

_HEADER_NAME = b"average.json"
_HEADER = b'{"format": "featurex.average", "version": 1}\n'
_PART_NAMES = tuple(f"part-{number:02d}.featurex" for number in range(1, MAX_PARTS + 1))
_LOCAL, _CENTRAL, _END = b"PK\3\4", b"PK\1\2", b"PK\5\6"
_LOCAL_BYTES = 30
_ZIP_VERSION = 20
_MADE_ON_UNIX = 3 << 8
_MIDNIGHT, _FIRST_DAY = 0, 0x21  # 1980-01-01: equal parts make equal files
_OWNER_READS_AND_WRITES = 0o100600 << 16
_BLOCK = 1 << 20


@dataclass(frozen=True)
class _Member:
    name: bytes
    n_bytes: int
    crc: int

    @property
    def _facts(self) -> bytes:
        """What the headers before a member and at the end of the file both say."""
        return struct.pack(
            "<5H3L2H",
            *(_ZIP_VERSION, 0, 0, _MIDNIGHT, _FIRST_DAY),
            *(self.crc, self.n_bytes, self.n_bytes, len(self.name), 0),
        )

    @property
    def local_header(self) -> bytes:
        return _LOCAL + self._facts + self.name

    def central_header(self, offset: int) -> bytes:
        made_by = struct.pack("<H", _ZIP_VERSION | _MADE_ON_UNIX)
        rest = struct.pack("<3H2L", 0, 0, 0, _OWNER_READS_AND_WRITES, offset)
        return _CENTRAL + made_by + self._facts + rest + self.name


_FIRST = _Member(_HEADER_NAME, len(_HEADER), zlib.crc32(_HEADER))
_BEGINNING = _FIRST.local_header + _HEADER


def is_fused(path: str | Path) -> bool:
    """Tell by its first bytes whether a file holds several model files.

    Raises
    ------
    OSError
        It can't be read, is no regular file, or larger than `MAX_BYTES`.
    """
    with open_regular(path, MAX_BYTES) as file:
        start = file.read(_LOCAL_BYTES + len(_HEADER_NAME))
    return start[:4] == _LOCAL and start[_LOCAL_BYTES:] == _HEADER_NAME


def pack(path: str | Path, parts: Sequence[Path]) -> None:
    """Write files into one, complete or not at all.

    Parameters
    ----------
    path : path-like
        Its folder must exist.
    parts : sequence of Path
        Their names don't matter, their order does.

    Raises
    ------
    ModelError
        There are more than `MAX_PARTS` parts, or they have more bytes than a file may.
    OSError
        The file can't be written.
    """
    path = Path(path)
    _check_parts(path, parts)
    with replacing(path) as partial, partial.open("wb") as file:
        _write(file, parts)


def unpack(path: str | Path, folder: Path) -> list[Path]:
    """Copy the parts of a file that `pack` wrote into a folder.

    Parameters
    ----------
    path : path-like
    folder : Path
        An empty folder of the caller's own. The parts get fixed names in it.

    Returns
    -------
    list of Path
        The parts, in their order.

    Raises
    ------
    ModelError
        The file is not in every byte as `pack` writes it.
    OSError
        It can't be read, is larger than `MAX_BYTES`, or the folder can't be written.
    """
    with open_regular(path, MAX_BYTES) as file:
        if file.read(len(_BEGINNING)) != _BEGINNING:
            raise ModelError(f"{path} is damaged, or of another version of featurex.")
        members = [_FIRST]
        for name in _PART_NAMES:
            start = file.tell()
            is_part = file.read(len(_LOCAL)) == _LOCAL
            file.seek(start)
            if not is_part:
                break
            members.append(_unpack_part(file, name, folder, path))
        _check_rest(file, members, path)
    return [folder / member.name.decode() for member in members[1:]]


def _unpack_part(file: BufferedReader, name: str, folder: Path, path: str | Path) -> _Member:
    header = file.read(_LOCAL_BYTES + len(name))
    if len(header) < _LOCAL_BYTES:
        raise _damaged(path, "it ends too early")
    crc, n_bytes = struct.unpack_from("<2L", header, 14)
    member = _Member(name.encode(), n_bytes, crc)
    if header != member.local_header:
        raise _damaged(path, f"it holds something else than {name}")
    if n_bytes > os.fstat(file.fileno()).st_size - file.tell():
        raise _damaged(path, f"{name} ends too early")
    with (folder / name).open("xb") as part:
        if _copy(file, part, n_bytes) != crc:
            raise _damaged(path, f"the checksum of {name} is wrong")
    return member


def _check_rest(file: BinaryIO, members: Sequence[_Member], path: str | Path) -> None:
    expected = _directory(members)
    if len(members) < 3 or file.read(len(expected) + 1) != expected:
        raise _damaged(path, "it does not end where its parts end")


def _check_parts(path: Path, parts: Sequence[Path]) -> None:
    if not 2 <= len(parts) <= MAX_PARTS:
        raise ModelError(f"{path} can hold 2 to {MAX_PARTS} models. Got {len(parts)}.")
    n_bytes = sum(part.stat().st_size for part in parts)
    if n_bytes > MAX_BYTES - _BLOCK:  # the headers are far smaller than a block
        raise ModelError(
            f"The parts have {n_bytes} bytes, more than a file of several models can hold: "
            "fit them one by one."
        )


def _write(file: BinaryIO, parts: Sequence[Path]) -> None:
    file.write(_BEGINNING)
    members = [_FIRST]
    for name, path in zip(_PART_NAMES, parts, strict=False):
        with path.open("rb") as part:
            crc = 0
            for block in _blocks(part, path.stat().st_size):
                crc = zlib.crc32(block, crc)
            members.append(_Member(name.encode(), part.tell(), crc))
            file.write(members[-1].local_header)
            part.seek(0)
            _copy(part, file, members[-1].n_bytes)
    file.write(_directory(members))


def _directory(members: Sequence[_Member]) -> bytes:
    """Return the end of the file: the list of its members, and where this list begins."""
    headers, offset = [], 0
    for member in members:
        headers.append(member.central_header(offset))
        offset += len(member.local_header) + member.n_bytes
    listing = b"".join(headers)
    count = len(members)
    return listing + _END + struct.pack("<4H2LH", 0, 0, count, count, len(listing), offset, 0)


def _copy(source: BinaryIO, target: BinaryIO, n_bytes: int) -> int:
    """Copy bytes and return their CRC-32."""
    crc = 0
    for block in _blocks(source, n_bytes):
        crc = zlib.crc32(block, crc)
        target.write(block)
    return crc


def _blocks(source: BinaryIO, n_bytes: int) -> Iterator[bytes]:
    while n_bytes and (block := source.read(min(n_bytes, _BLOCK))):
        n_bytes -= len(block)
        yield block


def _damaged(path: str | Path, reason: str) -> ModelError:
    return ModelError(f"{path} is damaged: {reason}. Fit the model again.")
