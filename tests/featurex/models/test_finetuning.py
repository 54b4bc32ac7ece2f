import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.base import clone, is_classifier, is_regressor
from torch.nn import functional as F

from featurex.faces.chips import ChipRows
from featurex.models import finetuning
from featurex.models.finetuning import NetworkClassifier
from featurex.saved_models.restoring import restore
from featurex.training import net
from featurex.training.settings import TrainingSettings
from pipelines import inner_splits


@pytest.fixture(scope="module")
def regressor(make_regressor, small, colours, years):
    chips, subject, _, _ = colours
    return make_regressor(replace(small, epochs=20)).fit(chips, years, groups=subject)


def test_a_planted_rule_is_learnt(classifier, strangers):
    chips, _, male, _ = strangers
    assert np.mean((classifier.predict(chips) == "male") == male) > 0.95
    assert classifier.best_score_ > 0.9


def test_shuffled_labels_are_not(make_classifier, colours, strangers):
    """A leak of the labels, or of the validation rows, would show as a score here."""
    chips, subject, _, _ = colours
    of_person = np.random.default_rng(0).permutation(24) % 2
    shuffled = np.array(["female", "male"])[of_person[subject]]
    model = make_classifier().fit(chips, shuffled, groups=subject)
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


def test_how_many_rows_are_answered_at_a_time_does_not_change_a_row(
    classifier, strangers, monkeypatch
):
    whole = classifier.predict_proba(strangers[0])
    monkeypatch.setattr(finetuning, "ANSWER_ROWS", 5)
    np.testing.assert_allclose(classifier.predict_proba(strangers[0]), whole, atol=1e-6)


def test_the_batches_of_the_training_do_not_change_a_bit(small, classifier, strangers):
    by_five = clone(classifier).set_params(settings=replace(small, batch_size=5))
    by_five.__dict__ |= {k: v for k, v in vars(classifier).items() if k.endswith("_")}
    np.testing.assert_array_equal(
        by_five.predict_proba(strangers[0]), classifier.predict_proba(strangers[0])
    )


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


def test_a_fit_leaves_the_callers_random_numbers_alone(make_classifier, small, colours, gender):
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    make_classifier(replace(small, epochs=1)).fit(colours[0], gender)
    assert torch.equal(torch.rand(3), expected)


def test_chips_in_the_cache_are_as_good_as_an_array(make_classifier, colour_faces):
    rows = colour_faces.features("finetuned", np.arange(70))
    y = colour_faces.table["gender"].to_numpy(str)
    groups = colour_faces.groups
    model = make_classifier()
    array = rows.read(np.arange(70))
    assert isinstance(rows, ChipRows)
    np.testing.assert_array_equal(
        clone(model).fit(rows, y, groups).predict_proba(rows),
        clone(model).fit(array, y, groups).predict_proba(array),
    )


def test_no_subject_is_both_trained_and_validated_on(
    make_classifier, make_regressor, small, colours, gender, years, monkeypatch
):
    chips, subject, _, _ = colours
    seen = []
    real = finetuning.ChipDataset

    def spy(X, targets, rows):
        seen.append(rows)
        return real(X, targets, rows)

    monkeypatch.setattr(finetuning, "ChipDataset", spy)
    once = replace(small, epochs=1)
    for seed in range(3):
        make_classifier(once, random_state=seed).fit(chips, gender, groups=subject)
        make_regressor(once, random_state=seed).fit(chips, years, groups=subject)
    assert len(seen) == 12
    for train, valid in zip(seen[::2], seen[1::2], strict=True):
        assert not set(subject[valid]) & set(subject[train])
        assert sorted([*valid, *train]) == list(range(72))


def test_the_epochs_are_told_and_kept(make_classifier, colours, gender):
    told = []
    model = make_classifier(on_epoch=lambda *epoch: told.append(epoch))
    model.fit(colours[0], gender)
    assert [row for row, _ in told] == model.history_
    assert {n_epochs for _, n_epochs in told} == {8}
    assert [row["epoch"] for row in model.history_] == list(range(1, len(told) + 1))
    assert {"train_loss", "valid_loss", "train_score", "valid_score", "seconds"} <= set(told[0][0])
    json.dumps(model.history_, allow_nan=False)


def test_ctrl_c_is_no_early_stop(make_classifier, colours, gender, monkeypatch):
    """skorch ends the training and goes on; the whole comparison must stop."""

    def interrupt(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(net.NeuralNet, "train_step", interrupt)
    with pytest.raises(KeyboardInterrupt):
        make_classifier().fit(colours[0], gender)


def test_training_stops_early_and_keeps_the_best_epoch(make_classifier, small, colours, gender):
    settings = replace(small, epochs=30, patience=1, learning_rate=5.0)
    model = make_classifier(settings).fit(colours[0], gender, groups=colours[1])
    losses = [epoch["valid_loss"] for epoch in model.history_]
    assert len(losses) < 30
    _, valid = inner_splits(gender, colours[1], n_folds=8)[0]
    with torch.inference_mode():
        logits = model.network_(torch.from_numpy(colours[0][valid]))["class"]
    targets = torch.from_numpy(colours[2][valid])
    assert F.cross_entropy(logits, targets).item() == pytest.approx(min(losses), rel=1e-3)


def test_the_regressor_learns_and_stays_within_a_life(regressor, strangers):
    chips, _, _, group = strangers
    predicted = regressor.predict(chips)
    assert ((predicted >= 0) & (predicted <= 100)).all()
    assert np.abs(predicted - np.array([5.0, 28.0, 70.0])[group]).mean() < 8
    assert -8 < regressor.best_score_ < 0


def test_dlib_resnet_trains(chips):
    """Once with the real trunk: 24 chips, one epoch."""
    X = np.concatenate([chips, chips[:, :, ::-1], chips])
    y = np.arange(24) % 2
    model = NetworkClassifier(settings=TrainingSettings(epochs=1, batch_size=8), device="cpu")
    model.fit(X, y.astype(str), groups=np.arange(24))
    assert np.isfinite(model.predict_proba(X[:2])).all()
    state = model.network_.state_dict()
    again = restore("finetuned", "dlib-resnet", "class", {"class": 2}, ["0", "1"], state)
    np.testing.assert_array_equal(again.predict_proba(X[:2]), model.predict_proba(X[:2]))
    assert model.n_parameters_ == sum(t.numel() for n, t in state.items() if n not in BUFFERS)


BUFFERS = ("linear.mean", "linear.scale")


def test_parameters_are_those_given_and_nothing_else(make_classifier, make_regressor, small):
    model = make_classifier(random_state=3)
    expected = {
        **{"network": "finetuned", "backbone": "tiny", "task": "class", "weights": None},
        **{"settings": small, "device": "cpu", "random_state": 3},
        **{"checkpoint": None, "on_epoch": None},
    }
    assert model.get_params() == expected
    assert make_regressor().set_params(**expected).get_params() == expected
    assert (is_classifier(model), is_regressor(make_regressor())) == (True, True)


def test_more_chips_a_batch_than_there_are_is_one_batch(make_classifier, small, colours, gender):
    """And not an error: a setting for large data also serves a small fold."""
    model = make_classifier(replace(small, epochs=1, batch_size=10_000))
    assert np.isfinite(model.fit(colours[0], gender).history_[0]["train_loss"])


def test_a_killed_fit_goes_on_to_the_same_network(make_classifier, colours, gender, tmp_path):
    path = tmp_path / "fit.safetensors"
    whole = make_classifier().fit(colours[0], gender, groups=colours[1])

    def kill(row, n_epochs):
        if row["epoch"] == 3:
            raise KeyboardInterrupt

    killed = make_classifier(checkpoint=path, on_epoch=kill)
    with pytest.raises(KeyboardInterrupt):
        killed.fit(colours[0], gender, groups=colours[1])
    told = []
    again = make_classifier(checkpoint=path, on_epoch=lambda row, n: told.append(row["epoch"]))
    again.fit(colours[0], gender, groups=colours[1])
    assert told[0] == 4
    np.testing.assert_array_equal(again.predict_proba(colours[0]), whole.predict_proba(colours[0]))


def test_a_fit_on_a_backbone_that_differs_in_no_weight_starts_anew(
    make_classifier, small, colours, gender, tiny, tmp_path, monkeypatch
):
    def fit():
        told = []
        model = make_classifier(
            replace(small, epochs=1),
            checkpoint=tmp_path / "fit.safetensors",
            on_epoch=lambda row, n: told.append(row["epoch"]),
        )
        model.fit(colours[0], gender, groups=colours[1])
        return told

    assert (fit(), fit()) == ([1], [])
    settings = tiny.settings | {"layer": "another"}
    monkeypatch.setattr(type(tiny), "settings", settings)
    assert fit() == [1]
