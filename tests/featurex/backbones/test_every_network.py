"""Every classification network of torchvision, on the meta device: shapes without numbers."""

import pytest
import torch
from torch import nn

from featurex.backbones import get_backbone, network
from featurex.backbones.torchvision import make_network, model_names
from featurex.backbones.torchvision_features import N_FEATURES

# As the papers, and other programs that cut these networks, have them.
KNOWN = {
    "alexnet": 4096,
    "convnext_tiny": 768,
    "densenet121": 1024,
    "efficientnet_b0": 1280,
    "googlenet": 1024,
    "inception_v3": 2048,
    "maxvit_t": 512,
    "mnasnet1_0": 1280,
    "mobilenet_v2": 1280,
    "mobilenet_v3_small": 1024,
    "regnet_y_400mf": 440,
    "resnet18": 512,
    "resnet50": 2048,
    "resnext50_32x4d": 2048,
    "shufflenet_v2_x1_0": 1024,
    "squeezenet1_1": 512,
    "swin_t": 768,
    "vgg16": 4096,
    "vit_b_16": 768,
    "wide_resnet50_2": 2048,
}
# One of every family; the others, each half a second, with 'pytest -m slow'.
SAMPLE = {*KNOWN, "efficientnet_v2_s", "regnet_x_400mf", "swin_v2_t", "vgg11_bn"}


def zeros_without_memory(path, needed, renamed):
    return {n: torch.zeros((), dtype=t.dtype).expand(t.shape) for n, t in needed.items()}


@pytest.fixture
def build(monkeypatch, tmp_path):
    """Return a function that builds a backbone from a file that has every tensor it asks for."""
    monkeypatch.setattr(network, "read_state_dict", zeros_without_memory)
    (tmp_path / "w.pth").write_bytes(b"")
    return lambda name: get_backbone(name, tmp_path / "w.pth")


@pytest.mark.parametrize(
    "name",
    [n if n in SAMPLE else pytest.param(n, marks=pytest.mark.slow) for n in model_names()],
)
def test_it_builds_and_embeds(build, name):
    backbone = build(name)
    module = backbone.build()
    tensors = [*module.parameters(), *module.buffers()]
    assert {tensor.device.type for tensor in tensors} == {"cpu"}
    chips = torch.empty(1, 3, backbone.chip_size, backbone.chip_size, device="meta")
    assert module.to("meta")(chips).shape == (1, N_FEATURES[name])


def test_lengths_are_those_of_the_literature():
    assert {name: N_FEATURES[name] for name in KNOWN} == KNOWN
    assert sorted(N_FEATURES) == model_names()
    assert not [name for name in N_FEATURES if "quantized" in name]


@pytest.mark.parametrize(
    ("name", "length"),
    [
        ("vit_b_16:encoder.layers.encoder_layer_5", 768),
        ("swin_t:features.3", 192),
        ("densenet121:features.denseblock2", 512),
        ("convnext_tiny:features.3", 192),
        ("efficientnet_b0:features.4", 80),
        ("vgg11:classifier.1", 4096),
        ("googlenet:inception4a", 512),
    ],
)
def test_inner_layers_are_averaged_over_space_or_tokens(build, name, length):
    backbone = build(name)
    chips = torch.empty(2, 3, backbone.chip_size, backbone.chip_size, device="meta")
    assert backbone.untrained().to("meta")(chips).shape == (2, length)


@pytest.mark.parametrize(
    "name", ["squeezenet1_1", "shufflenet_v2_x0_5", "mobilenet_v3_small", "mnasnet0_5"]
)
def test_the_default_is_what_the_last_layer_takes(name):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        whole = make_network(name, 224).to_empty(device="cpu")
        for tensor in whole.state_dict().values():
            tensor.uniform_(0.01, 0.1) if tensor.is_floating_point() else tensor.zero_()
        images = torch.rand(2, 3, 64, 64)
    cut = get_backbone(name).network().to_empty(device="cpu")
    missing = cut.load_state_dict(whole.state_dict(), strict=False).missing_keys
    assert not missing
    seen = []
    last = [m for m in whole.modules() if isinstance(m, nn.Linear | nn.Conv2d)][-1]
    last.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    with torch.inference_mode():
        features = cut(images)
        whole(images)
    expected = seen[0].mean((2, 3)) if seen[0].ndim == 4 else seen[0]
    torch.testing.assert_close(features, expected)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (
            "features.denseblock1.denselayer1.norm.1.weight",
            "features.denseblock1.denselayer1.norm1.weight",
        ),
        (
            "features.denseblock4.denselayer16.conv.2.weight",
            "features.denseblock4.denselayer16.conv2.weight",
        ),
        (
            "encoder.layers.encoder_layer_0.mlp.linear_1.bias",
            "encoder.layers.encoder_layer_0.mlp.0.bias",
        ),
        (
            "encoder.layers.encoder_layer_11.mlp.linear_2.weight",
            "encoder.layers.encoder_layer_11.mlp.3.weight",
        ),
        ("features.norm5.weight", "features.norm5.weight"),
    ],
)
def test_old_names_in_torchvisions_files_are_read(old, new):
    name = "vit_b_16" if "encoder" in old else "densenet121"
    backbone = get_backbone(name)
    assert backbone.renamed(old) == new
    assert new in backbone.untrained().extractor.state_dict()


def test_swag_weights_have_their_size_and_licence():
    backbone = get_backbone("vit_b_16@IMAGENET1K_SWAG_E2E_V1")
    assert backbone.chip_size == 384
    assert "CC BY-NC" in backbone.licence
    positions = backbone.untrained().extractor.state_dict()["encoder.pos_embedding"]
    assert positions.shape == (1, 24 * 24 + 1, 768)
