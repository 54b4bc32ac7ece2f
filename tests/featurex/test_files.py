import errno
import os

import pytest

from featurex.files import open_regular, ready_folder, replacing


def test_a_regular_file_is_opened(tmp_path):
    (tmp_path / "a").write_bytes(b"abc")
    with open_regular(tmp_path / "a") as file:
        assert file.read() == b"abc"


def test_a_link_is_followed(tmp_path):
    (tmp_path / "a").write_bytes(b"abc")
    (tmp_path / "link").symlink_to(tmp_path / "a")
    with open_regular(str(tmp_path / "link")) as file:
        assert file.read() == b"abc"


def test_a_large_file_is_refused(tmp_path):
    (tmp_path / "a").write_bytes(b"abc")
    with pytest.raises(OSError, match="Larger than 2 bytes") as caught:
        open_regular(tmp_path / "a", max_bytes=2)
    assert caught.value.errno == errno.EFBIG


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_without_a_writer_is_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="Not a regular file"):
        open_regular(tmp_path / "pipe")


@pytest.mark.parametrize("name", ["", "missing", "nul\0inside"])
def test_what_is_no_file_is_an_os_error(tmp_path, name):
    with pytest.raises(OSError):  # noqa: PT011  (the message is the system's)
        open_regular(str(tmp_path / name))


def test_a_folder_is_made_ready_or_refused(tmp_path, monkeypatch):
    assert ready_folder(tmp_path / "a" / "b").is_dir()
    (tmp_path / "file").touch()
    for name in ("file", "file/inside"):
        with pytest.raises(OSError, match="file"):
            ready_folder(tmp_path / name)
    monkeypatch.setattr("os.access", lambda *args: False)
    with pytest.raises(PermissionError):
        ready_folder(tmp_path)


def test_a_file_is_flushed_by_a_handle_that_may_write(tmp_path, monkeypatch):
    """Windows refuses to flush by one that may only read."""
    fcntl = pytest.importorskip("fcntl")
    modes = []
    monkeypatch.setattr(
        os, "fsync", lambda file: modes.append(fcntl.fcntl(file, fcntl.F_GETFL) & os.O_ACCMODE)
    )
    with replacing(tmp_path / "a") as part:
        part.write_text("one")
    assert modes == [os.O_RDWR]
    assert (tmp_path / "a").read_text() == "one"
