"""Files that are no finished network, or are damaged, or another one than was asked for."""

import json
from dataclasses import replace

import numpy as np
import pytest
from safetensors.numpy import load as load_arrays
from safetensors.numpy import save as save_arrays

from featurex.backbones import get_backbone
from featurex.comparison.face_table import FaceTable
from featurex.exceptions import BackboneError
from featurex.models.options import ModelOptions
from featurex.prediction.predictor import Predictor
from featurex.saved_models.files import load_model, save_model
from featurex.saved_models.fitting import fit_models
from featurex.tasks import GENDER

OPTIONS = ModelOptions("tiny", epochs=1, batch_size=16, device="cpu", n_jobs=1)


def rewritten(path, target, change=lambda tensors: None, header=lambda metadata: None):
    """Write a changed copy of a network's file, as somebody with an editor could."""
    data = path.read_bytes()
    length = int.from_bytes(data[:8], "little")
    text = json.loads(data[8 : 8 + length])["__metadata__"]
    metadata, tensors = json.loads(text["metadata"]), load_arrays(data)
    change(tensors)
    header(metadata)
    target.write_bytes(save_arrays(tensors, text | {"metadata": json.dumps(metadata)}))
    return str(target)


def test_a_file_from_before_the_record_is_refused(net_file, tmp_path):
    path = rewritten(net_file, tmp_path / "old.featurex", lambda t: t.pop("seen-faces/gender"))
    with pytest.raises(BackboneError, match=r"does not say which photos.*: fit it again"):
        get_backbone(f"{path}:gender")
    assert len(get_backbone(f"{path}:age").seen) == 35
    assert set(load_model(path)[0]) == {"gender", "age"}  # it still predicts


@pytest.mark.parametrize(
    "damage",
    [
        lambda rows: rows[::-1].copy(),
        lambda rows: rows[:, :4].copy(),
        lambda rows: rows.astype(np.float32),
        lambda rows: rows[:0],
        lambda rows: np.concatenate([rows[:1], rows]),
    ],
    ids=["order", "length", "dtype", "empty", "twice"],
)
def test_a_damaged_record_is_refused(net_file, tmp_path, damage):
    def change(tensors):
        tensors["seen-faces/gender"] = damage(tensors["seen-faces/gender"])

    path = rewritten(net_file, tmp_path / "bad.featurex", change)
    with pytest.raises(BackboneError, match="damaged: its record of the training photos"):
        get_backbone(f"{path}:gender")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda m: m.update(networks={}), "does not describe its network"),
        (lambda m: m.update(networks={"../gender": {}}), "does not describe its network"),
        (lambda m: m.update(notes="none"), "does not describe its network"),
        (lambda m: m["backbone"].update(chip_size=150), "cut out in another way"),
        (lambda m: m["backbone"].update(name="../../etc"), "is named NAME"),
        (lambda m: m["backbone"].update(name="resnet17"), "no backbone 'resnet17'"),
        (lambda m: m["backbone"].update(trunk=7), "no backbone '7'"),
        (lambda m: m["networks"].update(race={}), "has no pretrained trunk"),
    ],
)
def test_a_header_that_does_not_fit_is_refused(net_file, tmp_path, change, message):
    path = rewritten(net_file, tmp_path / "bad.featurex", header=change)
    task = "race" if "pretrained" in message else "gender"
    with pytest.raises(BackboneError, match=message) as caught:
        get_backbone(f"{path}:{task}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "damage", [lambda w: w * np.nan, lambda w: w.astype(np.float64), lambda w: w[:1].copy()]
)
def test_tensors_that_do_not_fit_are_refused_when_it_is_loaded(net_file, tmp_path, damage):
    def change(tensors):
        tensors["gender/trunk.conv.weight"] = damage(tensors["gender/trunk.conv.weight"])

    backbone = get_backbone(rewritten(net_file, tmp_path / "bad.featurex", change) + ":gender")
    with pytest.raises(BackboneError, match="does not fit tiny:mean"):
        backbone.build()


def test_a_file_that_was_cut_off_is_refused(net_file, tmp_path):
    for share in (0.1, 0.5, 0.99):
        path = tmp_path / "short.featurex"
        data = net_file.read_bytes()
        path.write_bytes(data[: int(share * len(data))])
        with pytest.raises(BackboneError, match=r"short\.featurex"):
            get_backbone(f"{path}:gender")


@pytest.mark.parametrize("model", ["majority", "majority+finetuned"])
def test_models_on_embeddings_and_averages_are_no_backbone(model, parts, colour_faces, tmp_path):
    faces = FaceTable(parts[0], colour_faces.cache)
    save_model(tmp_path / "m.featurex", *fit_models(faces, [GENDER], model, OPTIONS))
    with pytest.raises(BackboneError, match="model on embeddings, or several models"):
        get_backbone(str(tmp_path / "m.featurex"))


def test_a_network_from_random_weights_is_no_backbone(net_file, tmp_path):
    def change(tensors):
        for name in [name for name in tensors if name.startswith("gender/trunk.")]:
            tensors[name.replace("trunk.", "layers.")] = tensors.pop(name)

    path = rewritten(net_file, tmp_path / "shallow.featurex", change)
    with pytest.raises(BackboneError, match="no pretrained trunk"):
        get_backbone(f"{path}:gender")


def test_another_networks_file_is_refused(cache, parts, net_file, tmp_path):
    options = replace(OPTIONS, backbone=f"{net_file}:gender")
    save_model(tmp_path / "m", *fit_models(FaceTable(parts[1], cache), [GENDER], "svm", options))
    other = rewritten(
        net_file, tmp_path / "other.featurex", lambda t: t.update(extra=np.zeros(1, np.float32))
    )
    with pytest.raises(BackboneError, match=r"other\.featurex is another network's file than"):
        Predictor.load(tmp_path / "m", device="cpu", weights=other)
