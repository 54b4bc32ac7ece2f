import math

import pytest

from featurex.comparison.outside_file import PredictionFile
from featurex.exceptions import DatasetError
from featurex.tasks import AGE, AGE_GROUP, GENDER, GENDER_3
from pipelines import PredictionTableError, Task


@pytest.fixture
def write(tmp_path):
    """Return a function that writes lines into a file of predictions."""

    def write(*lines):
        path = tmp_path / "theirs.csv"
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return path

    return write


def answers(path, *tasks):
    return [line.answers for line in PredictionFile(path, tasks).lines()]


def test_a_label_a_probability_and_years_are_read(write):
    path = write("Path,Gender,p_female,p_male,AGE", "a.jpg,F,0.75,0.25,3.05e1")
    found = answers(path, GENDER, AGE)[0]
    assert (found["gender"].y_pred, found["gender"].probabilities) == ("female", (0.75, 0.25))
    assert found["age"].years == 30.5


def test_numbers_may_have_decimal_commas_where_semicolons_separate(write):
    path = write('"";"path";"age";"p_female";"p_male"', '"1";"a.jpg";3,05e+01;0,75;0,25')
    found = answers(path, GENDER, AGE)[0]
    assert found["gender"].probabilities == (0.75, 0.25)
    assert found["age"].years == 30.5


def test_probabilities_of_age_groups_may_be_named_as_r_does(write):
    path = write('"path","p_0.2","p_25.32","p_60."', '"a.jpg",0.25,0.5,0.25')
    found = answers(path, AGE_GROUP)[0]["age-group"].probabilities
    named = {c: p for c, p in zip(AGE_GROUP.classes, found, strict=True) if p}
    assert named == {"0-2": 0.25, "25-32": 0.5, "60+": 0.25}


def test_numbers_in_the_columns_of_r_may_have_decimal_commas(write):
    path = write('"path";"p_4.6";"p_60."', '"a.jpg";0,75;0,25')
    assert max(answers(path, AGE_GROUP)[0]["age-group"].probabilities) == 0.75


def test_races_that_r_would_call_the_same_are_no_ones(write):
    race = Task("race", ("A B", "A-B", "C D"))
    path = write("path,p_A.B,p_C.D", "a.jpg,0.5,1")
    assert answers(path, race)[0]["race"].probabilities == (0, 0, 1)


def test_a_column_in_both_spellings_is_refused(write):
    path = write("path,p_25-32,p_25.32", "a.jpg,1,1")
    with pytest.raises(PredictionTableError, match=r"'p_25-32' and 'p_25\.32', which is how"):
        answers(path, AGE_GROUP)


@pytest.mark.parametrize(
    ("header", "line", "reason"),
    [
        ("path,age", 'b.jpg,"23,5"', "line 3: the age '23,5' has a decimal comma, but commas"),
        ("path,age", "b.jpg,23,5", "line 3: 3 fields, but 2 columns"),
        ("path,p_female,p_male", 'b.jpg,"0,125","0,875"', "line 3: the p_female '0,125' has"),
    ],
)
def test_a_decimal_comma_is_refused_where_commas_separate(write, header, line, reason):
    path = write(header, "a.jpg" + ",1" * header.count(","), line)
    with pytest.raises(DatasetError) as error:
        answers(path, GENDER, AGE)
    assert f"{path}, {reason}" in str(error.value)


def test_a_word_for_a_missing_answer_is_none(write):
    path = write("path,gender,age,p_female,p_male", "a.jpg,NA,7,NA,NA", "b.jpg,m,None,NA,")
    assert [sorted(found) for found in answers(path, GENDER, AGE)] == [["age"], ["gender"]]


def test_a_line_without_a_single_field_is_none(write):
    assert len(answers(write("path,age", "a.jpg,3", ",", " "), AGE)) == 1


def test_an_empty_field_is_no_answer(write):
    path = write("path,gender,age", "a.jpg,,7", "b.jpg,male,", "c.jpg,,")
    assert [sorted(found) for found in answers(path, GENDER, AGE)] == [["age"], ["gender"], []]


@pytest.mark.parametrize(
    ("years", "group"), [("35", "25-32"), ("-0.4", "0-2"), ("6.9", "4-6"), ("99", "60+")]
)
def test_years_are_the_nearest_group_where_a_file_has_none(write, years, group):
    answer = answers(write("path,age", f"a.jpg,{years}"), AGE_GROUP)[0]["age-group"]
    assert (answer.y_pred, answer.years) == (group, float(years))


def test_a_file_with_groups_is_not_asked_for_years(write):
    found = answers(write("path,age,age_group", "a.jpg,35,", "b.jpg,,25–32"), AGE_GROUP)
    assert found[0] == {}
    assert (found[1]["age-group"].y_pred, found[1]["age-group"].years) == ("25-32", 28.5)


def test_groups_with_probabilities_have_their_expected_age(write):
    found = answers(write("path,p_4-6,p_8-13", "a.jpg,0.5,0.5"), AGE_GROUP)[0]["age-group"]
    assert found.y_pred is None
    assert found.years == 0.5 * 5 + 0.5 * 10.5
    assert found.probabilities == (0, 0.5, 0.5, 0, 0, 0, 0, 0)


def test_undefined_is_an_answer_only_where_it_is_a_class(write):
    found = answers(write("path,gender", "a.jpg,undefined"), GENDER, GENDER_3)[0]
    assert list(found) == ["gender-3"]


def test_gender_has_no_years(write):
    assert math.isnan(answers(write("path,gender,age", "a.jpg,f,3"), GENDER)[0]["gender"].years)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("a.jpg,nan,,,", "age is 'nan', no finite number"),
        ("a.jpg,1e999,,,", "no age in years"),
        ("a.jpg,1985,,,", "age '1985' is no age in years"),
        ("a.jpg,1_0,,,", "age is '1_0', no finite number"),
        ("a.jpg,,woman,,", "unknown gender 'woman'; an answer is one of female, male, or empty"),
        ("a.jpg,,,94.7,5.3", "p_female is '94.7', not in [0, 1]"),
        ("a.jpg,,,0.6,0.3", "(p_female, p_male) sum to 0.9, not to 1"),
        ("a.jpg,,,0.6,", "p_male is empty"),
        ("a.jpg,,male,0.9,0.1", "says 'male', but 'female' is more probable"),
        (",1,,,", "no image_id and no path"),
        ("a.jpg,1", "wrong number of fields"),
        ("a.jpg,1,,,,,", "wrong number of fields"),
    ],
)
def test_what_is_no_answer_is_an_error_of_its_line(write, line, reason):
    path = write("path,age,gender,p_female,p_male", "b.jpg,1,f,,", line)
    with pytest.raises(PredictionTableError) as error:
        answers(path, GENDER, AGE)
    assert f"{path}, line 3: " in str(error.value)
    assert reason in str(error.value)


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ((), "no line below its header"),
        (("path,gender",), "no line below its header"),
        (("file,gender", "a.jpg,f"), "no column 'path' or 'image_id'. It has: file, gender"),
        (("path,sex", "a.jpg,f"), "no column for the tasks that are compared: gender"),
    ],
)
def test_a_file_that_can_not_be_used_is_an_error(write, lines, reason):
    with pytest.raises(PredictionTableError, match=reason):
        PredictionFile(write(*lines), [GENDER])
