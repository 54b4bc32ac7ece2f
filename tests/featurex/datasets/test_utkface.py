from pathlib import Path

import numpy as np
import pytest

from featurex.datasets.utkface import read
from featurex.exceptions import DatasetError
from featurex.photos.hashing import image_id

NAME = "{}_{}_0_20170112213500903.jpg.chip.jpg"


def labels(manifest):
    table = manifest.table
    return {
        Path(path).name: (age, gender)
        for path, age, gender in zip(table["path"], table["age"], table["gender"], strict=True)
    }


def test_age_and_gender_come_from_the_name(make_photos):
    root = make_photos({NAME.format(26, 0): 1, NAME.format(3, 1): 2})
    manifest = read(root)
    assert labels(manifest) == {NAME.format(26, 0): (26, "male"), NAME.format(3, 1): (3, "female")}
    assert manifest.table["age_group"].astype(object).tolist()[0] == "25-32"
    assert manifest.table["age_group"].isna().tolist() == [False, True]
    assert manifest.table["subject_id"].isna().all()
    assert manifest.table["race"].tolist() == ["White", "White"]
    assert manifest.tasks() == ("age-group", "gender", "age")
    assert any("may share people" in note for note in manifest.notes)


def test_rows_know_their_photo(make_photos):
    root = make_photos({NAME.format(26, 0): 1})
    row = read(root).table.iloc[0]
    assert Path(row["path"]).is_absolute()
    assert row["image_id"] == image_id(Path(row["path"]).read_bytes())
    assert row["dataset"] == "utkface"


@pytest.mark.parametrize(
    ("code", "race"), list(enumerate(["White", "Black", "Asian", "Indian", "Other"]))
)
def test_the_race_is_the_third_field(make_photos, code, race):
    manifest = read(make_photos({f"20_0_{code}_20170116184028385.jpg": 1}))
    assert manifest.table["race"].tolist() == [race]


@pytest.mark.parametrize(
    "name",
    [
        "39_1_20170116174525125.jpg.chip.jpg",
        "61_1_20170109142408075.jpg",
        "53__0_20170116184028385.jpg",
        "53_2_0_20170116184028385.jpg",
        "photo.jpg",
    ],
)
def test_a_name_that_lacks_a_field_is_dropped_and_shown(make_photos, name):
    manifest = read(make_photos({NAME.format(26, 0): 1, name: 2}))
    assert len(manifest) == 1
    assert manifest.dropped == {"unparsable name": 1}
    assert manifest.examples == {"unparsable name": [name]}


@pytest.mark.parametrize(
    "name",
    [
        "55_0_0_20170116232725357jpg.chip.jpg",
        "55_0_1_20170116220224657 .jpg.chip.jpg",
        "55_0_0_2017011022340900.jpg.chip.jpg",
        "55_0_2_201701161846515488.JPG",
    ],
)
def test_a_slip_after_the_fields_does_no_harm(make_photos, name):
    assert labels(read(make_photos({name: 1}))) == {name: (55, "male")}


def test_of_equal_photos_one_stays_and_conflicting_ones_all_go(make_photos):
    root = make_photos(
        {
            "20_0_0_20170116184028385.jpg": 1,
            "20_0_3_20170116184028386.jpg": 1,  # only the race differs
            "21_0_0_20170116184028385.jpg": 2,
            "22_0_0_20170116184028385.jpg": 2,
            "30_0_0_20170116184028385.jpg": 3,
            "30_1_0_20170116184028385.jpg": 3,
            "30_1_0_20170116184028386.jpg": 3,
            "40_1_0_20170116184028385.jpg": 4,
        }
    )
    manifest = read(root)
    assert labels(manifest) == {
        "20_0_0_20170116184028385.jpg": (20, "male"),
        "40_1_0_20170116184028385.jpg": (40, "female"),
    }
    assert manifest.table["race"].tolist() == [None, "White"]
    assert manifest.dropped == {"conflicting labels": 5, "duplicate": 1}
    assert manifest.found == 8


def test_an_age_that_nobody_reached_is_dropped(make_photos):
    manifest = read(make_photos({NAME.format(116, 0): 1, NAME.format(117, 0): 2}))
    assert manifest.table["age"].tolist() == [116]
    assert manifest.dropped == {"age out of range": 1}


def test_an_empty_file_is_dropped(make_photos):
    manifest = read(make_photos({NAME.format(26, 0): 1, NAME.format(27, 0): None}))
    assert manifest.dropped == {"empty file": 1}


def test_the_policy_decides_about_ages_between_groups(make_photos):
    root = make_photos({NAME.format(35, 0): 1})
    assert read(root).table["age_group"].isna().all()
    nearest = read(root, age_policy="nearest")
    assert nearest.table["age_group"].astype(object).tolist() == ["25-32"]


def test_photos_may_lie_one_folder_down(make_photos):
    root = make_photos({f"part1/{NAME.format(26, 0)}": 1, f"part2/{NAME.format(27, 0)}": 2})
    assert read(root).table["age"].tolist() == [26, 27]


def test_the_order_is_that_of_the_names(make_photos):
    root = make_photos({NAME.format(age, 0): age for age in (9, 5, 7)})
    np.testing.assert_array_equal(read(root).table["age"], [5, 7, 9])


def test_a_folder_without_photos_is_an_error(make_photos, tmp_path):
    (tmp_path / "readme.txt").touch()
    with pytest.raises(DatasetError, match="No photo found in"):
        read(tmp_path)


def test_a_folder_of_other_photos_is_an_error_that_shows_one(make_photos):
    with pytest.raises(DatasetError, match=r"unparsable name: 1 \(such as holiday.jpg\)"):
        read(make_photos({"holiday.jpg": 1}))


def test_a_missing_folder_is_an_error(tmp_path):
    with pytest.raises(DatasetError, match="does not exist"):
        read(tmp_path / "nowhere")


def test_an_unknown_policy_is_refused_before_anything_is_read(tmp_path):
    with pytest.raises(ValueError, match="Unknown age policy 'lenient'"):
        read(tmp_path / "nowhere", age_policy="lenient")
