import pytest

from featurex import read_dataset
from featurex.datasets.subject_files import write_subjects

LABELS = "path,age\na.png,5\nb.png,30\nc.png,40\nd.png,70\n"


def test_years_are_kept_before_rows_are_drawn(write_table):
    root = write_table(LABELS)
    manifests = [read_dataset("csv", root, ages="21-60", limit=1, seed=n) for n in range(8)]
    again = read_dataset("csv", root, ages="21-60", limit=1, seed=7)
    assert again.table["age"].item() == manifests[7].table["age"].item()
    assert {manifest.table["age"].item() for manifest in manifests} == {30.0, 40.0}
    assert {manifest.dropped["not in the sample"] for manifest in manifests} == {1}
    assert {manifest.ages for manifest in manifests} == {"21-60"}


def test_the_seed_draws_the_rows():
    first, other = (set(read_dataset("people", limit=20, seed=n).table["image_id"]) for n in (1, 2))
    assert len(first) == len(other) == 20
    assert first != other


def test_the_file_of_subjects_is_counted_against_the_sample(write_table, tmp_path):
    root = write_table(LABELS)
    photos = read_dataset("csv", root).table["image_id"].tolist()
    path = tmp_path / "who.csv"
    write_subjects(path, photos, ["s"] * len(photos))
    note = read_dataset("csv", root, limit=3, subjects=str(path)).notes[-1]
    assert "names 3 of the 3 photos, in 1 clusters" in note
    assert "1 of photos that are not among these" in note


def test_options_of_the_reader_are_passed_on(write_table):
    root = write_table("path,age\na.png,23\n")
    known = [
        read_dataset("csv", root, age_policy=policy, photos=None).table["age_group"].notna().all()
        for policy in (None, "strict", "nearest")
    ]
    assert known == [False, False, True]
    with pytest.raises(ValueError, match="no option 'age_kind'"):
        read_dataset("csv", root, age_kind="real")


def test_a_wrong_range_of_years_costs_no_reading(tmp_path):
    with pytest.raises(ValueError, match="An age range is LOW-HIGH"):
        read_dataset("csv", tmp_path / "missing.csv", ages="old")


def test_a_data_set_is_called_as_is_asked(write_table):
    manifest = read_dataset("csv", write_table(LABELS), called="My people", limit=2)
    assert manifest.dataset == "My people"
    assert set(manifest.table["dataset"]) == {"My people"}
    assert manifest.notes[-1].startswith("My people, --limit")


@pytest.mark.parametrize("called", ["", " ", "two\nlines", "x" * 61])
def test_a_name_that_no_table_can_hold_is_refused(write_table, called):
    with pytest.raises(ValueError, match="1 to 60 printable characters"):
        read_dataset("csv", write_table(LABELS), called=called)
