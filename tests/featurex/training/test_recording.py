from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from featurex.networks.base import FaceNetwork
from featurex.training import recording
from featurex.training.data import ChipDataset
from featurex.training.heads import Head
from featurex.training.recording import Recorded
from featurex.training.settings import TrainingSettings
from featurex.training.trainer import Trainer

needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
HEADS = [Head("gender", ("female", "male"))]


class Small(FaceNetwork):
    """Two layers, with running statistics between them."""

    def __init__(self):
        super().__init__({"gender": 2})
        self.layers = nn.Sequential(
            nn.Conv2d(3, 8, 3, stride=2), nn.BatchNorm2d(8), nn.ReLU(), nn.AdaptiveAvgPool2d(1)
        )
        self.output = nn.Linear(8, 2)
        self.n_runs = 0

    @classmethod
    def make(cls, backbone, heads):
        return cls()

    make_untrained = make

    def pretrained_parameters(self):
        return list(self.layers.parameters())

    def logits(self, images):
        self.n_runs += 1
        return {"gender": self.output(self.layers(images / 255).flatten(1))}


def small():
    torch.manual_seed(0)
    return Small()


def trained(device, **changes):
    """Train on 3 epochs of 11 full batches and a smaller one."""
    rng = np.random.default_rng(0)
    chips = rng.integers(0, 256, (100, 12, 12, 3), np.uint8)
    codes = {"gender": rng.integers(0, 2, 100)}
    settings = replace(TrainingSettings(epochs=3, batch_size=8, patience=3), **changes)
    network = small().to(device)
    parts = ChipDataset(chips, codes, np.arange(92)), ChipDataset(chips, codes, np.arange(92, 100))
    history = Trainer(network, HEADS, settings).fit(*parts)
    return network, history


def test_on_a_cpu_it_is_the_network():
    network, images = small(), torch.rand(4, 3, 9, 9)
    recorded = Recorded(network, 4)
    expected = network.logits(images)["gender"]
    for _ in range(3):
        assert torch.allclose(recorded(images)["gender"], expected)


@pytest.mark.parametrize(("frozen_epochs", "n_recordings"), [(0, 1), (1, 3), (3, 2)])
def test_other_trained_layers_are_recorded_anew(monkeypatch, frozen_epochs, n_recordings):
    """Once before the first epoch, and where layers freeze or thaw."""
    calls = []
    real = Recorded.forget
    monkeypatch.setattr(Recorded, "forget", lambda self: (calls.append(1), real(self)))
    trained("cpu", frozen_epochs=frozen_epochs)
    assert len(calls) == n_recordings


@needs_gpu
@pytest.mark.parametrize("changes", [{}, {"frozen_epochs": 1}, {"precision": "bfloat16"}])
def test_a_recorded_training_is_the_same_training(monkeypatch, changes):
    network, history = trained("cuda", **changes)
    monkeypatch.setattr(recording, "_recorded", lambda network, images: None)
    plain, plain_history = trained("cuda", **changes)
    assert network.n_runs < plain.n_runs  # the rest was replayed
    close = {"atol": 1e-4, "rtol": 0} if "precision" not in changes else {"atol": 0.01, "rtol": 0}
    for name, tensor in plain.state_dict().items():
        torch.testing.assert_close(network.state_dict()[name], tensor, **close, msg=name)
    for row, plain_row in zip(history, plain_history, strict=True):
        assert row["train_loss_gender"] == pytest.approx(plain_row["train_loss_gender"], abs=0.01)


@needs_gpu
def test_a_gpu_trains_as_a_cpu_does():
    (on_gpu, _), (on_cpu, _) = trained("cuda"), trained("cpu")
    for name, tensor in on_cpu.state_dict().items():
        found = on_gpu.state_dict()[name].cpu()
        torch.testing.assert_close(found, tensor, atol=0.01, rtol=0, msg=name)


@needs_gpu
def test_what_can_not_be_recorded_is_run(monkeypatch):
    def looking(self, images):
        self.n_runs += 1
        assert images.sum().item() >= 0  # waits for the GPU, which a recording can't
        return {"gender": self.output(self.layers(images / 255).flatten(1))}

    monkeypatch.setattr(Small, "logits", looking)
    network, _ = trained("cuda")
    assert network.n_runs >= 3 * 12
    assert torch.rand(3, device="cuda").std() > 0  # random numbers go on


@needs_gpu
def test_recording_teaches_running_statistics_nothing():
    network = small().to("cuda").train()
    recorded, images = Recorded(network, 4), torch.rand(4, 3, 9, 9, device="cuda") * 255
    for _ in range(3):
        recorded(images)
    assert network.layers[1].num_batches_tracked == 3
