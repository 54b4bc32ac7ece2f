import pytest
import torch
from torch import nn

from featurex.backbones import get_backbone
from featurex.exceptions import BackboneError
from featurex.networks.inner_map import InnerMap, find_inner_map, run_with_map
from featurex.networks.trunk import without_numbers


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("dlib-resnet", InnerMap("stages.2", 128)),
        ("dlib-resnet:embedding", InnerMap("stages.2", 128)),
        ("resnet18", InnerMap("extractor.layer3", 256)),
        ("resnet50", InnerMap("extractor.layer3", 1024)),
        ("mobilenet_v2", InnerMap("extractor.features.13", 96)),
        ("efficientnet_b0", InnerMap("extractor.features.5", 112)),
        ("regnet_y_400mf", InnerMap("extractor.trunk_output.block3", 208)),
        ("vgg16", InnerMap("extractor.features.29", 512)),
    ],
)
def test_the_last_stage_of_eight_places_is_found(name, expected):
    backbone = get_backbone(name)
    shapes, images = without_numbers(backbone.untrained(), backbone.chip_size)
    assert find_inner_map(shapes, images, name) == expected
    assert not any(module._forward_hooks for module in shapes.modules())


def test_a_trunk_without_maps_is_an_error():
    with pytest.raises(BackboneError, match="flat has no inner maps of 8 places or more"):
        find_inner_map(nn.Flatten(), torch.zeros(1, 3, 16, 16), "flat")


@pytest.mark.parametrize("name", ["vit_b_16", "swin_t"])
def test_the_patches_of_a_transformer_are_no_inner_map(name):
    backbone = get_backbone(name)
    shapes, images = without_numbers(backbone.untrained(), backbone.chip_size)
    with pytest.raises(BackboneError, match="choose a convolutional backbone"):
        find_inner_map(shapes, images, name)


def test_the_attention_of_tokens_is_no_map():
    class Attention(nn.Module):
        def __init__(self):
            super().__init__()
            self.softmax = nn.Softmax(-1)

        def forward(self, maps):
            tokens = maps.flatten(2).transpose(1, 2)
            heads = tokens[:, None]
            return self.softmax(heads @ heads.transpose(2, 3))[:, 0] @ tokens

    trunk = nn.Sequential(nn.Conv2d(3, 4, 4, 4), Attention(), nn.Flatten())
    with pytest.raises(BackboneError, match="no inner maps"):
        find_inner_map(trunk, torch.zeros(1, 3, 32, 32), "attending")


def test_maps_that_are_too_small_do_not_count():
    with pytest.raises(BackboneError, match="choose a convolutional backbone"):
        find_inner_map(nn.Sequential(nn.Conv2d(3, 4, 8, 8)), torch.zeros(1, 3, 56, 56), "coarse")


def test_one_run_gives_the_map_and_the_features():
    trunk = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten())
    images = torch.randn(2, 3, 12, 12)
    inner, features = run_with_map(trunk, "0", images)
    assert torch.equal(inner, trunk[0](images))
    assert torch.equal(features, trunk(images))
    assert not trunk[0]._forward_hooks


def test_no_hook_is_left_behind_by_an_error():
    trunk = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Linear(7, 2))
    with pytest.raises(RuntimeError):
        run_with_map(trunk, "0", torch.zeros(1, 3, 12, 12))
    assert not trunk[0]._forward_hooks
