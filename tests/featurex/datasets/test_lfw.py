from pathlib import Path

import pytest

from featurex.datasets.lfw import read
from featurex.exceptions import DatasetError

PEOPLE = "lfw-deepfunneled"
WOMEN, MEN = ["Ann_Bee_0001.jpg", "Ann_Bee_0002.jpg"], ["Cy_Dee_0001.jpg", "Cy_0001.jpg"]


def person(name):
    return name.rsplit("_", 1)[0]


def write_lists(folder, women=WOMEN, men=MEN, end="\n", encoding="utf-8"):
    for gender, names in (("female", women), ("male", men)):
        data = "".join(f"{name}{end}" for name in names).encode(encoding)
        (folder / f"{gender}_names.txt").write_bytes(data)


@pytest.fixture
def lfw(make_photos, tmp_path):
    """Return a folder with two lists and their photos."""
    write_lists(tmp_path)
    names = [f"{PEOPLE}/{person(name)}/{name}" for name in WOMEN + MEN]
    return make_photos({name: number for number, name in enumerate(names)})


def genders(manifest):
    names = [Path(path).name for path in manifest.table["path"]]
    return dict(zip(names, manifest.table["gender"].astype(object), strict=True))


def test_the_gender_is_that_of_the_list_and_the_subject_that_of_the_folder(lfw):
    manifest = read(lfw)
    assert genders(manifest) == dict.fromkeys(WOMEN, "female") | dict.fromkeys(MEN, "male")
    assert manifest.table["subject_id"].tolist() == ["Ann_Bee", "Ann_Bee", "Cy", "Cy_Dee"]
    assert manifest.tasks() == ("gender",)
    assert manifest.dropped == {}


def test_a_photo_in_both_lists_conflicts(lfw):
    write_lists(lfw, men=[*MEN, WOMEN[0]])
    manifest = read(lfw)
    assert manifest.dropped == {"conflicting labels": 1}
    assert manifest.examples == {"conflicting labels": [WOMEN[0]]}
    assert WOMEN[0] not in genders(manifest)


def test_a_photo_in_no_list_has_no_label(lfw):
    write_lists(lfw, women=WOMEN[:1])
    assert read(lfw).dropped == {"no label": 1}


def test_a_line_without_a_photo_is_a_missing_file(lfw):
    write_lists(lfw, women=[*WOMEN, "Eve_0001.jpg"])
    manifest = read(lfw)
    assert (manifest.dropped, manifest.found) == ({"missing file": 1}, 5)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (WOMEN[0], "duplicate line"),
        ("Ann_Bee", "unparsable line"),
        ("../../etc/Eve_0001.jpg", "unparsable line"),
        ("/etc/passwd", "unparsable line"),
        ("Eve_0001.png", "unparsable line"),
    ],
)
def test_a_line_that_is_of_no_use_is_counted(lfw, line, reason):
    write_lists(lfw, women=[*WOMEN, line])
    manifest = read(lfw)
    assert (manifest.dropped, len(manifest)) == ({reason: 1}, 4)


def test_blank_lines_marks_folders_and_other_line_ends_are_fine(lfw):
    women = ["", f"{person(WOMEN[0])}/{WOMEN[0]}", f" {WOMEN[1]} ", ""]
    write_lists(lfw, women=women, end="\r\n", encoding="utf-8-sig")
    manifest = read(lfw)
    assert (len(manifest), manifest.dropped) == (4, {})


def test_a_photo_that_is_not_named_as_its_folder_is_dropped(lfw, make_photos):
    names = ["Ann_Bee/Cy_Dee_0001.jpg", "Ann_Bee/Ann_Bee_1.jpg", "Ann_Bee_0001.jpg"]
    make_photos({f"{PEOPLE}/{name}": 20 + i for i, name in enumerate(names)})
    manifest = read(lfw)
    assert (manifest.dropped, len(manifest)) == ({"unparsable name": 3}, 4)


def test_copies_of_two_genders_conflict(lfw, make_photos):
    make_photos({f"{PEOPLE}/Cy/Cy_0001.jpg": 0})
    assert read(lfw).dropped == {"conflicting labels": 2}


def test_one_list_may_be_empty(lfw):
    write_lists(lfw, men=[])
    manifest = read(lfw)
    assert genders(manifest) == dict.fromkeys(WOMEN, "female")
    assert manifest.dropped == {"no label": 2}


def test_two_empty_lists_are_an_error(lfw):
    write_lists(lfw, [], [])
    with pytest.raises(DatasetError, match=r"No usable photo .* no label: 4"):
        read(lfw)


def test_the_folder_of_people_may_be_the_root_itself(lfw):
    for file in lfw.glob("*.txt"):
        file.rename(lfw / PEOPLE / file.name)
    assert len(read(lfw)) == len(read(lfw / PEOPLE)) == 4


def test_archives_may_nest_and_lists_lie_in_a_folder(lfw):
    (lfw / "genders").mkdir()
    for file in lfw.glob("*.txt"):
        file.rename(lfw / "genders" / f"LFW-{file.name}")
    (lfw / PEOPLE).rename(lfw / "inner")
    (lfw / "lfw").mkdir()
    (lfw / "inner").rename(lfw / "lfw" / PEOPLE)
    assert len(read(lfw)) == 4


def test_a_missing_list_is_named(lfw):
    (lfw / "male_names.txt").unlink()
    with pytest.raises(DatasetError, match=r"No text file male_names.txt, .* two lists"):
        read(lfw)


def test_two_lists_of_a_gender_are_named(lfw):
    (lfw / "female.txt").touch()
    with pytest.raises(DatasetError, match=r"lists of female photos \(female.txt, female_names"):
        read(lfw)


def test_two_versions_of_the_photos_are_named(lfw):
    (lfw / "lfw_funneled").mkdir()
    with pytest.raises(DatasetError, match=r"\(lfw-deepfunneled, lfw_funneled\). Keep one"):
        read(lfw)
