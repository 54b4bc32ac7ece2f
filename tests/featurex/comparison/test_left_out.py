import pytest

from featurex.comparison.left_out import left_out


@pytest.mark.parametrize("dropped", [{}, {"duplicate": 0}, {"not in the sample": 3}])
def test_nothing_is_said_where_no_reader_dropped_anything(dropped):
    assert left_out(dropped) == ""


def test_reasons_are_counted_the_most_common_first():
    said = left_out({"duplicate": 7, "conflicting labels": 46})
    assert said == "; left out before: 53 (conflicting labels: 46, duplicate: 7)"


def test_rare_reasons_share_a_count():
    said = left_out({str(n): n for n in range(1, 8)})
    assert said == "; left out before: 28 (7: 7, 6: 6, 5: 5, 4: 4, other reasons: 6)"
