"""One table, as every program writes it, and what can be read in two ways."""

import pytest

from featurex.datasets.cleaning import Dropped
from featurex.datasets.delimited import read_records
from featurex.datasets.dialect import column_name
from featurex.exceptions import DatasetError

ROWS = [{"path": "Jürgen.png", "age": "23.5"}, {"path": "b.png", "age": "30"}]


@pytest.fixture
def read(tmp_path):
    """Return a function that writes a table and reads its path and age."""

    def read(text, encoding="utf-8"):
        path = tmp_path / "table.csv"
        path.write_bytes(text if isinstance(text, bytes) else text.encode(encoding))
        dropped = Dropped()
        records = list(read_records(path, dropped, required=["path"], numbers=["age"]))
        assert dropped.counts == {}
        return [{"path": row["path"], "age": row["age"]} for _, row in records]

    return read


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize(("separator", "mark"), [(",", "."), (";", ","), (";", "."), ("\t", ",")])
def test_the_encoding_the_separator_and_the_decimal_mark_are_told(
    read, encoding, end, separator, mark
):
    lines = [f"path{separator}age", f"Jürgen.png{separator}23{mark}5", f"b.png{separator}30", ""]
    assert read(end.join(lines), encoding) == ROWS


@pytest.mark.parametrize(
    "text",
    [
        " Path , AGE \nJürgen.png,23.5\nb.png,30\n",
        '"path","age"\n"Jürgen.png","23.5"\n"b.png","30"\n',
        '"","path","age"\n"1","Jürgen.png",23.5\n"2","b.png",30\n',
        ",path,age\n0,Jürgen.png,23.5\n1,b.png,30\n",
        '"path";"age";"a, b"\n"Jürgen.png";23,5;x\n"b.png";30;x\n',
        'path,age,"a;b"\nJürgen.png,23.5,x\nb.png,30,x\n',
        "path\tage\t\nJürgen.png\t23.5\t\nb.png\t30\t\n",
        "path,age\n\nJürgen.png,23.5\n,\n  \nb.png,30\n,\n\n",
    ],
)
def test_quotes_row_numbers_case_spaces_and_blank_rows_change_nothing(read, text):
    assert read(text) == ROWS


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('path,age\na.png,"23,5"\n', "line 2: the age '23,5' has a decimal comma, but commas"),
        ("path,age\na.png,30\nb.png,23,5\n", "line 3: 3 fields, but 2 columns"),
        ("path,age,\nb.png,30,\na.png,23,5\n", "line 3: '5' in column 3, which has no name"),
        ("path;age\na.png;23,5\nb.png;7.300\n", "line 3: the age '7.300' has a decimal point, but"),
        ("path\tage\na.png\t2.5\nb.png\t2,5\n", "line 3: the age '2,5' has a decimal comma, but"),
        ('"path","age"\n"1","a.png",23\n', "line 2: 3 fields, but 2 columns"),
        ("path;age\tsize\na.png;3\t4\n", "line 1: has semicolons and tabs"),
        ("path;a, b;age\na.png;x;3\n", r"no column 'path'.*path;a, b;age \(between commas\)"),
        ("path|age\na.png|3\n", r"no column 'path'. Found the columns: path\|age"),
        ('"path" "age"\n"a.png" 3\n', "line 1: not such a table .* Separate its columns by commas"),
        ("path,age,AGE\na.png,3,4\n", "the column 'age' 2 times"),
        ("path,age group,age_group\na.png,,\n", "the column 'age_group' 2 times"),
    ],
)
def test_what_can_be_read_in_two_ways_is_refused(read, text, message):
    with pytest.raises(DatasetError, match=f"table.csv.*{message}"):
        read(text)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("path,age\nb.png,1\nJürgen.png,2\n".encode("cp1252"), r"UTF-8 \(byte 18, line 3\)"),
        ("path,age\nb.png,1\n".encode("utf-16-le"), r"UTF-8 \(a zero byte in line 1\)"),
        ("path,age\nb.png,1\n".encode("utf-32"), r"UTF-8 \(a zero byte in line 1\)"),
        ("path,age\nb.png,1\n".encode("utf-16")[:-1], "UTF-16"),
        (b"PK\x03\x04\x14\x00\x06\x00\xff\xfe", r"UTF-8 "),
    ],
)
def test_another_encoding_is_refused(read, data, message):
    with pytest.raises(DatasetError, match=f"table.csv is not {message}.*'CSV UTF-8'"):
        read(data)


@pytest.mark.parametrize("text", ["1.234,5", "1,234.5", "23,", ","])
def test_what_is_no_number_is_left_for_the_reader_to_refuse(read, text):
    assert read(f"path;age\na.png;{text}\n")[0]["age"] in {text, text.replace(",", ".")}


@pytest.mark.parametrize(
    ("text", "name"),
    [("Subject ID", "subject_id"), ("age.group", "age_group"), ("age-group", "age_group")],
)
def test_a_column_may_be_named_with_another_mark_between_its_words(text, name):
    assert column_name(text) == name


def test_the_class_of_a_probability_keeps_its_name():
    assert column_name(" P_East Asian") == "p_east asian"
    assert column_name("p_25-32") == "p_25-32"
