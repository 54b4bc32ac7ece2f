import numpy as np
import pytest

from pipelines.audit.label_issues import label_issues, out_of_fold_probabilities

CLASSES = np.array(["a", "b", "c"])


@pytest.fixture
def flipped(rng):
    """Three well separated classes of 100, and the 15 rows whose label was changed."""
    truth = np.repeat(CLASSES, 100)
    X = rng.normal(size=(300, 10))
    X[np.arange(300), np.repeat([0, 1, 2], 100)] += 5
    rows = rng.choice(300, 15, replace=False)
    y = truth.copy()
    y[rows] = CLASSES[(np.searchsorted(CLASSES, truth[rows]) + rng.integers(1, 3, 15)) % 3]
    return X, y, truth, set(rows.tolist())


def test_planted_wrong_labels_are_found(flipped):
    X, y, truth, rows = flipped
    probabilities, classes = out_of_fold_probabilities(X, y)
    issues = label_issues(y, probabilities, classes)
    found = set(issues["row"])
    assert len(found & rows) >= 12  # the mean is a high bar: some true ones stay below it
    assert len(found - rows) <= 2
    right = issues[issues["row"].isin(rows)]
    assert (right["suggested"].to_numpy() == truth[right["row"]]).all()
    assert (right["given"].to_numpy() == y[right["row"]]).all()
    assert issues["p_given"].is_monotonic_increasing


def test_a_worked_example():
    """Thresholds are 0.6 (a: (0.9 + 0.7 + 0.2) / 3) and 0.7 (b: (0.8 + 0.6) / 2)."""
    y = np.array(["a", "a", "a", "b", "b"])
    p_a = np.array([0.9, 0.7, 0.2, 0.2, 0.4])
    issues = label_issues(y, np.column_stack([p_a, 1 - p_a]), np.array(["a", "b"]))
    assert issues.values.tolist() == [[2, "a", "b", 0.2, 0.8]]


def test_cleanlab_finds_the_same():
    """What `find_label_issues(y, p, filter_by="confident_learning")` of cleanlab 2.9.0 returned."""
    rng = np.random.default_rng(7)
    truth = rng.integers(0, 4, 120)
    scores = rng.normal(size=(120, 4))
    scores[np.arange(120), truth] += 2.5
    y = np.where(rng.random(120) < 0.15, rng.integers(0, 4, 120), truth)
    p = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    found = label_issues(y, p, np.arange(4))["row"]
    assert sorted(found) == [3, 32, 53, 54, 77, 79, 82, 109]


def test_a_row_that_is_confident_in_no_class_is_none():
    """0.55 for b is more than for a, but less than what b's own rows have."""
    y = np.array(["a", "a", "b", "b"])
    p_a = np.array([0.9, 0.45, 0.1, 0.2])
    assert label_issues(y, np.column_stack([p_a, 1 - p_a]), np.array(["a", "b"])).empty


def test_a_person_is_not_on_both_sides(rng):
    """Two photos each of 60 people: a feature that only says who it is teaches nothing."""
    who = np.repeat(np.arange(60), 2)
    X = np.eye(60)[who]
    y = np.array(["a", "b"])[rng.permutation(60) % 2][who]

    def accuracy(groups):
        probabilities, classes = out_of_fold_probabilities(X, y, groups)
        return (classes[probabilities.argmax(axis=1)] == y).mean()

    assert accuracy(None) > 0.7
    assert accuracy(who.tolist()) < 0.6


@pytest.mark.parametrize(
    ("y", "classes", "message"),
    [
        (["a", "z"], ["a", "b"], r"Without a class: \['z'\]; without a row: \['b'\]"),
        (["a", "a"], ["a", "b"], r"without a row: \['b'\]"),
    ],
)
def test_labels_and_classes_must_agree(y, classes, message):
    with pytest.raises(ValueError, match=message):
        label_issues(np.array(y), np.full((2, 2), 0.5), np.array(classes))


def test_one_class_cannot_be_checked():
    with pytest.raises(ValueError, match="among two classes or more"):
        out_of_fold_probabilities(np.zeros((4, 2)), np.array(["a"] * 4))
