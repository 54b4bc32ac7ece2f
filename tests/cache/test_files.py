from pathlib import Path

import pytest

from cache import files


def test_the_name_appears_only_when_the_content_is_complete(tmp_path):
    path = tmp_path / "a"
    with files.replacing(path) as temporary:
        temporary.write_text("one")
        assert temporary.parent == tmp_path
        assert files.is_temporary(temporary)
        assert not path.exists()
    assert path.read_text() == "one"
    assert not files.is_temporary(path)
    assert [file.name for file in tmp_path.iterdir()] == ["a"]


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "a"
    path.write_text("old")

    def write_half():
        with files.replacing(path) as temporary:
            temporary.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_half()
    assert path.read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["a"]


def test_two_writers_of_one_file_do_not_collide(tmp_path):
    path = tmp_path / "a"
    with files.replacing(path) as first:
        first.write_text("first")
        with files.replacing(path) as second:
            assert second != first
            second.write_text("second")
        assert path.read_text() == "second"
    assert path.read_text() == "first"


def test_the_content_is_flushed_before_the_rename_and_the_folder_after(tmp_path, monkeypatch):
    calls = []
    monkeypatch.setattr(files, "_flush", lambda path: calls.append("flush the file"))
    monkeypatch.setattr(files, "flush_folder", lambda path: calls.append("flush the folder"))
    replace = Path.replace

    def replacing(path, target):
        calls.append("rename")
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", replacing)
    with files.replacing(tmp_path / "a") as temporary:
        temporary.write_text("one")
    assert calls == ["flush the file", "rename", "flush the folder"]


@pytest.mark.parametrize("links", [True, False])
def test_the_first_creator_wins(tmp_path, monkeypatch, links):
    def refuse(path, target):
        raise PermissionError("no hard links here")

    if not links:
        monkeypatch.setattr(Path, "hardlink_to", refuse)
    path = tmp_path / "a"
    files.create_once(path, b"first")
    files.create_once(path, b"second")
    assert path.read_bytes() == b"first"
    assert [file.name for file in tmp_path.iterdir()] == ["a"]
