"""The training loop on a network of a few hundred numbers."""

from dataclasses import replace
from itertools import chain

import numpy as np
import pytest
import torch

from featurex.exceptions import ModelError
from featurex.training import data, net
from featurex.training.data import ChipDataset
from featurex.training.heads import Head

GENDER, AGE = Head("gender", ("female", "male")), Head("age")


def test_a_planted_rule_is_learnt(rows, settings, train):
    _, history = train(rows, replace(settings, epochs=15), (GENDER, AGE))
    best = min(history, key=lambda row: row["valid_loss_gender"])
    assert best["valid_score_gender"] > 0.95
    assert best["train_score_gender"] > 0.9
    assert best["valid_score_age"] < 20 < 27  # years; 26 are off without a rule


def test_shuffled_labels_are_not(rows, train):
    people = np.random.default_rng(0).permutation(24) % 2
    codes = {"gender": people.repeat(3).astype(np.int64)}
    shuffled = [ChipDataset(part.X, codes, part.rows) for part in rows]
    _, history = train(shuffled)
    assert 0.1 < np.mean([row["valid_score_gender"] for row in history]) < 0.9


def test_the_same_seed_gives_the_same_network_and_another_one_another(
    rows, trained, train, state, equal
):
    first, _ = trained
    again, _ = train(rows)
    other, _ = train(rows, seed=1)
    assert equal(state(again), first)
    assert not equal(state(other), first)


def test_what_else_drew_random_numbers_does_not_matter(rows, trained, train, state, equal):
    torch.manual_seed(99)
    before = torch.get_rng_state()
    network, _ = train(rows)
    assert equal(state(network), trained[0])
    assert torch.equal(torch.get_rng_state(), before)


def test_every_epoch_has_its_own_order_of_all_rows(rows, monkeypatch, settings, train):
    seen = []
    real = data.ChipDataset.__getitems__

    def spy(self, positions):
        if len(self) == len(rows[0]):
            seen.append(list(positions))
        return real(self, positions)

    monkeypatch.setattr(data.ChipDataset, "__getitems__", spy)
    train(rows, replace(settings, epochs=2))
    batches, n_rows = -(-len(rows[0]) // 16), len(rows[0])
    first, second = (list(chain(*seen[i : i + batches])) for i in (0, batches))
    assert sorted(first) == sorted(second) == list(range(n_rows))
    assert first != second
    assert first != sorted(first)


def test_missing_labels_of_a_head_do_not_stop_the_other(rows, train):
    some, valid = rows
    codes = some.codes | {"age": np.where(np.arange(72) % 2, np.nan, some.codes["age"])}
    parts = ChipDataset(some.X, codes, some.rows), ChipDataset(valid.X, codes, valid.rows)
    _, history = train(parts, heads=(GENDER, AGE))
    assert all(np.isfinite(row[key]) for row in history for key in row)


def test_validation_rows_without_a_side_label_have_no_score(rows, settings, train):
    some, valid = rows
    codes = valid.codes | {"age": np.full(72, np.nan, np.float32)}
    parts = some, ChipDataset(valid.X, codes, valid.rows)
    _, history = train(parts, replace(settings, epochs=1), heads=(GENDER, AGE))
    assert history[0]["valid_score_age"] is None


@pytest.mark.parametrize(("part", "kind"), [(0, "training"), (1, "validation")])
def test_no_label_at_all_is_an_error(rows, part, kind, train):
    parts = list(rows)
    nothing = {"age": np.full(72, np.nan, np.float32)}
    parts[part] = ChipDataset(parts[part].X, nothing, parts[part].rows)
    with pytest.raises(ValueError, match=f"None of the .* {kind} rows has a 'age'"):
        train(parts, heads=(AGE,))


def test_a_single_chip_left_over_is_no_batch(rows, settings, train):
    """Batch normalisation can't train on one."""
    some, valid = rows
    left = ChipDataset(some.X, some.codes, some.rows[:33])
    _, history = train((left, valid), replace(settings, epochs=2))
    assert np.isfinite(history[-1]["train_loss_gender"])


def test_a_training_that_diverges_is_one_line(rows, tmp_path, settings, train):
    wild = replace(settings, epochs=2, learning_rate=1e30, head_learning_rate=1e30)
    for checkpoint in (None, tmp_path / "c.safetensors"):
        with pytest.raises(ModelError, match=r"epoch 1 .* learning_rate=1e\+30, ") as caught:
            train(rows, wild, checkpoint=checkpoint)
        assert "\n" not in str(caught.value)
    assert not checkpoint.exists()


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate"),
        RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory"),
    ],
)
def test_too_little_memory_says_what_to_try(rows, monkeypatch, error, train):
    def exhausted(*args, **kwargs):
        raise error

    monkeypatch.setattr(net.NeuralNet, "validation_step", exhausted)
    with pytest.raises(ModelError, match="cpu is too small for batches of 16: try batches of 8"):
        train(rows)


def test_other_errors_come_through(rows, monkeypatch, train):
    def broken(*args, **kwargs):
        raise RuntimeError("shapes do not fit")

    monkeypatch.setattr(net.NeuralNet, "train_step", broken)
    with pytest.raises(RuntimeError, match="shapes do not fit"):
        train(rows)


def test_a_network_is_prepared_on_all_training_rows_and_on_no_other(rows, settings, build, train):
    prepared, network, (some, valid) = [], build(GENDER, AGE), rows
    network.prepare = lambda batches, targets: prepared.append((torch.cat([*batches]), targets))
    train((some, valid), replace(settings, epochs=1), (GENDER, AGE), network)
    ((chips, targets),) = prepared
    np.testing.assert_array_equal(chips, some.X[some.rows])
    np.testing.assert_array_equal(targets["gender"], some.codes["gender"][some.rows])
    years = torch.arange(targets["age"].shape[1], dtype=torch.float32)
    np.testing.assert_allclose(targets["age"] @ years, some.codes["age"][some.rows], atol=0.5)
