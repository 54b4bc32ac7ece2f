import pytest

from featurex.datasets.fgnet import read


@pytest.mark.parametrize(
    ("name", "subject", "age"),
    [
        ("001a02.jpg", "001", 2),
        ("001A43a.JPG", "001", 43),
        ("082A00b.jpeg", "082", 0),
    ],
)
def test_subject_and_age_come_from_the_name(make_photos, name, subject, age):
    table = read(make_photos({name: 1})).table
    assert table["subject_id"].tolist() == [subject]
    assert table["age"].tolist() == [age]


@pytest.mark.parametrize(
    "name", ["01a02.jpg", "001b02.jpg", "001a2.jpg", "001a02ab.jpg", "001a02.jpg.png"]
)
def test_other_names_are_dropped(make_photos, name):
    manifest = read(make_photos({"images/001a02.jpg": 1, name: 2}))
    assert len(manifest) == 1
    assert manifest.dropped == {"unparsable name": 1}


def test_the_tasks_are_those_of_age(make_photos):
    assert read(make_photos({"001a02.jpg": 1})).tasks() == ("age-group", "age")


def test_copies_under_two_subjects_count_once(make_photos):
    manifest = read(make_photos({"001a02.jpg": 1, "002a02.jpg": 1}))
    assert manifest.table["subject_id"].tolist() == ["001"]
    assert manifest.dropped == {"duplicate": 1}
