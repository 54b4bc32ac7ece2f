import math
from copy import deepcopy

import numpy as np
import pytest
import torch
from scipy.signal import correlate2d
from torch.nn import functional as F

from featurex.networks.wide_gabor import WideGaborNetwork, gabor_bank


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return WideGaborNetwork.make(None, {"age-group": 8}).eval()


def textbook(x, y, degrees, phase):
    """The real part of a Gabor function as a complex wave under a Gaussian, at one point."""
    turned = complex(x, y) * np.exp(-1j * math.radians(degrees))
    across, along = turned.real, turned.imag
    envelope = math.exp(-0.5 * (across / 2) ** 2) * math.exp(-0.5 * (0.3 * along / 2) ** 2)
    return (envelope * np.exp(1j * (2 * math.pi / 2 * across + phase))).real


@pytest.mark.parametrize("number", range(12))
def test_the_bank_has_the_closed_form(number):
    degrees, phase = 30 * (number % 6), math.pi * (number // 6)
    expected = np.array(
        [[textbook(x, y, degrees, phase) for x in range(-5, 6)] for y in range(-5, 6)]
    )
    expected /= np.abs(expected).sum()
    np.testing.assert_allclose(gabor_bank()[number].numpy(), expected, atol=1e-8)


def test_the_bank_in_numbers_known_without_a_formula():
    """At 0 degrees the wave of two pixels alternates: one column up, the next one down."""
    bank = gabor_bank()
    assert bank.shape == (12, 11, 11)
    upright = bank[0]
    assert (upright[:, 5::2] > 0).all()
    assert (upright[:, 4::2] < 0).all()
    ratio = upright[5, 6] / upright[5, 5]  # one standard deviation is two pixels
    assert ratio.item() == pytest.approx(-math.exp(-1 / 8), rel=1e-5)
    # The second phase negates, and a quarter turn of one orientation is another.
    torch.testing.assert_close(bank[6:], -bank[:6])
    torch.testing.assert_close(bank[3], bank[0].T, rtol=1e-4, atol=1e-8)
    torch.testing.assert_close(bank.abs().sum((1, 2)), torch.ones(12))


def test_responses_are_those_of_scipy(network):
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (40, 40, 3)).astype(np.float32)
    grey = (image - 127.5) @ np.array([0.299, 0.587, 0.114], np.float32)
    found = network.responses(torch.from_numpy(image).permute(2, 0, 1)[None])[0]
    for number in (0, 4, 9):
        response = correlate2d(grey, gabor_bank()[number].numpy(), mode="same")
        np.testing.assert_allclose(found[number].numpy(), np.maximum(response, 0), atol=1e-3)


def test_stripes_answer_to_their_own_orientation(network):
    """The strongest filter is the one whose wave runs across the stripes."""
    y, x = np.mgrid[:64, :64]
    for number in range(6):
        angle = math.radians(30 * number)
        stripes = np.cos(math.pi * (x * math.cos(angle) + y * math.sin(angle)))
        image = torch.from_numpy(127.5 + 100 * stripes).float().expand(1, 3, 64, 64)
        inner = network.responses(image)[0, :, 16:48, 16:48].mean((1, 2))
        assert inner[:6].argmax() == number
        torch.testing.assert_close(inner[:6], inner[6:], rtol=0.05, atol=0.1)


def test_an_even_grey_has_no_texture(network):
    responses = network.responses(torch.full((1, 3, 40, 40), 200.0))
    middle, strongest = responses[0, :, 10:30, 10:30], 200.0 - 127.5
    assert middle.abs().max() < 0.05 * strongest


def test_image_and_responses_lie_beside_each_other(network):
    seen = []
    hook = network.body.register_forward_hook(lambda module, inputs, output: seen.append(inputs[0]))
    images = torch.rand(1, 3, 227, 227) * 255
    with torch.no_grad():
        network.logits(images)
    hook.remove()
    assert seen[0].shape == (1, 15, 227, 227)
    torch.testing.assert_close(seen[0][:, :3], images - 127.5)


@pytest.mark.parametrize("training", [True, False])
def test_weighting_inside_the_convolution_is_batch_normalisation_before_it(make, training):
    """Outputs, gradients and running statistics are those of torch's layer."""
    own = make("wide-gabor", {"gender": 2}).double().train(training)
    own.body.fully_connected.eval()  # no dropout
    with torch.no_grad():
        own.weighting.weight.uniform_(0.5, 1.5)
        own.weighting.bias.normal_()
        own.weighting.running_var.uniform_(20, 60)
    plain = deepcopy(own)
    crops = torch.rand(4, 3, 58, 58, dtype=torch.float64) * 255
    weighted = plain.weighting(plain.responses(crops)) * 64
    expected = plain.body(torch.cat([crops - 127.5, weighted], 1))["gender"]
    found = own.logits(crops)["gender"]
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-8)
    for logits in (found, expected):
        F.cross_entropy(logits, torch.tensor([0, 1, 0, 1])).backward()
    for (path, ours), theirs in zip(own.named_parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(ours.grad, theirs.grad, rtol=1e-5, atol=1e-8, msg=path)
    for (path, ours), theirs in zip(own.named_buffers(), plain.buffers(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-8, msg=path)


def test_the_network_learns_how_much_a_response_counts(network):
    assert network.weighting.weight.shape == (12,)
    assert all(parameter.requires_grad for parameter in network.weighting.parameters())
    assert "bank" not in dict(network.named_parameters())


def test_it_is_wider_than_the_network_of_2015(network):
    n_parameters = sum(parameter.numel() for parameter in network.parameters())
    assert n_parameters == 25_753_568
