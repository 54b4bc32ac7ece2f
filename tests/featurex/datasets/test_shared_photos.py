import pytest

from featurex.datasets.cleaning import Dropped, clean


@pytest.fixture
def read(make_photos):
    """Return a function: rows of (number of the photo, subject, fold) -> manifest of women."""

    def clean_rows(*rows):
        root = make_photos({f"{i}.png": number for i, (number, _, _) in enumerate(rows)})
        candidates = [
            {"path": str(root / f"{i}.png"), "gender": "female", "subject_id": who, "fold": fold}
            for i, (_, who, fold) in enumerate(rows)
        ]
        return clean(candidates, Dropped(), dataset="csv", root=root, age_policy="strict")

    return clean_rows


def test_subjects_who_share_a_photo_are_one_person_and_a_note_says_so(read):
    manifest = read((1, "ann", None), (1, "bea", None), (2, "bea", None), (3, "cat", None))
    assert manifest.table["subject_id"].tolist() == ["ann", "ann", "cat"]
    assert manifest.dropped == {"duplicate": 1}
    (note,) = manifest.notes
    assert "csv: 1 photo is under two subjects" in note
    assert "2 subjects ('ann', 'bea') 1 became" in note


def test_who_shares_a_photo_with_one_of_them_is_the_same_person_too(read):
    manifest = read(
        (1, "ann", None), (1, "bea", None), (2, "cat", None), (2, "bea", None), (3, "cat", None)
    )
    assert set(manifest.table["subject_id"]) == {"ann"}


def test_a_subject_and_nobody_are_not_two(read):
    manifest = read((1, None, None), (1, "bea", None), (2, None, None))
    assert manifest.table["subject_id"].tolist() == ["bea", None]
    assert manifest.notes == ()


def test_a_photo_in_two_folds_counts_once_and_a_note_says_so(read):
    manifest = read((1, None, 0), (1, None, 1), (2, None, 1))
    assert manifest.table["fold"].tolist() == [0, 1]
    (note,) = manifest.notes
    assert "1 photo is in two of the data set's own folds" in note


def test_subjects_whom_the_data_sets_own_folds_part_stay_two_and_a_note_says_so(read):
    manifest = read((1, "ann", 0), (1, "bea", 1), (2, "bea", 1), (3, "cat", 0), (3, "dan", 0))
    assert manifest.table["subject_id"].tolist() == ["ann", "bea", "cat"]
    assert "of 2 subjects ('cat', 'dan') 1 became" in manifest.notes[0]
    assert "2 stay as they are, since the data set's own folds part them" in manifest.notes[0]


def test_copies_of_one_subject_in_one_fold_need_no_note(read):
    assert read((1, "ann", 0), (1, "ann", 0)).notes == ()


def test_names_in_a_note_can_not_move_the_cursor(read):
    (note,) = read((1, "a\x1b[2J", None), (1, "b", None)).notes
    assert note.isprintable()
