import sys

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from featurex.backbones import get_backbone
from featurex.exceptions import BackboneError
from featurex.extraction.embedding import Embedder

NETWORK = "timm:test_resnet.r160_in1k"


def test_without_timm_one_line_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(BackboneError, match="timm is not installed: run 'pip install timm'"):
        get_backbone("timm:resnet18")


@pytest.fixture(scope="module")
def timm():
    pytest.importorskip("timm")
    from featurex.backbones import timm

    return timm


@pytest.fixture(scope="module")
def network(timm):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return timm._import_timm().create_model("test_resnet", pretrained=False).eval()


@pytest.fixture(scope="module")
def weights(network, tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "model.safetensors"
    save_file(network.state_dict(), path)
    return path


@pytest.fixture
def chips():
    return np.random.default_rng(0).integers(0, 256, (2, 160, 160, 3), dtype=np.uint8)


@torch.inference_mode()
def test_features_and_preprocessing_are_timms(timm, network, weights, chips):
    backbone = get_backbone(NETWORK, weights)
    config = network.pretrained_cfg
    assert (backbone.chip_size, backbone.mean) == (160, list(config["mean"]))
    mean, std = (torch.tensor(config[key]).view(3, 1, 1) for key in ("mean", "std"))
    images = (torch.from_numpy(chips).permute(0, 3, 1, 2) / 255 - mean) / std
    expected = network.forward_head(network.forward_features(images), pre_logits=True)
    found = Embedder(backbone, "cpu")(chips)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_inner_layers_have_names(weights, chips):
    embedder = Embedder(get_backbone(f"{NETWORK}:layer2", weights), "cpu")
    assert embedder(chips).shape == (2, 48)
    with pytest.raises(BackboneError, match="no layer 'layer9'"):
        get_backbone(f"{NETWORK}:layer9", weights)


@pytest.mark.parametrize("name", ["test_vit", "test_convnext", "test_efficientnet"])
def test_other_families_build(timm, name, tmp_path):
    backbone = get_backbone(f"timm:{name}")
    save_file(backbone.untrained().extractor.state_dict(), tmp_path / "w.safetensors")
    backbone = get_backbone(f"timm:{name}", tmp_path / "w.safetensors")
    embedder = Embedder(backbone, "cpu")
    assert embedder.n_features == backbone.network().num_features
    assert str(backbone).startswith(f"timm:{name}.")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("timm:resnet17", "timm has no network 'resnet17'. Did you mean"),
        ("timm:resnet18.nope", "no weights 'resnet18.nope'; it lists resnet18."),
        ("timm:resnet18@a1_in1k", "only one set of weights"),
    ],
)
def test_wrong_names_list_the_right_ones(timm, name, message):
    with pytest.raises(BackboneError, match=message):
        get_backbone(name)


def test_without_a_download_the_error_names_file_and_place(timm, monkeypatch, tmp_path):
    def fail(source):
        raise OSError("no network\nand a second line")

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(timm, "_download", fail)
    with pytest.raises(BackboneError) as caught:
        _ = get_backbone(NETWORK).weights_file
    path = tmp_path / "hub" / "checkpoints" / "timm-test_resnet.r160_in1k.safetensors"
    assert (
        f"model.safetensors of timm/test_resnet.r160_in1k (no network). Put that file at {path}"
        in (str(caught.value))
    )
    assert "\n" not in str(caught.value)
    path.parent.mkdir(parents=True)
    path.write_bytes(b"abc")
    assert get_backbone(NETWORK).weights_file == path


def test_a_space_of_timm_has_a_name_that_a_folder_can_have(timm, weights):
    from featurex.extraction import spaces
    from featurex.faces.aligner import FaceAligner

    space = spaces.embeddings_space(FaceAligner(), get_backbone(NETWORK, weights))
    assert space.kind == "embeddings-timm-test_resnet.r160_in1k-penultimate"
