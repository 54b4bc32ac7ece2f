import inspect

import pytest

from featurex.datasets import READERS, describe, people_root, read
from featurex.exceptions import DatasetError
from featurex.labels import AGE_POLICIES


def test_the_data_sets_are_those_of_the_command_line():
    research = {"utkface", "fgnet", "adience", "fairface", "imdb-wiki", "appa-real", "lfw"}
    assert set(READERS) == {"people", "csv", "folder", "photos"} | research


def test_the_people_need_no_folder():
    assert len(read("people")) == len(read("people", people_root())) == 288


def test_a_reader_is_chosen_by_its_name():
    table = read("csv", people_root() / "people.csv").table
    assert set(table["dataset"]) == {"csv"}


@pytest.mark.parametrize("name", sorted(set(READERS) - {"people"}))
def test_the_others_need_one(name, tmp_path):
    with pytest.raises(ValueError, match=f"'{name}' needs the folder or file"):
        read(name)
    with pytest.raises(DatasetError, match="nowhere"):
        read(name, tmp_path / "nowhere")


@pytest.mark.parametrize("name", READERS)
def test_every_reader_knows_the_age_policies(name, tmp_path):
    parameter = inspect.signature(READERS[name].read).parameters["age_policy"]
    assert parameter.default in AGE_POLICIES
    with pytest.raises(ValueError, match="Unknown age policy 'lenient'"):
        read(name, tmp_path, age_policy="lenient")


def test_an_unknown_data_set_is_answered_with_the_known_ones():
    with pytest.raises(ValueError, match=r"Unknown data set 'imagenet'. The data sets are: people"):
        read("imagenet")


def test_an_unknown_option_is_answered_with_the_known_ones():
    with pytest.raises(ValueError, match=r"'utkface' has no option 'photos'. It has: age_policy"):
        read("utkface", "x", photos="faces")


def test_every_data_set_is_described():
    table = describe()
    assert table["name"].tolist() == list(READERS)
    assert (table[["what", "labels", "subjects", "terms"]] != "").all(axis=None)
