import numpy as np
import pandas as pd
import pytest

from featurex.audit import match_rates as module
from featurex.audit.match_rates import OTHER_GENDER, OTHER_SUBJECT, match_rates

RADII = [0.5, 1.0, 3.0]


def table(n, subjects=None, gender=None):
    none = pd.Series([None] * n, dtype=object)
    return pd.DataFrame(
        {
            "subject_id": none if subjects is None else pd.Series(subjects, dtype=object),
            "gender": pd.Categorical(none if gender is None else gender, ["female", "male"]),
        }
    )


def counted(X, apart):
    """Count, for each radius, all pairs and those that are apart."""
    i, j = np.triu_indices(len(X), 1)
    distance = np.sqrt(((X[i] - X[j]) ** 2).sum(1))
    return [(int((distance <= r).sum()), int(((distance <= r) & apart[i, j]).sum())) for r in RADII]


def test_people_are_told_apart_by_their_subjects(rng):
    X, subjects = rng.normal(size=(40, 3)), rng.integers(0, 8, 40).astype(str)
    apart = subjects[:, None] != subjects
    rates = match_rates(X, table(40, subjects, ["male"] * 40), RADII)
    assert list(zip(rates["pairs"], rates["different"], strict=True)) == counted(X, apart)
    assert (rates["compared"] == apart.sum() // 2).all()
    assert rates["rate"].tolist() == pytest.approx((2 * rates["different"] / apart.sum()).tolist())
    assert rates["expected_false"].tolist() == pytest.approx((rates["rate"] * 780).tolist())
    assert set(rates["basis"]) == {OTHER_SUBJECT}


def test_photos_of_nobody_known_are_not_compared(rng):
    X, subjects = rng.normal(size=(40, 3)), rng.integers(0, 8, 40).astype(str).astype(object)
    subjects[::3] = None
    known = np.array([subject is not None for subject in subjects])
    apart = (subjects[:, None] != subjects) & known[:, None] & known
    rates = match_rates(X, table(40, subjects), RADII)
    assert list(zip(rates["pairs"], rates["different"], strict=True)) == counted(X, apart)


def test_else_by_their_gender(rng):
    X, gender = rng.normal(size=(40, 3)), np.array(["female", "male", "male", None] * 10)
    apart = (gender[:, None] != gender) & (gender != None) & (gender != None)[:, None]  # noqa: E711
    rates = match_rates(X, table(40, gender=gender), RADII)
    assert list(zip(rates["pairs"], rates["different"], strict=True)) == counted(X, apart)
    assert (rates["compared"] == 200).all()
    assert set(rates["basis"]) == {OTHER_GENDER}


def test_else_not_at_all(rng):
    rates = match_rates(rng.normal(size=(10, 3)), table(10, gender=["male"] * 10), RADII)
    assert rates["rate"].isna().all()
    assert (rates["compared"] == 0).all()
    assert set(rates["basis"]) == {""}


@pytest.mark.parametrize("gender", [None, ["female", "male"] * 20])
def test_distances_may_be_relative(rng, gender):
    X, scale = rng.normal(size=(40, 3)), np.full(40, 2.0)
    subjects = None if gender else rng.integers(0, 8, 40).astype(str)
    relative = match_rates(X, table(40, subjects, gender), RADII, scale)
    plain = match_rates(X, table(40, subjects, gender), [2 * radius for radius in RADII])
    assert relative["different"].sum() > 0
    columns = ["pairs", "different", "compared", "rate", "expected_false", "basis"]
    pd.testing.assert_frame_equal(relative[columns], plain[columns])


def test_of_many_rows_a_sample_is_compared(rng, monkeypatch):
    monkeypatch.setattr(module, "MOST_ROWS", 20)
    X = rng.normal(size=(50, 3))
    subjects = [str(number) for number in range(50)]
    rates = match_rates(X, table(50, subjects), RADII, seed=1)
    assert (rates["compared"] == 190).all()
    again = match_rates(X, table(50, subjects), RADII, seed=1)
    pd.testing.assert_frame_equal(rates, again)
