import os

import pytest

from featurex.datasets.cleaning import Dropped
from featurex.datasets.photos import all_photos, check_folder, find_photos, inside, only_inside
from featurex.exceptions import DatasetError


@pytest.fixture
def lock(monkeypatch):
    """Return a function after which a folder of this name can't be listed, even by root."""
    listed = os.scandir

    def lock(name):
        def scandir(folder):
            if folder.name == name:
                raise PermissionError(13, "Permission denied")
            return listed(folder)

        monkeypatch.setattr(os, "scandir", scandir)

    return lock


def test_photos_are_found_one_folder_deep_and_sorted(make_photos, tmp_path):
    names = ["b.JPG", "a.png", "x/d.webp", "x/c.tif", "x/y/deep.png", "notes.txt", ".hidden.png"]
    make_photos(dict.fromkeys(names, 1))
    dropped = Dropped()
    found = [str(path.relative_to(tmp_path)) for path in find_photos(tmp_path, dropped)]
    assert found == ["a.png", "b.JPG", "x/c.tif", "x/d.webp"]
    assert dropped.examples == {"folder too deep, not looked into": ["x/y"]}


def test_a_subfolder_that_cannot_be_listed_is_counted(make_photos, lock):
    root, dropped = make_photos({"a.png": 1, "secret/b.png": 2}), Dropped()
    lock("secret")
    assert [path.name for path in find_photos(root, dropped)] == ["a.png"]
    assert dropped.counts == {"unreadable folder": 1}


def test_all_photos_are_those_at_any_depth(make_photos, tmp_path):
    names = ["b.JPG", "x/d.avif", "x/y/deep.jfif", "a/c.tif", "a/IMG.CR3", "x.txt", ".hidden.png"]
    root, dropped = make_photos(dict.fromkeys(names, 1)), Dropped()
    found = [str(path.relative_to(tmp_path)) for path in all_photos(root, dropped)]
    assert found == ["b.JPG", "a/c.tif", "x/d.avif", "x/y/deep.jfif"]
    assert dropped.counts == {"not a photo by its ending": 2}
    assert dropped.examples == {"not a photo by its ending": ["x.txt", "IMG.CR3"]}


def test_links_lead_all_photos_neither_out_nor_round_and_round(make_photos, tmp_path):
    make_photos({"root/a/b.png": 1, "secret/c.png": 2})
    root, dropped = tmp_path / "root", Dropped()
    (root / "out.png").symlink_to(tmp_path / "secret" / "c.png")
    (root / "outside").symlink_to(tmp_path / "secret")
    (root / "a" / "again").symlink_to(root)
    (root / "same.png").symlink_to(root / "a" / "b.png")
    found = [str(path.relative_to(root)) for path in all_photos(root, dropped)]
    assert found == ["same.png", "a/b.png"]
    assert dropped.counts == {"path outside the folder": 2}


def test_a_root_that_cannot_be_listed_is_an_error(tmp_path, lock):
    lock(tmp_path.name)
    with pytest.raises(DatasetError, match="can't be listed: Permission denied"):
        find_photos(tmp_path, Dropped())


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("a.png", True),
        ("x/../a.png", True),
        ("../root/a.png", True),
        ("../a.png", False),
        ("../root2/a.png", False),
        ("/", False),
    ],
)
def test_inside_means_after_resolving(tmp_path, path, expected):
    root = tmp_path / "root"
    root.mkdir()
    assert inside(root, root / path) is expected


def test_of_many_rows_the_folder_is_resolved_once(tmp_path, monkeypatch):
    resolved = []
    realpath = os.path.realpath
    monkeypatch.setattr(os.path, "realpath", lambda path: resolved.append(path) or realpath(path))
    rows = [{"path": str(tmp_path / f"{i}.png")} for i in range(5)]
    assert only_inside(rows, tmp_path, Dropped()) == rows
    assert len(resolved) == 1 + len(rows)


def test_a_file_is_no_folder(make_photos, tmp_path):
    make_photos({"a.png": 1})
    with pytest.raises(DatasetError, match=r"a.png is not a folder. .* holds UTKFace"):
        check_folder(tmp_path / "a.png", "UTKFace")
