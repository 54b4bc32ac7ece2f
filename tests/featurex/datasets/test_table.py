import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from featurex.datasets import delimited
from featurex.datasets.table import read
from featurex.exceptions import DatasetError


def names(manifest):
    return [Path(path).name for path in manifest.table["path"]]


def test_all_columns_are_read(write_table):
    row = (
        read(write_table("path,age,age_group,gender,subject_id,fold\na.png,8.5,8-13,f,ann,3\n"))
        .table.iloc[0]
        .to_dict()
    )
    del row["image_id"]
    assert Path(row.pop("path")).name == "a.png"
    assert row == {
        "dataset": "csv",
        "subject_id": "ann",
        "age": 8.5,
        "age_group": "8-13",
        "gender": "female",
        "race": None,
        "fold": 3,
    }


def test_photos_without_a_column_of_labels_are_kept(write_table):
    manifest = read(write_table("path,subject_id\na.png,ann\nb.png,\n"))
    assert names(manifest) == ["a.png", "b.png"]
    assert manifest.tasks() == ()


def test_a_photo_without_a_label_among_labelled_ones_is_dropped(write_table):
    manifest = read(write_table("path,gender\na.png,f\nb.png,\n"))
    assert names(manifest) == ["a.png"]
    assert manifest.dropped == {"no label": 1}


def test_other_columns_are_ignored_and_names_may_be_in_any_case(write_table):
    manifest = read(write_table("Camera, Gender ,PATH\nx,male,a.png\n"))
    assert manifest.table["gender"].tolist() == ["male"]


@pytest.mark.parametrize(
    ("text", "gender"),
    [
        *(("f", "female"), ("F", "female"), ("Female", "female"), ("w", "female")),
        *((" m ", "male"), ("MALE", "male")),
    ],
)
def test_gender_may_be_written_in_several_ways(write_table, text, gender):
    assert read(write_table(f"path,gender\na.png,{text}\n")).table["gender"].tolist() == [gender]


@pytest.mark.parametrize("code", ["0", "1", "2.0", "H", " h "])
def test_a_gender_that_can_mean_either_is_refused_for_the_whole_table(write_table, code):
    path = write_table(f"path,gender\na.png,M\nb.png,{code}\n")
    with pytest.raises(DatasetError, match=r"labels.csv, line 3: the gender '.*' is of a code"):
        read(path)


@pytest.mark.parametrize("word", ["NA", "na", "None", "NULL", "N/A", "<NA>", "#N/A", "#NV"])
def test_a_word_for_a_missing_label_is_none(write_table, word):
    row = ",".join([word] * 3)
    manifest = read(
        write_table(f"path,age,gender,fold,age_group\na.png,{row},0-2\nb.png,3,f,1,{word}\n")
    )
    table = manifest.table
    assert manifest.dropped == {}
    assert table[["age", "gender", "fold"]].isna().to_numpy().tolist() == [[True] * 3, [False] * 3]
    assert table["age_group"].isna().tolist() == [False, True]


@pytest.mark.parametrize("word", ["NA", "na", "nan", "None", "NULL", "<NA>"])
def test_a_subject_that_can_be_a_missing_one_is_refused(write_table, word):
    path = write_table(f"path,age,subject_id\na.png,3,ann\nb.png,3, {word}\n")
    with pytest.raises(DatasetError, match=f"labels.csv, line 3: the subject '{word}' can be"):
        read(path)


def test_a_fold_may_be_written_as_a_number_with_decimals(write_table):
    assert read(write_table("path;age;fold\na.png;3;1,0\nb.png;3;2\n")).table["fold"].tolist() == [
        1,
        2,
    ]


def test_an_age_may_have_a_decimal_comma_where_semicolons_separate(write_table):
    manifest = read(write_table('"";"path";"age"\n"1";"a.png";23,5\n"2";"b.png";25,0\n'))
    assert manifest.table["age"].tolist() == [23.5, 25.0]


def test_an_age_with_a_decimal_comma_is_not_dropped_where_commas_separate(write_table):
    with pytest.raises(DatasetError, match="line 3: the age '23,5' has a decimal comma"):
        read(write_table('path,age\na.png,30\nb.png,"23,5"\n'))


def test_a_subject_keeps_its_comma(write_table):
    manifest = read(write_table("path;age;subject_id\na.png;3;1,5\nb.png;3;Roe, J.\n"))
    assert manifest.table["subject_id"].tolist() == ["1,5", "Roe, J."]


def test_an_age_group_may_have_an_en_dash(write_table):
    table = read(write_table("path,age_group\na.png,25–32\nb.png,60+\n")).table
    assert table["age_group"].tolist() == ["25-32", "60+"]


@pytest.mark.parametrize("date", ["06. Apr", "04.Jun", "6-Apr", "Aug-13", "06/abr", "4-févr."])
def test_an_age_group_that_a_spreadsheet_made_a_date_of_is_refused(write_table, date):
    path = write_table(f"path;age_group\na.png;0-2\nb.png;{date}\n")
    with pytest.raises(DatasetError, match=f"labels.csv, line 3: the age group '{date}' is a date"):
        read(path)


def test_a_group_is_derived_from_the_age_where_there_is_none(write_table):
    path = write_table("path,age,age_group\na.png,30,\nb.png,35,\nc.png,35,38-43\n")
    assert read(path).table["age_group"].astype(object).tolist()[::2] == ["25-32", "38-43"]
    assert read(path).table["age_group"].isna().tolist() == [False, True, False]
    nearest = read(path, age_policy="nearest").table["age_group"]
    assert nearest.tolist() == ["25-32", "25-32", "38-43"]


def test_an_age_inside_another_group_is_a_conflict(write_table):
    manifest = read(write_table("path,age,age_group\na.png,30,0-2\nb.png,30,25-32\n"))
    assert names(manifest) == ["b.png"]
    assert manifest.dropped == {"conflicting labels": 1}


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("b.png,x,,", "unknown age 'x'"),
        ("b.png,nan,,", "unknown age 'nan'"),
        ("b.png,1_0,,", "unknown age '1_0'"),
        ("b.png,-1,,", "age out of range"),
        ("b.png,117,,", "age out of range"),
        ("b.png," + "9" * 500 + ",,", "age out of range"),
        ("b.png,20,X,", "unknown gender 'X'"),
        ("b.png,20,,8-12", "unknown age group '8-12'"),
        ("b.png,,,", "no label"),
        (",20,,", "no path"),
        ("b.png,20", "wrong number of fields"),
        ("b.png,20,,,,", "wrong number of fields"),
        ("gone.png,20,,", "missing file"),
        ("../labels.csv,20,,", "path outside the folder"),
        ("/etc/hostname,20,,", "path outside the folder"),
        ("sub/../../x.png,20,,", "path outside the folder"),
        ("b\0.png,20,,", "path outside the folder"),
    ],
)
def test_a_row_that_cannot_be_used_is_dropped_with_its_reason(write_table, row, reason):
    manifest = read(write_table(f"path,age,gender,age_group\na.png,20,,\n{row}\n"))
    assert names(manifest) == ["a.png"]
    assert manifest.dropped == {reason: 1}
    assert manifest.found == 2


def test_the_line_of_an_unknown_label_is_shown(write_table):
    manifest = read(write_table("path,gender\na.png,f\n\nb.png,x\n"))
    assert manifest.examples == {"unknown gender 'x'": ["line 4"]}


def test_a_fold_that_is_no_number_is_named(write_table):
    manifest = read(write_table("path,gender,fold\na.png,f,0\nb.png,f,train\n"))
    assert manifest.dropped == {"unknown fold 'train'": 1}


def test_a_thousand_kinds_of_faults_stay_a_short_list(write_table):
    rows = "".join(f"b.png,{'x' * 100}{i:04}\nb.png,{i}x\n" for i in range(1000))
    manifest = read(write_table("path,gender\na.png,f\n" + rows))
    assert manifest.found == 2001
    assert len(manifest.dropped) <= 51
    assert max(map(len, manifest.dropped)) < 60


def test_copies_in_several_rows_count_once_with_all_their_labels(write_table, tmp_path):
    path = write_table("path,gender,age,subject_id\na.png,f,,\ncopy.png,,30,ann\na.png,f,30,ann\n")
    (tmp_path / "copy.png").write_bytes((tmp_path / "a.png").read_bytes())
    manifest = read(path)
    assert manifest.dropped == {"duplicate": 2}
    row = manifest.table.iloc[0]
    assert (Path(row["path"]).name, row["gender"], row["age"]) == ("a.png", "female", 30)


def test_a_byte_order_mark_and_other_line_ends_are_fine(write_table):
    assert len(read(write_table("path,gender\r\na.png,f\r\nb.png,m", encoding="utf-8-sig"))) == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no column 'path'. Found the columns: none"),
        ("file,age\na.png,3\n", "no column 'path'. Found the columns: file, age"),
        ("path,age,age\na.png,3,4\n", "the column 'age' 2 times"),
        (b"path\n\xff.png\n", r"not UTF-8 \(byte 5, line 2\)"),
        ('path,age\n"a.png,3\n', "line 2: not such a table"),
        ("path,age\nb.png,300\n", r"No usable photo in .*age out of range: 1 \(such as b.png\)"),
        ("path,age\n", "has no rows"),
    ],
)
def test_a_table_that_cannot_be_used_is_an_error(write_table, text, message):
    with pytest.raises(DatasetError, match=message) as caught:
        read(write_table(text))
    assert "labels.csv" in str(caught.value)


def test_a_folder_is_no_table(tmp_path):
    with pytest.raises(DatasetError, match="Name a file that is there"):
        read(tmp_path)


def test_a_table_has_a_largest_size(write_table, monkeypatch):
    monkeypatch.setattr(delimited, "MAX_TABLE_BYTES", 10)
    with pytest.raises(DatasetError, match="Larger than 10 bytes"):
        read(write_table("path,gender\na.png,f\n"))


genders = st.text(max_size=4).filter(lambda text: not re.match(r"\s*[\dhH]", text))


@settings(
    deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(rows=st.lists(st.tuples(st.text(max_size=4), genders), max_size=8))
def test_whatever_the_rows_every_one_that_is_not_blank_is_counted(write_table, rows):
    import csv
    import io

    buffer = io.StringIO()
    csv.writer(buffer).writerows([("path", "gender"), ("a.png", "f"), *rows])
    manifest = read(write_table(buffer.getvalue().encode("utf-8", "replace")))
    assert names(manifest) == ["a.png"]
    assert manifest.found == 1 + sum(bool("".join(row).strip()) for row in rows)
