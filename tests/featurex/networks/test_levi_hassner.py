import pytest
import torch
from torch import nn

from featurex.networks.levi_hassner import GREY, LeviHassnerNetwork, LeviHassnerTenCropNetwork
from featurex.networks.shallow import ResponseNormalization, ShallowNetwork


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return LeviHassnerNetwork.make(None, {"age-group": 8}).eval()


def test_it_has_as_many_numbers_as_the_published_weights(network):
    """age_net.caffemodel, which Levi and Hassner published, has 45,661,480 bytes.

    Four for every number, and some hundreds for the names of layers.
    """
    n_parameters = sum(parameter.numel() for parameter in network.parameters())
    assert n_parameters == 11_415_048
    assert 0 < 45_661_480 - 4 * n_parameters < 2_000


def test_the_layers_are_those_of_the_paper(network):
    convolutions = [m for m in network.modules() if isinstance(m, nn.Conv2d)]
    found = [(m.in_channels, m.out_channels, m.kernel_size[0], m.stride[0]) for m in convolutions]
    assert found == [(3, 96, 7, 4), (96, 256, 5, 1), (256, 384, 3, 1)]
    linear = [
        (m.in_features, m.out_features) for m in network.modules() if isinstance(m, nn.Linear)
    ]
    assert linear == [(384 * 7 * 7, 512), (512, 512), (512, 8)]
    assert [m.p for m in network.modules() if isinstance(m, nn.Dropout)] == [0.5, 0.5]
    for layer in (*convolutions, network.body.fully_connected[0]):
        assert layer.weight.std().item() == pytest.approx(0.01, rel=0.02)


def test_a_chip_of_any_size_is_scaled_and_cropped(network):
    seen = []
    hook = network.body.register_forward_hook(lambda module, inputs, output: seen.append(inputs[0]))
    with torch.no_grad():
        for size in (150, 227, 300):
            network(torch.full((1, size, size, 3), 255, dtype=torch.uint8))
    hook.remove()
    assert [tuple(crops.shape) for crops in seen] == [(1, 3, 227, 227)] * 3
    for crops in seen:
        torch.testing.assert_close(crops, torch.full_like(crops, 255 - GREY))


@pytest.mark.parametrize("channels", [1, 3, 5, 96])
def test_response_normalisation_is_that_of_torch(channels):
    torch.manual_seed(0)
    x = (torch.randn(2, channels, 6, 5, dtype=torch.float64) * 50).requires_grad_()
    layer = ResponseNormalization(channels)
    own = layer.double()(x)
    reference = nn.LocalResponseNorm(5, alpha=1e-4, beta=0.75, k=1)(x)
    torch.testing.assert_close(own, reference)
    gradients = [torch.autograd.grad(y.square().sum(), x)[0] for y in (own, reference)]
    torch.testing.assert_close(*gradients)
    single = layer.float()(x.float())
    torch.testing.assert_close(single, reference.float(), rtol=1e-5, atol=1e-5)


def test_the_order_of_the_paper_gives_the_same_outputs_and_gradients():
    """There the ReLU comes before the pooling."""
    torch.manual_seed(0)
    body = ShallowNetwork(3, 59, (4, 6, 8), 5, {"gender": 2}).double().eval()
    for layer in body.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            nn.init.normal_(layer.weight, std=0.2)

    def as_published(x):
        for number in (0, 4, 8):
            x = nn.functional.relu(body.convolutions[number](x))
            x = nn.functional.max_pool2d(x, 3, 2, ceil_mode=True)
            if number < 8:
                x = nn.LocalResponseNorm(5, alpha=1e-4, beta=0.75, k=1)(x)
        return body.outputs["gender"](body.fully_connected(x.flatten(1)))

    images = torch.randn(3, 3, 59, 59, dtype=torch.float64) * 50
    own, published = body(images)["gender"], as_published(images)
    torch.testing.assert_close(own, published, rtol=1e-5, atol=1e-8)
    parameters = list(body.parameters())
    gradients = [torch.autograd.grad(y.square().sum(), parameters) for y in (own, published)]
    for ours, theirs in zip(*gradients, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-8)


@pytest.mark.parametrize("size", [59, 64, 100, 101, 102, 103, 227])
def test_the_first_fully_connected_layer_fits_any_size(size):
    body = ShallowNetwork(3, size, (2, 2, 2), 4, {"gender": 2})
    assert body(torch.zeros(1, 3, size, size))["gender"].shape == (1, 2)


def test_training_crops_every_image_elsewhere(small):
    torch.manual_seed(0)
    network = small["levi-hassner"]({"gender": 2}).train()
    seen = []
    network.body.register_forward_hook(lambda module, inputs, output: seen.append(inputs[0]))
    network(torch.randint(0, 256, (1, 64, 64, 3), dtype=torch.uint8).expand(8, -1, -1, -1))
    assert len({tuple(crop.flatten().tolist()) for crop in seen[0]}) > 4


def test_the_centre_is_the_first_of_ten_crops(small):
    images = torch.rand(2, 3, 80, 80)
    centre = small["levi-hassner"]({"gender": 2}).views(images)
    ten = small["levi-hassner-ten-crop"]({"gender": 2}).views(images)
    assert (len(centre), len(ten)) == (1, 10)
    assert torch.equal(centre[0], ten[0])
    assert issubclass(small["levi-hassner-ten-crop"], LeviHassnerTenCropNetwork)


def test_over_sampling_can_be_turned_on_after_the_training(make):
    chips = torch.randint(0, 256, (2, 16, 16, 3), dtype=torch.uint8)
    network = make("levi-hassner", {"gender": 2}).eval()
    ten = make("levi-hassner-ten-crop", {"gender": 2}).eval()
    network.oversample = True
    with torch.no_grad():
        assert torch.equal(network(chips)["gender"], ten(chips)["gender"])
