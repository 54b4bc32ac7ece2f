from pathlib import Path

import pytest

from featurex.datasets.folder import read
from featurex.exceptions import DatasetError


def test_folders_may_be_genders(make_photos):
    root = make_photos({"Female/a.png": 1, "m/b.png": 2, "m/c d\n.jpg": 3})
    manifest = read(root)
    assert manifest.table["gender"].tolist() == ["female", "male", "male"]
    assert manifest.tasks() == ("gender",)


def test_folders_may_be_age_groups(make_photos):
    manifest = read(make_photos({"0-2/a.png": 1, "60+/b.png": 2, "25–32/c.png": 3}))
    assert manifest.table["age_group"].tolist() == ["0-2", "25-32", "60+"]
    assert manifest.tasks() == ("age-group",)


@pytest.mark.parametrize(
    "folders", [["female", "0-2"], ["female", "cats"], ["8-12"], ["female", " "]]
)
def test_folders_of_several_kinds_are_named(make_photos, folders):
    root = make_photos({f"{folder}/{i}.png": i for i, folder in enumerate(folders)})
    with pytest.raises(DatasetError, match="must be all genders") as caught:
        read(root)
    assert all(repr(folder) in str(caught.value) for folder in folders)


def test_no_folders_are_an_error(make_photos):
    with pytest.raises(DatasetError, match="Found: none"):
        read(make_photos({"a.png": 1}))


def test_photos_beside_the_folders_have_no_label(make_photos):
    manifest = read(make_photos({"female/a.png": 1, "b.png": 2, "readme.txt": 3}))
    assert manifest.dropped == {"no label": 1}
    assert manifest.found == 2


def test_other_files_among_the_photos_are_counted(make_photos):
    manifest = read(make_photos({"female/a.png": 1, "female/IMG_1.CR3": 2, "male/b.png": 3}))
    assert manifest.dropped == {"not a photo by its ending": 1}


def test_folders_in_the_class_folders_are_counted(make_photos):
    names = ["female/a.png", "female/ann/1.png", "female/ann/2.png", "male/bob/3.png"]
    manifest = read(make_photos({name: i for i, name in enumerate(names)}))
    assert manifest.dropped == {"folder too deep, not looked into": 2}
    assert manifest.examples["folder too deep, not looked into"] == ["female/ann", "male/bob"]
    assert len(manifest) == 1


def test_where_all_photos_lie_too_deep_the_error_says_so(make_photos):
    with pytest.raises(DatasetError, match=r"too deep, not looked into: 1 \(such as female/ann\)"):
        read(make_photos({"female/ann/1.png": 1}))


def test_one_photo_in_two_classes_is_a_conflict(make_photos):
    manifest = read(make_photos({"female/a.png": 1, "male/a.png": 1, "male/b.png": 2}))
    assert manifest.dropped == {"conflicting labels": 2}
    assert [Path(path).name for path in manifest.table["path"]] == ["b.png"]


def test_hidden_files_are_not_looked_at(make_photos):
    root = make_photos({"female/a.png": 1, "female/._a.png": 2, ".trash/b.png": 3})
    assert read(root).found == 1


def test_links_are_followed_inside_the_root_only(make_photos, tmp_path):
    outside = make_photos({"x.png": 1}, tmp_path / "outside")
    root = make_photos({"female/a.png": 2, "male/b.png": 3}, tmp_path / "root")
    (root / "female" / "x.png").symlink_to(outside / "x.png")
    (root / "male" / "c.png").symlink_to("../female/a.png")
    (root / "f").symlink_to(outside)
    (root / "male" / "loop.png").symlink_to("loop.png")
    manifest = read(root)
    assert manifest.dropped == {
        "path outside the folder": 2,
        "conflicting labels": 2,
        "unreadable": 1,
    }


def test_a_root_that_is_a_link_itself_is_fine(make_photos, tmp_path):
    make_photos({"female/a.png": 1}, tmp_path / "real")
    (tmp_path / "link").symlink_to("real")
    assert len(read(tmp_path / "link")) == 1


def test_a_broken_link_is_a_missing_file(make_photos, tmp_path):
    root = make_photos({"female/a.png": 1})
    (root / "female" / "b.png").symlink_to("gone.png")
    assert read(root).dropped == {"missing file": 1}
