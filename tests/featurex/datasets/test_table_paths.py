"""Which file a row of a table means, and that it lies in the table's folder."""

import os
from pathlib import Path

import pytest

from featurex.datasets.table import read


def names(manifest):
    return [Path(path).name for path in manifest.table["path"]]


@pytest.mark.parametrize("name", [r"sub\a.png", r".\sub\a.png", " sub/a.png ", r"sub\..\sub\a.png"])
def test_a_path_may_be_written_as_in_windows(write_table, make_photos, name):
    make_photos({"sub/a.png": 7})
    manifest = read(write_table(f"path,age\n{name},3\n"))
    assert manifest.table["path"][0].endswith("/sub/a.png")
    assert len(manifest.table["image_id"][0]) == 64


def test_a_backslash_or_a_space_that_is_in_a_name_is_kept(write_table, make_photos):
    make_photos({"sub/a.png": 7, r"sub\a.png": 8, "a.png ": 9})
    assert names(read(write_table("path,age\nsub\\a.png,3\na.png ,3\n"))) == [
        r"sub\a.png",
        "a.png ",
    ]


@pytest.mark.parametrize(
    "name", [r"..\x.png", r"..\..\x", r"sub\..\..\x.png", r" ..\x.png", r"\x.png"]
)
def test_a_path_of_windows_does_not_lead_out_of_the_folder(make_photos, tmp_path, name):
    make_photos({"x.png": 7, "d/a.png": 8})
    path = tmp_path / "d" / "labels.csv"
    path.write_text(f"path,age\na.png,3\n{name},3\n", encoding="utf-8")
    manifest = read(path)
    assert names(manifest) == ["a.png"]
    assert manifest.dropped == {"path outside the folder": 1}


def test_a_link_is_followed_inside_the_folder_only(write_table, tmp_path, tmp_path_factory):
    outside = tmp_path_factory.mktemp("outside") / "x.png"
    outside.write_bytes(b"secret")
    path = write_table("path,gender\nin.png,f\nout.png,f\nup/x.png,m\n")
    (tmp_path / "in.png").symlink_to("a.png")
    (tmp_path / "out.png").symlink_to(outside)
    (tmp_path / "up").symlink_to(outside.parent)
    manifest = read(path)
    assert names(manifest) == ["in.png"]
    assert manifest.dropped == {"path outside the folder": 2}


def test_a_pipe_does_not_stop_the_reader(write_table, tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    assert read(write_table("path,gender\na.png,f\npipe.png,f\n")).dropped == {
        "not a regular file": 1
    }


@pytest.mark.parametrize("name", ["with space.png", "naïve 人.png", 'quote".png', "new\nline.png"])
def test_names_may_be_odd(write_table, make_photos, name):
    make_photos({name: 7})
    quoted = '"' + name.replace('"', '""') + '"'
    assert names(read(write_table(f"path,gender\n{quoted},f\n"))) == [name]


def test_an_absolute_path_inside_the_folder_is_fine(write_table, tmp_path):
    assert names(read(write_table(f"path,gender\n{tmp_path}/a.png,f\n"))) == ["a.png"]
