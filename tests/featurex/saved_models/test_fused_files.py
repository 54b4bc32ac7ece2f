import io
import os
import zipfile

import pytest

from featurex.exceptions import ModelError
from featurex.saved_models import fused_files
from featurex.saved_models.fused_files import is_fused, pack, unpack

CONTENTS = (b"one", b"another one", b"")


@pytest.fixture
def sources(tmp_path):
    """Three small files that could be models."""
    folder = tmp_path / "sources"
    folder.mkdir()
    for number, content in enumerate(CONTENTS):
        (folder / f"{number}").write_bytes(content)
    return sorted(folder.iterdir())


@pytest.fixture
def packed(sources, tmp_path):
    pack(tmp_path / "packed", sources)
    return tmp_path / "packed"


@pytest.fixture
def refused(tmp_path):
    """Return a function that tells whether bytes are refused, and nothing is written elsewhere."""
    folder, path = tmp_path / "deep" / "inside", tmp_path / "changed"
    folder.mkdir(parents=True)

    def refused(content):
        path.write_bytes(content)
        for left in folder.iterdir():
            left.unlink()
        before = set(tmp_path.rglob("*"))
        try:
            unpack(path, folder)
        except ModelError as error:
            after = {each for each in tmp_path.rglob("*") if each.parent != folder}
            return str(error).startswith(str(path)) and after == before
        return False

    return refused


def test_parts_come_back(packed, sources, tmp_path):
    parts = unpack(packed, tmp_path / "sources")
    assert [part.read_bytes() for part in parts] == list(CONTENTS)
    assert is_fused(packed)
    assert not is_fused(sources[0])


def test_pythons_zipfile_agrees(packed):
    with zipfile.ZipFile(packed) as archive:
        assert archive.testzip() is None
        assert archive.namelist()[1:] == [f"part-0{n}.featurex" for n in (1, 2, 3)]
        assert tuple(archive.read(name) for name in archive.namelist()[1:]) == CONTENTS
        assert {member.compress_type for member in archive.infolist()} == {zipfile.ZIP_STORED}


def test_equal_parts_make_equal_files(packed, sources, tmp_path):
    pack(tmp_path / "again", sources)
    assert (tmp_path / "again").read_bytes() == packed.read_bytes()
    assert {path.name for path in tmp_path.iterdir()} == {"again", "packed", "sources"}


def test_cut_off_anywhere_it_is_refused(packed, refused):
    content = packed.read_bytes()
    assert not refused(content)
    assert all(refused(content[:length]) for length in range(len(content)))


def test_a_changed_byte_anywhere_is_refused(packed, refused):
    content = packed.read_bytes()
    for place in range(len(content)):
        for flip in (0x01, 0xFF):
            changed = bytearray(content)
            changed[place] ^= flip
            assert refused(bytes(changed)), place


@pytest.mark.parametrize("more", [b"\0", b"PK\3\4", b"PK\5\6" + 18 * b"\0", 70_000 * b"x"])
def test_bytes_before_or_behind_are_refused(packed, refused, more):
    content = packed.read_bytes()
    assert refused(content + more)
    assert refused(more + content)
    assert refused(content + content)


@pytest.mark.parametrize("name", [b"../../../etc/pas", b"/tmp/part.featur", b"part-02.featurex"])
def test_no_other_name_is_followed(packed, refused, name):
    assert len(name) == len(b"part-01.featurex")
    assert refused(packed.read_bytes().replace(b"part-01.featurex", name))


def test_a_part_that_is_missing_or_one_too_many_is_refused(sources, refused, monkeypatch, tmp_path):
    monkeypatch.setattr(fused_files, "_check_parts", lambda *args: None)
    for parts in ([], sources[:1]):
        pack(tmp_path / "few", parts)
        assert refused((tmp_path / "few").read_bytes())
    monkeypatch.setattr(
        fused_files, "_PART_NAMES", [f"part-{n:02d}.featurex" for n in range(1, 60)]
    )
    pack(tmp_path / "many", sources * 11)
    monkeypatch.undo()
    assert refused((tmp_path / "many").read_bytes())


def by_zipfile(compression, part):
    """What another program would write from the same members."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        header = zipfile.ZipInfo("average.json")
        archive.writestr(header, fused_files._HEADER, zipfile.ZIP_STORED)
        for number in (1, 2):
            archive.writestr(f"part-0{number}.featurex", part)
    return buffer.getvalue()


def test_nothing_is_inflated(refused):
    """20 MB of zeros in 20 kB."""
    bomb = by_zipfile(zipfile.ZIP_DEFLATED, bytes(20_000_000))
    assert len(bomb) < 100_000
    assert refused(bomb)
    assert refused(by_zipfile(zipfile.ZIP_STORED, b"one"))


def test_a_length_beyond_the_files_end_is_refused_before_it_is_read(packed, refused, monkeypatch):
    content = bytearray(packed.read_bytes())
    local = content.index(b"part-01.featurex") - 30
    content[local + 18 : local + 26] = 8 * b"\xfe"
    monkeypatch.setattr(fused_files, "_copy", lambda *args: pytest.fail("it was read"))
    assert refused(bytes(content))


def test_a_file_that_is_too_large_is_refused(packed, tmp_path, monkeypatch):
    monkeypatch.setattr(fused_files, "MAX_BYTES", 100)
    with pytest.raises(OSError, match="Larger than 100 bytes"):
        unpack(packed, tmp_path)


def test_what_does_not_fit_is_not_packed(sources, tmp_path, monkeypatch):
    for parts in (sources[:1], sources * 11):
        with pytest.raises(ModelError, match=f"can hold 2 to 32 models. Got {len(parts)}"):
            pack(tmp_path / "m", parts)
    monkeypatch.setattr(fused_files, "MAX_BYTES", fused_files._BLOCK + 13)
    with pytest.raises(ModelError, match="The parts have 14 bytes, more than"):
        pack(tmp_path / "m", sources)
    assert [path.name for path in tmp_path.iterdir()] == ["sources"]


def test_a_failure_leaves_the_old_file(packed, sources, tmp_path, monkeypatch):
    def full(*args):
        raise OSError(28, "No space left on device")

    before = packed.read_bytes()
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        pack(packed, sources[:2])
    assert packed.read_bytes() == before
    assert {path.name for path in tmp_path.iterdir()} == {"packed", "sources"}
