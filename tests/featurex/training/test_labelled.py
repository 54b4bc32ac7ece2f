import numpy as np
import pytest

from featurex.networks import get_network
from featurex.training.labelled import heads_and_codes, make_head, validation_split
from featurex.training.settings import TrainingSettings

KIND = get_network("finetuned")
NEEDED, ALL = TrainingSettings(), TrainingSettings(side_tasks="all")
YEARS = np.arange(40.0)
GENDERS = np.array(["female", "male"])[np.arange(40) % 2]
LABELS = {"age": YEARS, "gender": GENDERS.astype(object)}


def learnt(asked, settings, labels=None):
    labels = labels or LABELS
    classes = () if asked == "age" else ("female", "male")
    head = make_head(asked, classes, KIND, settings)
    side = {name: values for name, values in labels.items() if name != asked}
    return head, *heads_and_codes(head, labels[asked], side, KIND, settings)


def split(asked, settings, labels=None):
    head, heads, codes = learnt(asked, settings, labels)
    return validation_split(heads, head, codes, None, settings, 0)


def test_what_is_asked_for_comes_first_and_alone_unless_all_is_learnt():
    assert [head.name for head in learnt("gender", NEEDED)[1]] == ["gender"]
    for asked in ("age", "gender"):
        assert [head.name for head in learnt(asked, ALL)[1]] == ["age", "gender"]


def test_whichever_is_asked_for_heads_codes_and_split_are_the_same():
    (_, heads, codes), (_, others, other_codes) = (learnt(name, ALL) for name in LABELS)
    assert heads == others
    for name in LABELS:
        np.testing.assert_array_equal(codes[name], other_codes[name])
        assert codes[name].dtype == other_codes[name].dtype
    for one, other in zip(split("age", ALL), split("gender", ALL), strict=True):
        np.testing.assert_array_equal(one, other)


def test_an_age_learnt_beside_is_answered_as_the_settings_say():
    settings = TrainingSettings(side_tasks="all", age_answer="median")
    assert learnt("gender", settings)[1][0].answer == "median"


@pytest.mark.parametrize("asked", ["age", "gender"])
def test_classes_are_balanced_in_the_split(asked):
    _, valid = split(asked, ALL)
    assert len(valid) == 5
    assert np.bincount(np.arange(40)[valid] % 2).min() == 2


def test_a_class_of_one_person_stops_only_who_asks_for_it():
    rare = LABELS | {"gender": np.where(YEARS == 3, "male", "female").astype(object)}
    assert len(split("age", ALL, rare)[1]) == 5
    with pytest.raises(ValueError, match="'male' has only one subject"):
        split("gender", ALL, rare)


def test_a_class_of_few_people_makes_the_validation_no_larger():
    rare = LABELS | {"gender": np.where(YEARS < 2, "male", "female").astype(object)}
    assert len(split("gender", NEEDED, rare)[1]) == 5


def test_a_class_that_some_rows_lack_is_not_what_the_split_is_balanced_by():
    some = LABELS | {"gender": np.where(YEARS < 10, None, LABELS["gender"])}
    assert len(split("age", ALL, some)[1]) == 5


@pytest.mark.parametrize(
    ("asked", "labelled", "learnt"),
    [
        ("gender", ["age", "age-group", "race"], ["age", "gender"]),
        ("age", ["gender", "age-group"], ["age", "gender"]),
        ("gender", ["age-group"], ["age-group", "gender"]),
        ("age-group", ["gender"], ["age-group", "gender"]),
        ("age-group", ["gender", "age"], ["age", "age-group", "gender"]),
        ("age", ["age-group"], ["age"]),
        ("race", ["gender"], ["gender", "race"]),
        ("gender", [], ["gender"]),
    ],
)
def test_years_are_learnt_beside_or_else_age_groups(asked, labelled, learnt):
    assert sorted(KIND.learns(asked, labelled, everything=True)) == learnt
    assert KIND.learns(asked, labelled, everything=False) == (asked,)


def test_multitask_learns_its_own_heads_and_where_all_is_learnt_years():
    kind, labelled = get_network("multitask"), ["age", "age-group", "race"]
    assert kind.learns("gender", labelled, everything=False) == ("gender", "age-group", "race")
    assert kind.learns("gender", labelled, everything=True)[-1] == "age"
