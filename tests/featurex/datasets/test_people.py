import shutil

import pytest

from featurex.datasets.people import people_root, read
from featurex.exceptions import DatasetError
from featurex.labels import AGE_GROUPS, age_to_group


def test_the_bundled_people_are_complete():
    manifest = read()
    table = manifest.table
    assert (len(manifest), manifest.found, manifest.dropped) == (288, 288, {})
    assert table["subject_id"].nunique() == 96
    assert table["age_group"].value_counts().to_dict() == dict.fromkeys(AGE_GROUPS, 36)
    assert table["gender"].value_counts().to_dict() == {"female": 144, "male": 144}
    assert manifest.tasks() == ("age-group", "gender", "age")
    assert set(table["dataset"]) == {"people"}


def test_their_groups_are_those_of_their_ages():
    table = read().table
    assert age_to_group(table["age"]).tolist() == table["age_group"].tolist()


def test_everybody_is_told_that_they_do_not_exist():
    assert any("do not exist" in note for note in read().notes)


def test_a_copy_elsewhere_is_the_same_but_for_its_paths(tmp_path):
    shutil.copytree(people_root(), tmp_path / "copy")
    copy, bundled = read(tmp_path / "copy").table, read().table
    assert copy.drop(columns="path").equals(bundled.drop(columns="path"))
    assert str(tmp_path) in copy["path"][0]


def test_another_folder_is_refused(tmp_path):
    with pytest.raises(DatasetError, match=r"people.csv can't be read"):
        read(tmp_path)
