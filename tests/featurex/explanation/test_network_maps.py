import sys
from importlib.util import find_spec

import numpy as np
import pytest
import torch
from torch import nn

from featurex.backbones import get_backbone
from featurex.exceptions import ModelError
from featurex.explanation.network_maps import (
    GradCam,
    attention_maps,
    has_attention,
    spatial_layer,
)
from featurex.networks.finetuned import FineTunedNetwork

SIZE, TOP, LEFT, SIDE = 40, 24, 4, 8


@pytest.fixture
def bright_chips():
    """Dark chips with a bright square, low and left in the first and high and right elsewhere."""
    chips = np.random.default_rng(0).integers(0, 40, (5, SIZE, SIZE, 3), dtype=np.uint8)
    chips[0, TOP : TOP + SIDE, LEFT : LEFT + SIDE] = 250
    chips[1:, 2:10, 28:36] = 250
    return chips


class Brightness(nn.Module):
    """Two maps, how bright and how dark each place is, and their averages."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 2, 4, 4)
        with torch.no_grad():
            self.conv.weight.copy_(torch.tensor([1.0, -1.0]).view(2, 1, 1, 1) / (48 * 255))
            self.conv.bias.copy_(torch.tensor([0.0, 1.0]))
        self.relu = nn.ReLU(inplace=True)

    def forward(self, images):
        return self.relu(self.conv(images.float())).mean((2, 3))


class Stacked(nn.Module):
    """Chips and mirror images share a pass."""

    def __init__(self):
        super().__init__()
        self.trunk = Brightness()

    def forward(self, chips):
        images = chips.permute(0, 3, 1, 2)
        averages = self.trunk(torch.cat([images, images.flip(3)]))
        return averages[: len(chips)] + averages[len(chips) :]


class Plain(nn.Module):
    def __init__(self):
        super().__init__()
        self.trunk = Brightness()

    def forward(self, chips):
        return self.trunk(chips.permute(0, 3, 1, 2))


class Heads(Plain):
    def forward(self, chips):
        averages = super().forward(chips)
        return {"age": averages.flip(1), "gender": averages}


class Years(Plain):
    """A single number."""

    def forward(self, chips):
        return 30 * super().forward(chips)[:, :1]


class Attending(Plain):
    def attention(self, chips):
        return chips.float().mean(3).unfold(1, 8, 8).unfold(2, 8, 8).mean((3, 4))


class Crops(Plain):
    """Looks at the middle and at the two upper corners, each crop in a pass of its own."""

    size, crop = 50, 40  # 32 of the chips' 40 pixels

    def forward(self, chips):
        images = chips.permute(0, 3, 1, 2)
        crops = [images[..., 4:36, 4:36], images[..., :32, :32], images[..., :32, 8:]]
        return torch.stack([self.trunk(crop) for crop in crops]).mean(0)


def finetuned():
    """Chips and mirror images go through the trunk one after the other."""
    network = FineTunedNetwork(Brightness(), 2, {"gender": 2})
    with torch.no_grad():
        network.outputs["gender"].weight.copy_(torch.eye(2))
    return network


NETWORKS = {
    "plain": Plain,
    "stacked": Stacked,
    "heads": Heads,
    "years": Years,
    "crops": Crops,
    "finetuned": finetuned,
}


@pytest.fixture(params=NETWORKS)
def network(request):
    return NETWORKS[request.param]().eval()


def is_in_the_square(explanation):
    left, top, right, bottom = explanation.box
    return LEFT <= left < right <= LEFT + SIDE and TOP <= top < bottom <= TOP + SIDE


def test_attention_is_the_networks_own(bright_chips):
    network = Attending()
    assert has_attention(network)
    assert not has_attention(Plain())
    maps = attention_maps(network, bright_chips)
    assert len(maps) == 5
    assert maps[0].values.shape == (SIZE, SIZE)
    assert maps[0].box in ((0, 24, 8, 32), (8, 24, 16, 32))  # the square lies on both
    assert all(one.box[1] < 16 and one.box[0] >= 24 for one in maps[1:])
    assert {one.method for one in maps} == {"attention"}


def test_attention_does_not_depend_on_the_batch(bright_chips, monkeypatch):
    together = attention_maps(Attending(), bright_chips)
    monkeypatch.setattr("featurex.explanation.network_maps.BATCH_SIZE", 2)
    for one, other in zip(together, attention_maps(Attending(), bright_chips), strict=True):
        np.testing.assert_allclose(one.values, other.values, atol=1e-6)


@pytest.mark.parametrize(
    ("size", "layer", "places"),
    [(40, 1, "20, 10, 3: ten are enough"), (20, 0, "10, 5, 2"), (8, 1, "4, 2, 1: none has seven")],
)
def test_the_layer_is_the_last_that_keeps_seven_places(size, layer, places):
    convolutions = [nn.Conv2d(3 if n == 0 else 4, 4, 3, (2, 2, 4)[n], 1) for n in range(3)]
    trunk = nn.Sequential(*convolutions, nn.AdaptiveAvgPool2d(1), nn.Flatten())
    assert spatial_layer(FineTunedNetwork(trunk, 4, {"gender": 2}).eval(), size) is trunk[layer], (
        places
    )


def test_a_layer_called_at_several_depths_is_not_taken():
    class Shared(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 3, 3, padding=1)
            self.relu = nn.ReLU()

        def forward(self, chips):
            maps = self.relu(chips.permute(0, 3, 1, 2).float())
            return self.relu(self.conv(maps)).mean((2, 3))

    network = Shared()
    assert spatial_layer(network, 20) is network.conv


def test_dlibs_resnet_is_looked_at_in_its_third_stage(dlib_resnet):
    network = FineTunedNetwork(dlib_resnet, 736, {"gender": 2}).eval()
    assert spatial_layer(network, 150) is dlib_resnet.stages[2]


@pytest.mark.parametrize(("name", "path"), [("vit_b_16", None), ("swin_t", "extractor.permute")])
def test_the_patches_of_a_transformer_are_not_looked_at(name, path):
    backbone = get_backbone(name)
    network = FineTunedNetwork(backbone.untrained(), 768, {"gender": 2}).to("meta").eval()
    layer = spatial_layer(network, backbone.chip_size)
    assert layer is (path and network.trunk.get_submodule(path))


def test_the_attention_of_tokens_is_not_looked_at():
    class Attention(nn.Module):
        def __init__(self):
            super().__init__()
            self.softmax = nn.Softmax(-1)

        def forward(self, maps):
            heads = maps.flatten(2).transpose(1, 2)[:, None]
            return (self.softmax(heads @ heads.transpose(2, 3)) @ heads)[:, 0]

    trunk = nn.Sequential(nn.Conv2d(3, 4, 4, 4), Attention(), nn.Flatten())
    assert spatial_layer(FineTunedNetwork(trunk, 256, {"gender": 2}).eval(), 32) is None


def test_a_network_without_places_has_no_layer():
    network = FineTunedNetwork(nn.Sequential(nn.Flatten(), nn.Linear(768, 8)), 8, {"gender": 2})
    assert spatial_layer(network, 16) is None


def test_a_missing_package_is_one_line(monkeypatch):
    monkeypatch.setitem(sys.modules, "pytorch_grad_cam", None)
    with pytest.raises(ModelError, match=r"run 'pip install grad-cam'.*--method occlusion"):
        GradCam(Plain(), "gender", SIZE)


class TestGradCam:
    @pytest.fixture(autouse=True)
    def _package(self):
        if find_spec("pytorch_grad_cam") is None:
            pytest.skip("needs the extra 'explain'")

    def test_the_strongest_place_is_the_square(self, network, bright_chips):
        maps = GradCam(network, "gender", SIZE)(bright_chips, [0] * 5)
        assert is_in_the_square(maps[0])
        assert not any(is_in_the_square(one) for one in maps[1:])
        row, column = np.unravel_index(maps[0].values.argmax(), (SIZE, SIZE))
        assert TOP <= row < TOP + SIDE
        assert LEFT <= column < LEFT + SIDE
        assert maps[0].values.shape == (SIZE, SIZE)
        assert (maps[0].method, maps[0].unit) == ("grad-cam", "relative")

    def test_another_answer_has_another_map(self, bright_chips):
        (found,) = GradCam(Plain().eval(), "gender", SIZE)(bright_chips[:1], [1])
        assert not is_in_the_square(found)

    def test_the_head_of_the_task_is_explained(self, bright_chips):
        network = Heads().eval()
        (gender,) = GradCam(network, "gender", SIZE)(bright_chips[:1], [0])
        (age,) = GradCam(network, "age", SIZE)(bright_chips[:1], [0])
        assert is_in_the_square(gender)
        assert not is_in_the_square(age)

    def test_a_head_that_is_missing_is_named(self, bright_chips):
        with pytest.raises(ModelError, match=r"'race'; it has age, gender"):
            GradCam(Heads().eval(), "race", SIZE)(bright_chips, [0] * 5)

    def test_the_batch_size_does_not_change_the_map(self, network, bright_chips, monkeypatch):
        together = GradCam(network, "gender", SIZE)(bright_chips, [0] * 5)
        monkeypatch.setattr("featurex.explanation.network_maps.BATCH_SIZE", 2)
        apart = GradCam(network, "gender", SIZE)(bright_chips, [0] * 5)
        for one, other in zip(together, apart, strict=True):
            np.testing.assert_allclose(one.values, other.values, atol=1e-5)

    def test_the_network_stays_as_it_was(self, network, bright_chips):
        frozen = next(network.parameters()).requires_grad_(False)
        trained = [p for p in network.parameters() if p.requires_grad]
        with torch.inference_mode():
            before = network(torch.from_numpy(bright_chips))
        GradCam(network, "gender", SIZE)(bright_chips, [0] * 5)
        assert not frozen.requires_grad
        assert all(p.requires_grad for p in trained)
        assert all(p.grad is None for p in network.parameters())
        assert not any(module._forward_hooks for module in network.modules())
        with torch.inference_mode():
            torch.testing.assert_close(network(torch.from_numpy(bright_chips)), before)

    def test_a_network_without_places_is_refused(self):
        network = FineTunedNetwork(nn.Sequential(nn.Flatten(), nn.Linear(768, 8)), 8, {"gender": 2})
        with pytest.raises(ModelError, match="no layer that keeps places"):
            GradCam(network, "gender", 16)

    def test_a_year_beyond_the_last_output_counts_as_the_last(self, bright_chips):
        cam = GradCam(Plain().eval(), "age", SIZE)
        (found,), (expected,) = (cam(bright_chips[:1], [year]) for year in (70, 1))
        np.testing.assert_array_equal(found.values, expected.values)
