import shutil
from pathlib import Path

import pytest

from featurex.datasets.adience import read, read_labels
from featurex.datasets.cleaning import Dropped
from featurex.exceptions import DatasetError

LABEL_COLUMNS = ["user_id", "original_image", "face_id", "age", "gender"]
OTHER_COLUMNS = ["x", "y", "dx", "dy", "tilt_ang", "fiducial_yaw_angle", "fiducial_score"]

# Hand-written rows with the traps of the real files: user, image, subject, age, gender, fold.
ROWS = [
    ("30@N03", "a.jpg", "1", "(25, 23)", "f", 0),  # a typo
    ("30@N03", "a.jpg", "1", "(25, 32)", "f", 0),  # a doubled row once the typo is mended
    ("30@N03", "b.jpg", "2", "(0, 2)", "u", 0),
    ("30@N03", "b.jpg", "2", "(0, 2)", "u", 0),  # a doubled row
    ("31@N04", "c.jpg", "3", "(8, 12)", "m", 1),
    ("31@N04", "d.jpg", "4", "35", "m", 1),  # between two groups
    ("32@N04", "e.jpg", "5", "29", "f", 2),  # inside a group, but not its label
    ("32@N04", "f.jpg", "6", "(38, 48)", "f", 2),
    ("33@N05", "g.jpg", "7", "None", "f", 3),
    ("33@N05", "h.jpg", "8", "(60, 100)", "", 3),
    ("33@N05", "i.jpg", "9", "None", "", 3),
    ("34@N05", "j.jpg", "10", "22", "u", 4),
    ("34@N05", "k.jpg", "11", "(48, 53)", "m", 4),
]


def write_folds(folder, rows=ROWS):
    for fold in range(5):
        lines = ["\t".join(LABEL_COLUMNS + OTHER_COLUMNS)]
        lines += ["\t".join([*row[:5], *"0123456"]) for row in rows if row[5] == fold]
        (folder / f"fold_{fold}_data.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")


def photo_name(row, photos):
    prefix = {"aligned": "landmark_aligned_face", "faces": "coarse_tilt_aligned_face"}[photos]
    return f"{photos}/{row[0]}/{prefix}.{row[2]}.{row[1]}"


@pytest.fixture
def adience(make_photos, tmp_path):
    """Return a folder with the rows above and a photo of each."""
    write_folds(tmp_path)
    return make_photos({photo_name(row, "aligned"): int(row[2]) for row in ROWS})


def column(manifest, name):
    table = manifest.table.astype({name: object})
    return {
        subject: None if value != value else value
        for subject, value in zip(table["subject_id"], table[name], strict=True)
    }


def test_doubled_rows_count_once_and_the_typo_is_mended(adience):
    dropped = Dropped()
    labels = read_labels(adience, dropped)
    assert labels["face_id"].tolist() == [str(subject) for subject in range(1, 12)]
    assert labels["fold"].tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 3, 4, 4]
    assert labels["age"][0] == "(25, 32)"
    assert labels["age"][6] == "None"
    assert dropped.counts == {"duplicate row": 2}


def test_strict_counts_only_the_labels_of_the_eight_groups(adience):
    manifest = read(adience)
    assert column(manifest, "age_group") == {
        "1": "25-32",
        "2": "0-2",
        "3": "8-13",
        "4": None,
        "5": None,
        "6": None,
        "7": None,
        "8": "60+",
        "11": "48-53",
    }
    assert manifest.dropped == {"duplicate row": 2, "no label": 2}
    assert manifest.found == len(ROWS)


def test_nearest_maps_single_ages_and_the_middle_of_ranges(adience):
    groups = column(read(adience, age_policy="nearest"), "age_group")
    assert groups["4"] == "25-32"
    assert groups["5"] == "25-32"
    assert groups["6"] == "38-43"
    assert groups["7"] is None
    assert groups["10"] == "15-20"


def test_undefined_gender_keeps_its_row(adience):
    genders = column(read(adience), "gender")
    assert genders["1"] == "female"
    assert genders["2"] == "undefined"
    assert genders["3"] == "male"
    assert genders["8"] is None


def test_folds_and_subjects_are_the_data_sets_own(adience):
    manifest = read(adience)
    folds = {"1": 0, "2": 0, "3": 1, "4": 1, "5": 2, "6": 2, "7": 3, "8": 3, "11": 4}
    assert column(manifest, "fold") == folds
    assert manifest.table["age"].isna().all()
    assert manifest.tasks() == ("age-group", "gender")
    assert manifest.more_tasks() == ("gender-3",)


def test_the_faces_are_another_version_of_the_photos(adience, make_photos):
    with pytest.raises(DatasetError, match=r"No folder 'faces' .* faces.tar.gz"):
        read(adience, photos="faces")
    make_photos({photo_name(row, "faces"): int(row[2]) for row in ROWS})
    paths = read(adience, photos="faces").table["path"]
    assert all("/faces/" in path and "coarse_tilt" in path for path in paths)


def test_unknown_photos_are_refused(adience):
    with pytest.raises(ValueError, match=r"Unknown photos 'raw'. They are: aligned, faces"):
        read(adience, photos="raw")


def test_a_photo_that_is_not_there_is_counted(adience):
    (adience / photo_name(ROWS[-1], "aligned")).unlink()
    assert read(adience).dropped["missing file"] == 1


def test_fold_files_may_lie_one_folder_down(adience):
    (adience / "folds").mkdir()
    for path in adience.glob("fold_*.txt"):
        path.rename(adience / "folds" / path.name)
    assert len(read(adience)) == 9
    shutil.move(adience / "aligned", adience / "folds" / "aligned")
    assert len(read(adience)) == 9


def test_a_missing_fold_file_is_named(adience):
    (adience / "fold_3_data.txt").unlink()
    with pytest.raises(DatasetError, match=r"lacks fold_3_data.txt"):
        read(adience)


def test_a_folder_without_fold_files_is_an_error(tmp_path):
    with pytest.raises(DatasetError, match=r"No fold_0_data.txt, .* or fold_4_data.txt in"):
        read(tmp_path)


def test_a_file_without_a_column_is_named(adience):
    (adience / "fold_1_data.txt").write_text("user_id\tage\n1\t2\n")
    with pytest.raises(DatasetError, match=r"fold_1_data.txt has no column 'original_image'"):
        read_labels(adience)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (("../..", "x.jpg", "1", "(0, 2)", "f", 0), "path outside the folder"),
        (("u", "/../../../x.jpg", "1", "(0, 2)", "f", 0), "path outside the folder"),
        (("u", "x.jpg", "1", "old", "f", 0), "unknown age 'old'"),
        (("u", "x.jpg", "1", "(1234, 5)", "f", 0), "unknown age '(1234, 5)'"),
        (("u", "x.jpg", "1", "(0, 2)", "x", 0), "unknown gender 'x'"),
    ],
)
def test_a_hostile_row_is_dropped(adience, row, reason):
    write_folds(adience, [*ROWS, row])
    manifest = read(adience)
    assert manifest.dropped[reason] == 1
    assert manifest.found == len(ROWS) + 1
    assert all(Path(path).resolve().is_relative_to(adience) for path in manifest.table["path"])
