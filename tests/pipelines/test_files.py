import pytest

from pipelines.files import replacing


def test_the_name_appears_only_when_the_content_is_complete(tmp_path):
    path = tmp_path / "a"
    with replacing(path) as part:
        part.write_text("one")
        assert part.parent == tmp_path
        assert not path.exists()
    assert path.read_text() == "one"
    assert list(tmp_path.iterdir()) == [path]


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "a"
    path.write_text("old")

    def write_half():
        with replacing(path) as part:
            part.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_half()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
