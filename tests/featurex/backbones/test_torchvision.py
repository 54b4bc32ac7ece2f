import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from featurex.backbones import get_backbone
from featurex.backbones.torchvision_import import import_torchvision
from featurex.exceptions import BackboneError
from featurex.extraction.embedding import Embedder

models = import_torchvision("torchvision.models")
IMAGENET = torch.tensor([[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]]).view(2, 1, 3, 1, 1)


def randomised(network):
    """Make every tensor random, batch normalisation's too, without a blow-up of the numbers."""
    generator = torch.Generator().manual_seed(0)
    for name, tensor in network.state_dict().items():
        if tensor.is_floating_point():
            low, high = (0.5, 1.5) if "var" in name or tensor.ndim == 1 else (-0.05, 0.05)
            tensor.uniform_(low, high, generator=generator)
    return network.eval()


@pytest.fixture(scope="module")
def resnet():
    return randomised(models.resnet18(weights=None))


@pytest.fixture(scope="module")
def weights(resnet, tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "resnet18.pth"
    torch.save(resnet.state_dict(), path)
    return path


@pytest.fixture
def pixels():
    return np.random.default_rng(0).integers(0, 256, (2, 96, 96, 3), dtype=np.uint8)


def normalised(pixels):
    return (torch.from_numpy(pixels).permute(0, 3, 1, 2) / 255 - IMAGENET[0]) / IMAGENET[1]


@torch.inference_mode()
def until(network, layer, pixels):
    """Return what torchvision's own network gives at a module, after its own preprocessing."""
    found = []
    module = network.get_submodule(layer)
    hook = module.register_forward_hook(lambda *call: found.append(call[-1].clone()))
    network(normalised(pixels))
    hook.remove()
    return found[0].flatten(2).mean(2).numpy() if found[0].ndim == 4 else found[0].numpy()


@pytest.mark.parametrize("layer", ["layer2", "layer3.0.bn2", "fc"])
def test_any_layer_is_torchvisions_own(resnet, weights, pixels, layer):
    found = Embedder(get_backbone(f"resnet18:{layer}", weights), "cpu")(pixels)
    np.testing.assert_allclose(found, until(resnet, layer, pixels), rtol=1e-4, atol=1e-4)


def test_the_default_layer_is_the_one_before_the_last(resnet, weights, pixels):
    embedder = Embedder(get_backbone("resnet18", weights), "cpu")
    assert embedder.n_features == 512
    expected = until(resnet, "avgpool", pixels)
    np.testing.assert_allclose(embedder(pixels), expected, rtol=1e-4, atol=1e-4)


def test_safetensors_give_the_same_network(resnet, weights, tmp_path):
    save_file(resnet.state_dict(), tmp_path / "w.safetensors")
    one = get_backbone("resnet18:layer1", weights).build().state_dict()
    other = get_backbone("resnet18:layer1", tmp_path / "w.safetensors").build().state_dict()
    assert one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_old_files_without_batch_counts_are_read(resnet, tmp_path, pixels):
    """torchvision's files from before torch 0.4.1 hold no ``num_batches_tracked``."""
    state = {n: t for n, t in resnet.state_dict().items() if "num_batches_tracked" not in n}
    torch.save(state, tmp_path / "old.pth")
    found = Embedder(get_backbone("resnet18:layer1", tmp_path / "old.pth"), "cpu")(pixels)
    np.testing.assert_allclose(found, until(resnet, "layer1", pixels), rtol=1e-4, atol=1e-4)


def test_nothing_is_left_without_memory(weights):
    module = get_backbone("resnet18", weights).build()
    tensors = [*module.parameters(), *module.buffers()]
    assert {t.device.type for t in tensors} == {"cpu"}
    assert not any(part.training for part in module.modules())


def test_an_inner_layer_needs_no_later_weights(tmp_path):
    """As torchvision's vgg16@IMAGENET1K_FEATURES: a file without the classifier."""
    generator = torch.Generator().manual_seed(0)
    needed = get_backbone("vgg11:features").untrained().extractor.state_dict()
    state = {n: torch.rand(t.shape, generator=generator) * 0.01 for n, t in needed.items()}
    assert not [name for name in state if name.startswith("classifier")]
    save_file(state, tmp_path / "vgg.safetensors")
    module = get_backbone("vgg11:features", tmp_path / "vgg.safetensors").build()
    with torch.inference_mode():
        assert module(torch.rand(1, 3, 32, 32) * 255).shape == (1, 512)
    with pytest.raises(BackboneError, match=r"lacks 4 of the 20 tensors .*'classifier\.0"):
        get_backbone("vgg11", tmp_path / "vgg.safetensors").build()


def test_inception_is_torchvisions_own(tmp_path):
    """Its own input transform included, which torchvision turns on with its weights only."""
    network = randomised(
        models.inception_v3(weights=None, transform_input=True, init_weights=False)
    )
    torch.save(network.state_dict(), tmp_path / "inception.pth")
    backbone = get_backbone("inception_v3:Conv2d_2a_3x3", tmp_path / "inception.pth")
    assert backbone.chip_size == 299
    pixels = np.random.default_rng(0).integers(0, 256, (1, 299, 299, 3), dtype=np.uint8)
    found = Embedder(backbone, "cpu")(pixels)
    with torch.inference_mode():
        x = network._transform_input(normalised(pixels))
        expected = network.Conv2d_2a_3x3(network.Conv2d_1a_3x3(x)).mean((2, 3)).numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


def test_the_preprocessing_is_what_torchvision_documents():
    vgg = get_backbone("vgg16@IMAGENET1K_FEATURES:features")
    assert vgg.preprocessing["std"] == pytest.approx([1 / 255] * 3)
    assert vgg.chip_size == 224


def test_another_networks_file_is_named(weights):
    with pytest.raises(BackboneError, match=r"resnet18\.pth lacks .* of the"):
        get_backbone("resnet34", weights).build()
    with pytest.raises(BackboneError, match=r"resnet18\.pth does not fit vgg11.*|lacks"):
        get_backbone("vgg11", weights).build()


def test_tensors_of_another_shape_are_named(resnet, tmp_path):
    state = resnet.state_dict() | {"conv1.weight": torch.zeros(64, 3, 3, 3)}
    torch.save(state, tmp_path / "w.pth")
    with pytest.raises(BackboneError, match=r"w\.pth does not fit resnet18.*conv1\.weight"):
        get_backbone("resnet18", tmp_path / "w.pth").build()


def test_a_wrong_layer_downloads_nothing(monkeypatch, tmp_path):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(torch.hub, "download_url_to_file", lambda *a, **k: pytest.fail("download"))
    with pytest.raises(BackboneError, match="no layer 'layer9'"):
        get_backbone("resnet18:layer9")


def test_the_file_is_torchvisions_own(monkeypatch, tmp_path):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    asked = []
    monkeypatch.setattr(torch.hub, "download_url_to_file", lambda url, *a, **k: asked.append(url))
    path = get_backbone("resnet18").weights_file
    assert path == tmp_path / "hub" / "checkpoints" / asked[0].rsplit("/", 1)[1]
    assert asked[0].startswith("https://download.pytorch.org/models/resnet18-")


def test_a_network_that_is_trained_gives_the_same_layer():
    """Inception in training mode otherwise returns a second classifier beside its own."""
    module = get_backbone("inception_v3").untrained().to("meta").train()
    with torch.no_grad():
        assert module(torch.empty(2, 3, 299, 299, device="meta")).shape == (2, 2048)
