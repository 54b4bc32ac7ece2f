import numpy as np
import pytest
import torch
from torch import nn

from featurex.backbones import get_backbone
from featurex.backbones.base import Backbone
from featurex.exceptions import BackboneError, DeviceError
from featurex.extraction.embedding import Embedder
from featurex.extraction.embedding_options import EmbeddingOptions


class Probe(nn.Module):
    """A network in training mode, with gradients, that notes how it is called."""

    def __init__(self):
        super().__init__()
        self.drop = nn.Dropout(0.5)
        self.factor = nn.Parameter(torch.tensor(1.0))
        self.calls = []

    def forward(self, chips):
        grad = torch.is_grad_enabled() or self.factor.requires_grad
        self.calls.append((len(chips), chips.dtype, self.training, grad))
        return self.drop(chips.mean((2, 3)) * self.factor)


class ProbeBackbone(Backbone):
    name, layer, chip_size, padding = "probe", "mean", 8, 0.25
    weights_file, preprocessing = "probe.dat", {}

    def __init__(self):
        self.module = Probe().train()

    def untrained(self):
        return Probe()

    def build(self):
        return self.module


@pytest.fixture
def noise():
    return np.random.default_rng(0).integers(0, 256, (7, 8, 8, 3), dtype=np.uint8)


def test_rows_are_in_the_order_of_the_chips(noise):
    embeddings = Embedder(ProbeBackbone(), "cpu", batch_size=3)(noise)
    assert embeddings.dtype == np.float32
    np.testing.assert_allclose(embeddings, noise.mean((1, 2)), rtol=1e-5)


@pytest.mark.filterwarnings("error")
def test_chips_that_may_not_be_written_to_are_embedded_without_a_warning(noise):
    expected = Embedder(ProbeBackbone(), "cpu")(noise)
    noise.flags.writeable = False
    np.testing.assert_array_equal(Embedder(ProbeBackbone(), "cpu")(noise), expected)


def test_evaluation_mode_and_no_gradients(noise):
    backbone = ProbeBackbone()
    Embedder(backbone, "cpu", batch_size=3)(noise)
    assert [n for n, *_ in backbone.module.calls] == [1, 3, 3, 1]
    assert {tuple(rest) for _, *rest in backbone.module.calls} == {(torch.float32, False, False)}


def test_mirror_embeds_the_mean_of_both_sides(dlib_backbone, chips):
    chips = chips[:2]
    plain = Embedder(dlib_backbone, "cpu")
    mirrored = Embedder(dlib_backbone, "cpu", options=EmbeddingOptions(mirror=True))(chips)
    expected = (plain(chips) + plain(chips[:, :, ::-1])) / 2
    np.testing.assert_allclose(mirrored, expected, atol=1e-5, rtol=0)
    assert not np.allclose(mirrored, plain(chips), atol=1e-3)


def test_bfloat16_points_the_same_way(chips):
    backbone = get_backbone("dlib-resnet")  # its own weights: they are converted
    lower = Embedder(backbone, "cpu", options=EmbeddingOptions("bfloat16"))(chips[:3])
    full = Embedder(backbone, "cpu")(chips[:3])
    cosine = (lower * full).sum(1) / np.linalg.norm(lower, axis=1) / np.linalg.norm(full, axis=1)
    assert lower.dtype == np.float32
    assert (cosine > 0.9999).all()
    assert not np.array_equal(lower, full)


def test_an_unknown_precision_is_refused():
    with pytest.raises(ValueError, match=r"one of float32, bfloat16, float16\. Got 'int8'"):
        EmbeddingOptions("int8")


def test_no_chips_give_no_rows():
    embedder = Embedder(ProbeBackbone(), "cpu")
    assert embedder.n_features == 3
    assert embedder(np.empty((0, 8, 8, 3), np.uint8)).shape == (0, 3)


@pytest.mark.parametrize("batch_size", [1, 2])
def test_the_batch_size_does_not_change_a_row(dlib_backbone, chips, batch_size):
    chips = chips[:3]
    together = Embedder(dlib_backbone, "cpu", batch_size=32)(chips)
    apart = Embedder(dlib_backbone, "cpu", batch_size=batch_size)(chips)
    np.testing.assert_allclose(apart, together, atol=1e-5, rtol=0)


def test_a_views_rows_are_its_own(dlib_backbone, chips):
    embedder, chips = Embedder(dlib_backbone, "cpu"), chips[:4]
    np.testing.assert_allclose(embedder(chips[::-2]), embedder(chips)[::-2], atol=1e-5, rtol=0)


def test_weights_that_give_no_finite_numbers_are_damaged():
    backbone = ProbeBackbone()
    backbone.module.factor.data[...] = torch.nan
    with pytest.raises(BackboneError, match=r"probe:mean gives .* not finite: probe\.dat"):
        Embedder(backbone, "cpu")


def test_the_callers_settings_of_cudnn_stay(noise):
    before = torch.backends.cudnn.allow_tf32, torch.backends.cudnn.enabled
    Embedder(ProbeBackbone(), "cpu")(noise)
    assert (torch.backends.cudnn.allow_tf32, torch.backends.cudnn.enabled) == before


class Small(nn.Module):
    """A network for which the memory is too small from some number of chips on."""

    def __init__(self, most):
        super().__init__()
        self.most, self.sizes = most, []

    def forward(self, chips):
        self.sizes.append(len(chips))
        if len(chips) > self.most:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate")
        return chips.mean((2, 3))


def test_where_the_memory_is_too_small_batches_are_halved(noise):
    backbone = ProbeBackbone()
    backbone.module = Small(2)
    embedder = Embedder(backbone, "cpu", batch_size=6)
    np.testing.assert_allclose(embedder(noise), noise.mean((1, 2)), rtol=1e-5)
    assert backbone.module.sizes == [1, 6, 3, 1, 1, 1, 1, 1, 1, 1]
    embedder(noise)
    assert backbone.module.sizes[10:] == [1] * 7


def test_a_memory_too_small_for_one_chip_is_an_error(noise):
    backbone = ProbeBackbone()
    backbone.module = Small(1)
    embedder = Embedder(backbone, "cpu", batch_size=4)
    backbone.module.most = 0
    with pytest.raises(DeviceError, match=r"too small for one chip of probe:mean.* --device cpu"):
        embedder(noise)


@pytest.mark.parametrize("batch_size", [0, -1])
def test_a_batch_has_at_least_one_chip(batch_size):
    with pytest.raises(ValueError, match=f"at least 1. Got {batch_size}"):
        Embedder(ProbeBackbone(), "cpu", batch_size)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_missing_gpu_is_an_error_before_anything_is_loaded(monkeypatch):
    backbone = ProbeBackbone()
    monkeypatch.setattr(backbone, "build", lambda: pytest.fail("it was loaded"))
    with pytest.raises(DeviceError):
        Embedder(backbone, "cuda")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_gives_the_numbers_of_the_cpu(dlib_backbone, chips):
    on_gpu, on_cpu = (Embedder(dlib_backbone, device)(chips) for device in ("cuda", "cpu"))
    np.testing.assert_allclose(on_gpu, on_cpu, atol=1e-4, rtol=0)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_what_a_gpu_replays_is_what_it_would_have_computed(dlib_backbone, precision):
    noise = np.random.default_rng(0).integers(0, 256, (99, 150, 150, 3), np.uint8)
    options = EmbeddingOptions(precision, mirror=True)
    embedder = Embedder(dlib_backbone, "cuda", batch_size=8, options=options)
    first, again = embedder(noise), embedder(noise)
    assert embedder._replay is not None
    np.testing.assert_array_equal(again, first)
    plain = Embedder(dlib_backbone, "cuda", batch_size=99, options=options)(noise)
    np.testing.assert_allclose(first, plain, atol=1e-4 if precision == "float32" else 0.1, rtol=0)
