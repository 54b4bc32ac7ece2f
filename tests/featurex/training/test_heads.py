import numpy as np
import pytest
import torch
from sklearn.utils.class_weight import compute_class_weight
from torch.nn import functional as F

from featurex.training.heads import MISSING, Head, label_distributions, medians

GENDER, AGE = Head("gender", ("female", "male")), Head("age")


def test_outputs_are_classes_or_years():
    assert (GENDER.n_outputs, AGE.n_outputs) == (2, 101)


@pytest.mark.parametrize(
    "arguments", [("gender", ()), ("gender", ("female",)), ("age", ("0-2", "4-6"))]
)
def test_a_head_without_classes_is_the_age_and_no_other(arguments):
    with pytest.raises(ValueError, match=arguments[0]):
        Head(*arguments)


def test_another_answer_for_an_age_is_an_error():
    with pytest.raises(ValueError, match=r"mean.*median.*Got 'mode'"):
        Head("age", answer="mode")


def test_half_of_what_is_drawn_lies_below_the_median(rng):
    distributions = rng.dirichlet(np.full(101, 0.05), 5)
    found = medians(torch.from_numpy(distributions)).tolist()
    for distribution, median in zip(distributions, found, strict=True):
        years = rng.choice(101, 100_000, p=distribution) + rng.uniform(-0.5, 0.5, 100_000)
        assert np.mean(years < median) == pytest.approx(0.5, abs=0.01)


def test_the_median_of_one_year_is_that_year():
    sure = torch.eye(101, dtype=torch.float64)
    torch.testing.assert_close(medians(sure)[1:-1], torch.arange(1.0, 100, dtype=torch.float64))
    assert medians(sure)[[0, -1]].tolist() == [0, 100]
    symmetric = label_distributions(torch.tensor([40.0, 61.0]), 8)
    torch.testing.assert_close(medians(symmetric), torch.tensor([40.0, 61.0]))


def test_the_median_errs_less_than_the_mean_where_the_distribution_is_true(rng):
    rows = rng.dirichlet(np.full(101, 0.2), 50)
    distributions, years = torch.from_numpy(rows), np.arange(101)
    mean, median = (Head("age", answer=a).years(distributions).numpy() for a in ("mean", "median"))
    errors = [(rows * np.abs(years - answer[:, None])).sum(1).mean() for answer in (mean, median)]
    assert errors[1] < errors[0]


def test_labels_become_numbers_and_missing_ones_are_marked():
    codes = GENDER.encode(np.array(["male", None, "female", np.nan], object))
    assert (codes.tolist(), codes.dtype) == ([1, MISSING, 0, MISSING], np.int64)
    years = AGE.encode([3, None, 116.0, np.nan])
    assert years.dtype == np.float32
    np.testing.assert_array_equal(years, np.float32([3, np.nan, 100, np.nan]))


def test_an_unknown_label_is_an_error_with_its_row():
    with pytest.raises(ValueError, match="'child' at row 1 is no class of 'gender'"):
        GENDER.encode(["male", "child"])


@pytest.mark.parametrize("age", [-1.0, np.inf])
def test_years_that_are_none_are_an_error(age):
    with pytest.raises(ValueError, match="finite and non-negative"):
        AGE.encode([20.0, age])


def test_ages_are_distributions_around_them():
    weights = label_distributions(torch.tensor([0.0, 40.5, 100.0, torch.nan]))
    torch.testing.assert_close(weights.sum(1), torch.tensor([1.0, 1, 1, 0]))
    assert weights[1, 40] == weights[1, 41] == weights[1].max()
    assert weights.argmax(1)[[0, 2]].tolist() == [0, 100]
    mean = weights[1] @ torch.arange(101.0)
    assert mean.item() == pytest.approx(40.5, abs=1e-3)


@pytest.mark.parametrize("head", [GENDER, AGE])
def test_rows_without_a_label_change_neither_loss_nor_gradient(head):
    torch.manual_seed(0)
    labels = [["female", "male"], [30.0, 60.0]][head is AGE]
    logits = torch.randn(4, head.n_outputs, requires_grad=True)
    codes = torch.from_numpy(head.encode([labels[0], None, labels[1], None]))
    loss = head.loss(logits, codes)
    loss.backward()
    alone = head.loss(logits.detach()[[0, 2]], codes[[0, 2]])
    torch.testing.assert_close(loss.detach(), alone)
    assert logits.grad[[1, 3]].abs().sum() == 0
    assert logits.grad[[0, 2]].abs().min() > 0


@pytest.mark.parametrize("head", [GENDER, AGE])
def test_a_batch_without_labels_has_no_loss_and_a_graph(head):
    logits = torch.randn(3, head.n_outputs, requires_grad=True)
    loss = head.loss(logits, torch.from_numpy(head.encode([None] * 3)))
    loss.backward()
    assert loss.item() == 0
    assert logits.grad.abs().sum() == 0


def test_balanced_weights_are_scikit_learns():
    y = np.array(["male"] * 6 + ["female"] * 2)
    codes = np.append(GENDER.encode(y), MISSING)
    expected = compute_class_weight("balanced", classes=np.array(["female", "male"]), y=y)
    np.testing.assert_allclose(GENDER.balanced_weights(codes), expected)
    absent = Head("g", ("a", "b", "c")).balanced_weights(np.array([0, 0, 1]))
    assert absent[2] == 0


def test_rows_of_a_class_without_weight_have_no_loss():
    weights = torch.tensor([1.0, 0.0])
    assert GENDER.loss(torch.randn(2, 2), torch.tensor([1, 1]), weights) == 0
    logits = torch.full((2, 2), torch.nan)
    assert GENDER.loss(logits, torch.tensor([1, 0]), weights).isnan()


def test_weighted_loss_is_torchs():
    logits, codes = torch.randn(5, 2), torch.tensor([0, 1, 1, 0, 1])
    weights = torch.tensor([3.0, 1.0])
    expected = F.cross_entropy(logits, codes, weights)
    torch.testing.assert_close(GENDER.loss(logits, codes, weights), expected)


def test_scores_are_hits_or_years():
    logits = torch.tensor([[2.0, 1.0], [0.0, 1.0], [5.0, 0.0]])
    assert GENDER.scores(logits, torch.tensor([0, 0, MISSING])).tolist() == [1, 0]
    sure = torch.full((2, 101), -100.0)
    sure[0, 30], sure[1, 50] = 100, 100
    for head in (AGE, Head("age", answer="median")):
        errors = head.scores(sure, torch.tensor([33.5, torch.nan]))
        assert errors.tolist() == pytest.approx([3.5])
