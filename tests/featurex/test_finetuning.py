import json

import numpy as np
import pytest
import torch
from sklearn.base import clone
from torch.nn import functional as F

from featurex import finetuning
from featurex.chips import ChipRows
from featurex.exceptions import DeviceError, ModelError
from featurex.finetuning import FineTunedClassifier, FineTunedRegressor, restore
from featurex.networks.finetuned import HEAD_C, MAX_SHIFT, FineTunedNetwork, augment

# Rates for a trunk that was never trained, not those for a good one.
SMALL = {
    "max_epochs": 8,
    "batch_size": 16,
    "learning_rate": 1e-2,
    "head_learning_rate": 1e-1,
    "device": "cpu",
}


@pytest.fixture(scope="module")
def gender(colours):
    return np.array(["female", "male"])[colours[2]]


@pytest.fixture(scope="module")
def years(colours):
    return np.array([5.0, 28.0, 70.0])[colours[3]]


@pytest.fixture(scope="module")
def classifier(tiny, colours, gender):
    chips, subject, _, _ = colours
    return FineTunedClassifier("tiny", **SMALL).fit(chips, gender, groups=subject)


@pytest.fixture(scope="module")
def regressor(tiny, colours, years):
    chips, subject, _, _ = colours
    longer = SMALL | {"max_epochs": 20}
    return FineTunedRegressor("tiny", **longer).fit(chips, years, groups=subject)


@pytest.fixture(scope="module")
def strangers(paint):
    return paint(24, seed=1)


def test_a_planted_rule_is_learnt(classifier, strangers):
    chips, _, male, _ = strangers
    assert np.mean((classifier.predict(chips) == "male") == male) > 0.95
    assert classifier.best_score_ > 0.9


def test_shuffled_labels_are_not(tiny, colours, gender, strangers):
    """A leak of the labels, or of the validation rows, would show as a score here."""
    chips, subject, _, _ = colours
    of_person = np.random.default_rng(0).permutation(24) % 2
    shuffled = np.array(["female", "male"])[of_person[subject]]
    model = FineTunedClassifier("tiny", **SMALL).fit(chips, shuffled, groups=subject)
    strange = (np.random.default_rng(1).permutation(24) % 2)[strangers[1]]
    assert 0.2 < np.mean((model.predict(strangers[0]) == "male") == strange) < 0.8


def test_training_moves_the_trunk_too(classifier, tiny):
    before = tiny.build().state_dict()
    after = classifier.network_.trunk.state_dict()
    assert all(not torch.equal(before[name], after[name]) for name in before)


def test_probabilities_sum_to_one_and_agree_with_the_prediction(classifier, strangers):
    probabilities = classifier.predict_proba(strangers[0])
    assert probabilities.shape == (72, 2)
    assert probabilities.dtype == np.float64
    np.testing.assert_allclose(probabilities.sum(1), 1, atol=1e-9)
    chosen = classifier.classes_[probabilities.argmax(1)]
    np.testing.assert_array_equal(chosen, classifier.predict(strangers[0]))


def test_classes_are_sorted(classifier):
    assert classifier.classes_.tolist() == ["female", "male"]


def test_a_chip_and_its_mirror_image_are_the_same_face(classifier, strangers):
    chips = strangers[0][:8]
    mirrored = np.ascontiguousarray(chips[:, :, ::-1])
    np.testing.assert_allclose(
        classifier.predict_proba(chips), classifier.predict_proba(mirrored), atol=1e-5
    )


def test_the_batch_size_does_not_change_a_row(classifier, strangers):
    whole = classifier.predict_proba(strangers[0])
    by_five = clone(classifier).set_params(batch_size=5)
    by_five.__dict__ |= {k: v for k, v in vars(classifier).items() if k.endswith("_")}
    np.testing.assert_allclose(by_five.predict_proba(strangers[0]), whole, atol=1e-6)


def test_no_chips_give_no_predictions(classifier, strangers):
    assert classifier.predict_proba(strangers[0][:0]).shape == (0, 2)


def test_clone_keeps_the_parameters_and_drops_the_training(classifier):
    again = clone(classifier)
    assert again.get_params() == classifier.get_params()
    assert not hasattr(again, "network_")


def test_the_same_seed_gives_the_same_predictions(classifier, tiny, colours, gender, strangers):
    again = clone(classifier).fit(colours[0], gender, groups=colours[1])
    other = clone(classifier).set_params(random_state=1).fit(colours[0], gender, groups=colours[1])
    first, second, third = (
        model.predict_proba(strangers[0]) for model in (classifier, again, other)
    )
    np.testing.assert_array_equal(first, second)
    assert np.abs(first - third).max() > 1e-6


def test_a_fit_leaves_the_callers_random_numbers_alone(tiny, colours, gender):
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    FineTunedClassifier("tiny", **SMALL | {"max_epochs": 1}).fit(colours[0], gender)
    assert torch.equal(torch.rand(3), expected)


def test_chips_in_the_cache_are_as_good_as_an_array(colour_faces, tiny):
    rows = colour_faces.features("finetuned", np.arange(70))
    y = colour_faces.table["gender"].to_numpy(str)
    groups = colour_faces.groups
    model = FineTunedClassifier("tiny", **SMALL)
    array = rows.read(np.arange(70))
    assert isinstance(rows, ChipRows)
    np.testing.assert_array_equal(
        clone(model).fit(rows, y, groups).predict_proba(rows),
        clone(model).fit(array, y, groups).predict_proba(array),
    )


def test_no_subject_is_both_trained_and_validated_on(tiny, colours, gender, years, monkeypatch):
    chips, subject, _, _ = colours
    seen = []
    real = finetuning.ChipDataset

    def spy(X, targets, rows):
        seen.append(rows)
        return real(X, targets, rows)

    monkeypatch.setattr(finetuning, "ChipDataset", spy)
    once = SMALL | {"max_epochs": 1}
    for seed in range(3):
        FineTunedClassifier("tiny", random_state=seed, **once).fit(chips, gender, groups=subject)
        FineTunedRegressor("tiny", random_state=seed, **once).fit(chips, years, groups=subject)
    assert len(seen) == 12
    for valid, train in zip(seen[::2], seen[1::2], strict=True):
        assert not set(subject[valid]) & set(subject[train])
        assert sorted([*valid, *train]) == list(range(72))


def test_the_epochs_are_told_and_kept(tiny, colours, gender):
    told = []
    model = FineTunedClassifier("tiny", on_epoch=lambda *epoch: told.append(epoch), **SMALL)
    model.fit(colours[0], gender)
    assert [number for number, _ in told] == list(range(1, len(told) + 1))
    assert 1 < len(told) <= SMALL["max_epochs"]
    assert [epoch["valid_loss"] for epoch in model.history_] == [loss for _, loss in told]
    json.dumps(model.history_, allow_nan=False)


def test_ctrl_c_is_no_early_stop(tiny, colours, gender, monkeypatch):
    """skorch ends the training and goes on; the whole comparison must stop."""

    def interrupt(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(finetuning.NeuralNet, "train_step", interrupt)
    with pytest.raises(KeyboardInterrupt):
        FineTunedClassifier("tiny", **SMALL).fit(colours[0], gender)


def test_training_stops_early_and_keeps_the_best_epoch(tiny, colours, gender):
    options = SMALL | {"max_epochs": 30, "patience": 1, "learning_rate": 5.0}
    model = FineTunedClassifier("tiny", **options).fit(colours[0], gender, groups=colours[1])
    losses = [epoch["valid_loss"] for epoch in model.history_]
    assert len(losses) < 30
    _, valid = model._validation_split(gender, colours[1])
    with torch.inference_mode():
        logits = model.network_(torch.from_numpy(colours[0][valid]))
    targets = torch.from_numpy(colours[2][valid])
    assert F.cross_entropy(logits, targets).item() == pytest.approx(min(losses), rel=1e-3)


def test_the_regressor_learns_and_stays_within_a_life(regressor, strangers):
    chips, _, _, group = strangers
    predicted = regressor.predict(chips)
    assert ((predicted >= 0) & (predicted <= 100)).all()
    assert np.abs(predicted - np.array([5.0, 28.0, 70.0])[group]).mean() < 8
    assert -8 < regressor.best_score_ < 0


def test_ages_above_a_hundred_count_as_a_hundred():
    weights = finetuning._label_distributions(np.array([0.0, 40.5, 100.0, 116.0]))
    np.testing.assert_allclose(weights.sum(1), 1, rtol=1e-5)
    assert weights[1, 40] == weights[1, 41] == weights[1].max()
    assert (weights[2] == weights[3]).all()
    assert weights.argmax(1)[[0, 2]].tolist() == [0, 100]


@pytest.mark.parametrize("age", [-1.0, np.nan, np.inf])
def test_ages_that_are_none_are_an_error(age):
    with pytest.raises(ValueError, match="Ages must be finite and non-negative"):
        FineTunedRegressor("tiny").fit(np.zeros((2, 16, 16, 3), np.uint8), [20.0, age])


def test_one_class_is_an_error():
    with pytest.raises(ValueError, match=r"needs two classes. Got only \['male'\]"):
        FineTunedClassifier("tiny").fit(np.zeros((2, 16, 16, 3), np.uint8), ["male", "male"])


@pytest.mark.parametrize(
    "X",
    [
        np.zeros((4, 16, 16), np.uint8),
        np.zeros((4, 3, 16, 16), np.uint8),
        np.zeros((4, 17, 17, 3), np.uint8),
        np.zeros((4, 16, 16, 3), np.float32),
    ],
    ids=["grey", "channels first", "another size", "float"],
)
def test_what_is_no_chip_is_an_error(X, tiny, classifier):
    message = r"must be uint8 face chips of shape \(n, 16, 16, 3\)"
    with pytest.raises(ValueError, match=message):
        FineTunedClassifier("tiny", **SMALL).fit(X, ["a", "b", "a", "b"])
    with pytest.raises(ValueError, match=message):
        classifier.predict(X)


def test_lengths_that_differ_are_an_error(tiny):
    X = np.zeros((4, 16, 16, 3), np.uint8)
    with pytest.raises(ValueError, match="X has 4 rows and y has 2"):
        FineTunedClassifier("tiny", **SMALL).fit(X, ["a", "b"])
    with pytest.raises(ValueError, match="'groups' must have 4 rows"):
        FineTunedClassifier("tiny", **SMALL).fit(X, ["a", "b", "a", "b"], groups=[1, 2])


def test_one_subject_can_not_be_validated_on(tiny):
    X = np.zeros((4, 16, 16, 3), np.uint8)
    with pytest.raises(ValueError, match="one subject"):
        FineTunedClassifier("tiny", **SMALL).fit(X, ["a", "b", "a", "b"], groups=[1, 1, 1, 1])
    with pytest.raises(ValueError, match="two subjects or more"):
        FineTunedRegressor("tiny", **SMALL).fit(X, [1.0, 2.0, 3.0, 4.0], groups=[1, 1, 1, 1])


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_missing_gpu_is_an_error(tiny, colours, gender):
    with pytest.raises(DeviceError):
        FineTunedClassifier("tiny", device="cuda").fit(colours[0], gender)


def test_too_little_memory_says_what_to_try(tiny, colours, gender, monkeypatch):
    def exhausted(*args, **kwargs):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(finetuning.NeuralNet, "train_step", exhausted)
    with pytest.raises(ModelError, match="too small for batches of 16: try batches of 8"):
        FineTunedClassifier("tiny", **SMALL).fit(colours[0], gender)


def test_a_restored_network_predicts_the_same(classifier, regressor, strangers):
    for fitted, classes in ((classifier, ["female", "male"]), (regressor, [])):
        again = restore("tiny:mean", classes, fitted.network_.state_dict())
        assert type(again) is type(fitted)
        np.testing.assert_array_equal(again.predict(strangers[0]), fitted.predict(strangers[0]))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda state: state | {"mean": state["mean"].double()}, "dtype"),
        (lambda state: state | {"mean": state["mean"] * torch.nan}, "not finite"),
        (lambda state: state | {"head.weight": state["head.weight"][:1]}, "1 outputs for 2"),
        (lambda state: state | {"mean": state["mean"][:1]}, "size mismatch"),
        (lambda state: state | {"extra": state["mean"]}, "Unexpected"),
    ],
)
def test_tensors_that_do_not_fit_are_an_error(classifier, change, message):
    with pytest.raises((RuntimeError, ValueError), match=message):
        restore("tiny", ["female", "male"], change(classifier.network_.state_dict()))


def test_augmentation_keeps_the_picture_and_its_range():
    torch.manual_seed(0)
    images = torch.rand(32, 3, 20, 20) * 255
    changed = augment(images)
    assert changed.shape == images.shape
    assert changed.min() >= images.min()
    assert changed.max() <= images.max()
    inner = changed[:, :, MAX_SHIFT:-MAX_SHIFT, MAX_SHIFT:-MAX_SHIFT]
    straight = [
        any(
            torch.equal(inner[i], images[i, :, y : y + 8, x : x + 8])
            for y in range(13)
            for x in range(13)
        )
        for i in range(32)
    ]
    flipped = images.flip(3)
    mirrored = [
        any(
            torch.equal(inner[i], flipped[i, :, y : y + 8, x : x + 8])
            for y in range(13)
            for x in range(13)
        )
        for i in range(32)
    ]
    assert [a or b for a, b in zip(straight, mirrored, strict=True)] == [True] * 32
    assert 8 < sum(mirrored) < 24


def test_only_training_augments():
    torch.manual_seed(0)
    network = FineTunedNetwork(torch.nn.Flatten(), 3 * 8 * 8, 2)
    chips = torch.randint(0, 256, (16, 8, 8, 3), dtype=torch.uint8)
    with torch.no_grad():
        still = [network.eval()(chips) for _ in range(2)]
        moved = [network.train()(chips) for _ in range(2)]
    assert torch.equal(*still)
    assert not torch.equal(*moved)


def test_the_head_starts_as_a_logistic_regression():
    """As scikit-learn's on the standardised features, up to the penalty."""
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 4)) * [1, 10, 100, 0.1]
    y = (X[:, 0] + X[:, 1] / 10 + rng.normal(size=200) > 0).astype(np.int64)
    network = FineTunedNetwork(torch.nn.Identity(), 4, 2)
    network.fit_head(torch.from_numpy(X).float(), torch.from_numpy(y))
    standard = (X - X.mean(0)) / X.std(0)
    # scikit-learn penalises the difference d of two outputs by d^2; here each pays (d / 2)^2.
    reference = LogisticRegression(C=2 * HEAD_C).fit(standard, y)
    difference = (network.head.weight[1] - network.head.weight[0]).detach().numpy()
    np.testing.assert_allclose(difference, reference.coef_[0], rtol=0.02, atol=0.02)


def test_dlib_resnet_trains(chips):
    """Once with the real trunk: 24 chips, one epoch."""
    X = np.concatenate([chips, chips[:, :, ::-1], chips])
    y = np.arange(24) % 2
    model = FineTunedClassifier("dlib-resnet", max_epochs=1, batch_size=8, device="cpu")
    model.fit(X, y.astype(str), groups=np.arange(24))
    assert np.isfinite(model.predict_proba(X[:2])).all()
    again = restore("dlib-resnet", ["0", "1"], model.network_.state_dict())
    np.testing.assert_array_equal(again.predict_proba(X[:2]), model.predict_proba(X[:2]))
