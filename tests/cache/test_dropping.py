import shutil

import pytest

from cache import CacheError, Column, Dropped, Space, Store, drop, verify


@pytest.fixture
def two(filled):
    """A root with the filled space and an empty one whose name begins in the same way."""
    store, _, _ = filled
    store.publish()
    Store.open(store.path.parent, Space("embedding-2", {}), [Column("x", "u1")])
    return store


def test_a_space_goes_and_the_others_stay(two):
    size = sum(path.stat().st_size for path in two.path.rglob("*") if path.is_file())
    assert drop(two.path.parent, two.path.name) == Dropped(two.path.name, 21, size)
    [left] = two.path.parent.iterdir()
    assert left.name.startswith("embedding-2-")
    assert verify(two.path.parent) == []


def test_the_beginning_of_a_name_is_enough_if_it_fits_one(two):
    assert drop(two.path.parent, "embedding-2").rows == 0
    assert drop(two.path.parent, "emb").rows == 21


@pytest.mark.parametrize("name", ["", ".", "..", "x", "/", "*", "../cache"])
def test_a_name_that_fits_none_names_those_there_are(two, name):
    with pytest.raises(ValueError, match=f"names no space of .*{two.path.name}"):
        drop(two.path.parent, name)


def test_a_name_that_fits_several_names_them(two):
    with pytest.raises(ValueError, match="beginning of several spaces"):
        drop(two.path.parent, "embedding")
    assert two.path.exists()


def test_a_folder_that_is_no_space_is_not_found(two):
    (two.path.parent / "photos").mkdir()
    with pytest.raises(ValueError, match="names no space"):
        drop(two.path.parent, "photos")


@pytest.mark.parametrize("where", ["", "shards"])
def test_links_are_not_followed(two, tmp_path, where):
    root, folder = two.path.parent, two.path / where
    target = folder.rename(tmp_path / "elsewhere")
    folder.symlink_to(target, target_is_directory=True)
    with pytest.raises(CacheError, match="is a link"):
        drop(root, two.path.name)
    assert any(target.rglob("*.h5"))


@pytest.mark.parametrize("name", ["notes.txt", "shards/notes.txt", "shards/more"])
def test_what_no_cache_wrote_is_not_deleted(two, name):
    path = two.path / name
    path.mkdir() if name.endswith("more") else path.write_text("mine")
    with pytest.raises(CacheError, match=rf"{path}: no file of a cache"):
        drop(two.path.parent, two.path.name)
    assert path.exists()


def test_a_damaged_space_can_go_too(two):
    (two.path / "space.json").write_text("{")
    assert drop(two.path.parent, two.path.name).rows is None
    assert not two.path.exists()


def test_a_deletion_that_fails_half_way_leaves_no_half_space(two, monkeypatch):
    def fail(path):
        raise PermissionError("not yours")

    monkeypatch.setattr(shutil, "rmtree", fail)
    with pytest.raises(CacheError, match="can't be deleted"):
        drop(two.path.parent, two.path.name)
    [problem] = verify(two.path.parent)
    assert problem.harmless
    assert problem.path.name.startswith(f".{two.path.name}.")
