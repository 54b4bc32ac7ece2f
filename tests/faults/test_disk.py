"""A full disk, and a folder that can't be written: one error, nothing lost, and a rerun goes on."""

import shutil

import pytest

from cache import Store, verify


@pytest.mark.parametrize("max_file_bytes", [0, 300, 3_000, 9_000, 40_000, 70_000])
def test_files_that_may_not_grow(
    worker, photos, extract, check, check_whole, tmp_path, max_file_bytes
):
    root = tmp_path / "cache"
    root.mkdir()
    job = worker.start("extract", root, photos=photos, block_rows=6, max_file_bytes=max_file_bytes)
    error = job.error()
    assert error.startswith("CacheError: ")
    assert "free some space" in error or "can't be made" in error
    assert "\n" not in error
    assert not [*root.rglob("*.tmp")]
    check(root, job.finished())
    extract(root)
    check_whole(root)


def test_a_disk_that_is_full_again_and_again(worker, photos, tmp_path):
    job = worker.start(
        "full_disk", tmp_path / "disk", photos=photos, sizes=[12, 60, 150, 250, 400, 2000]
    )
    if job.wait() and job.events[-1]["kind"] == "NoMountError":
        pytest.skip("nothing can be mounted here")
    result = job.events[-1]["result"]
    assert result["damage"] == []
    assert result["rows"] == [22, 22, 24]
    errors = [said for said in result["said"] if isinstance(said, str)]
    assert len(errors) >= 3
    assert all(said.startswith("CacheError: ") and "No space left" in said for said in errors)


def test_a_folder_that_can_not_be_written(
    worker, photos, extract, check, check_whole, whole, tmp_path
):
    root = tmp_path / "cache"
    worker.run("extract", root, photos=photos[:10])
    job = worker.start("read_only", root, photos=photos)
    code = job.wait()
    if code and job.events[-1]["kind"] == "NoMountError":
        pytest.skip("root writes everywhere here, and nothing can be mounted")
    assert code == 1
    error = job.events[-1]["message"]
    assert "can't be written" in error
    assert "\n" not in error
    for path in [root, *root.rglob("*")]:
        path.chmod(path.stat().st_mode | 0o200)
    check(root)
    extract(root)
    check_whole(root)


def test_a_whole_cache_needs_no_permission_to_write(worker, photos, whole, tmp_path):
    root = tmp_path / "cache"
    shutil.copytree(whole, root)
    job = worker.start("read_only", root, photos=photos)
    if job.wait() and job.events[-1]["kind"] == "NoMountError":
        pytest.skip("root writes everywhere here, and nothing can be mounted")
    assert job.events[-1]["result"]["embedded before"] == 22
    for path in [root, *root.rglob("*")]:
        path.chmod(path.stat().st_mode | 0o200)
    assert verify(root) == []
    assert len(Store.open_existing(root, next(root.glob("faces-*")).name)) == 24
