"""Finished networks as backbones: their features, their names, and the photos that they know."""

import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch

from featurex import FaceEmbedder
from featurex.backbones import get_backbone, named_backbone
from featurex.backbones.seen_faces import SeenFaces
from featurex.comparison.design import Design
from featurex.comparison.experiment import run
from featurex.comparison.face_table import FaceTable
from featurex.comparison.transfer import TransferTable, join_manifests
from featurex.exceptions import BackboneError, ModelError
from featurex.extraction.embedding import Embedder
from featurex.extraction.face_cache import FaceCache
from featurex.models.options import ModelOptions
from featurex.prediction.predictor import Predictor
from featurex.saved_models.files import save_model
from featurex.saved_models.fitting import fit_models
from featurex.tasks import GENDER

OPTIONS = ModelOptions("tiny", epochs=1, batch_size=16, device="cpu", n_jobs=1)


def test_the_features_are_what_the_heads_read(fitted, net_file, paint):
    chips = paint(4, seed=5)[0]
    network = fitted[0]["gender"].network_.eval()
    read = []
    network.linear.register_forward_pre_hook(lambda module, inputs: read.append(inputs[0]))
    with torch.inference_mode():
        network(torch.from_numpy(chips))
    found = Embedder(get_backbone(f"{net_file}:gender"), "cpu")(chips)
    np.testing.assert_allclose(found, read[0].numpy(), atol=1e-6)
    plain = Embedder(named_backbone("tiny"), "cpu")(chips)
    assert np.abs(found - plain).max() > 1e-4  # the training has changed them


def test_the_name_is_of_the_content_and_not_of_the_file(net_file, tmp_path):
    backbone = get_backbone(f"{net_file}:gender")
    copy = shutil.copy(net_file, tmp_path / "größe 2:x.featurex")
    assert get_backbone(f"{copy}:gender").settings == backbone.settings
    assert str(backbone).startswith(f"network-{backbone.settings['weights_sha256'][:12]}:gender")
    assert (backbone.chip_size, backbone.padding) == (16, 0.25)


def test_spaces_differ_by_file_and_task(net_file, parts, colour_faces, tmp_path):
    again = ModelOptions("tiny", epochs=1, batch_size=16, device="cpu", seed=1)
    faces = FaceTable(parts[0], colour_faces.cache)
    save_model(tmp_path / "b.featurex", *fit_models(faces, [GENDER], "finetuned", again))
    names = [f"{net_file}:gender", f"{net_file}:age", str(tmp_path / "b.featurex")]
    spaces = {FaceCache(tmp_path, get_backbone(name)).space.id for name in names}
    assert len(spaces) == 3
    assert str(get_backbone(names[2])).endswith(":gender")  # the only network there


@pytest.mark.parametrize(
    ("ending", "message"),
    [
        ("", r"holds networks for gender and age: say which, such as .*net.featurex:gender"),
        (":race", r"holds no network for 'race', but for gender and age"),
        (".txt", r"is named NAME.* or FILE\[:TASK\] of a network's file that exists"),
    ],
)
def test_a_task_that_is_not_clear_or_not_there_is_an_error(net_file, ending, message):
    with pytest.raises(BackboneError, match=message):
        get_backbone(f"{net_file}{ending}")


def test_the_comparison_refuses_photos_that_the_network_knows(cache, colour_faces):
    faces = FaceTable(colour_faces.manifest, cache)
    n_seen = len(cache.backbone.seen)
    assert n_seen == 35  # of the first twelve people; one photo of theirs has no face
    message = f"net.featurex:gender was trained on {n_seen} of the 70 photos of 'colours'"
    design = Design([GENDER], ["majority"], n_folds=3, options=OPTIONS)
    with pytest.raises(BackboneError, match=message):
        run(faces, design)
    with pytest.raises(BackboneError, match=message):
        fit_models(faces, [GENDER], "majority", OPTIONS)


def test_other_photos_are_compared_and_the_table_says_of_what(cache, parts):
    design = Design([GENDER], ["majority", "svm"], n_folds=3, options=OPTIONS)
    result = run(FaceTable(parts[1], cache), design)
    (note,) = [n for n in result.comparison.notes if "net.featurex" in n]
    assert "trained on 35 photos of ones, none of which is here" in note
    assert "the same people are can't be told" in note
    assert any(str(cache.backbone) in n for n in result.comparison.notes)
    table = result.comparison.table.set_index("model")
    assert table.loc["svm", "accuracy_mean"] > table.loc["majority", "accuracy_mean"] + 0.2


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_known_photos_are_refused_on_either_side_of_two_data_sets(cache, parts, order):
    faces = TransferTable(join_manifests(*(parts[number] for number in order)), cache)
    with pytest.raises(BackboneError, match="trained on 35 of the 35 photos of 'ones': its"):
        run(faces, Design([GENDER], ["majority"], options=OPTIONS))


def test_weights_beside_a_file_are_an_error(net_file):
    with pytest.raises(BackboneError, match="leave --weights out"):
        get_backbone(f"{net_file}:gender", net_file)


def test_a_name_from_a_model_file_never_opens_a_file(net_file):
    with pytest.raises(BackboneError, match="is named NAME"):
        named_backbone(f"{net_file}:gender")


def test_the_transformer_takes_a_file(net_file, tmp_path, tiny):
    embedder = FaceEmbedder(f"{net_file}:gender", cache=tmp_path, device="cpu").fit(["x.jpg"])
    names = embedder.get_feature_names_out()
    assert len(names) == 8
    assert names[0] == f"{get_backbone(f'{net_file}:gender')}[0]"


@pytest.mark.parametrize("model", ["svm", "svm+finetuned"])
def test_a_model_on_its_features_needs_the_file_again(model, cache, parts, net_file, tmp_path):
    options = replace(OPTIONS, backbone=f"{net_file}:gender")
    faces = FaceTable(parts[1], cache)
    estimators, metadata = fit_models(faces, [GENDER], model, options)
    save_model(tmp_path / "m.featurex", estimators, metadata)
    moved = shutil.copy(net_file, tmp_path / "moved.featurex")
    predictor = Predictor.load(tmp_path / "m.featurex", device="cpu", weights=moved)
    chips = cache.chip_column(faces.table["image_id"].tolist()[:5])[:]
    inputs = {"embeddings": cache.embedder(chips), "chips": chips}
    X = inputs if "+" in model else inputs["embeddings"]
    expected = estimators["gender"].predict_proba(X)
    answers = [answer["probabilities"]["gender"] for answer in predictor.answer_chips(chips)]
    np.testing.assert_allclose([list(a.values()) for a in answers], expected, atol=1e-6)
    sha256 = cache.backbone.settings["weights_sha256"]
    with pytest.raises(ModelError, match=rf"net\.featurex \(SHA-256 {sha256[:16]}…\): name that"):
        Predictor.load(tmp_path / "m.featurex", device="cpu")


def test_a_network_trained_further_knows_both_data_sets_and_needs_no_file(
    cache, parts, net_file, tmp_path
):
    options = replace(OPTIONS, backbone=f"{net_file}:gender")
    faces = FaceTable(parts[1], cache)
    estimators, metadata = fit_models(faces, [GENDER], "finetuned", options)
    path = tmp_path / "further.featurex"
    save_model(path, estimators, metadata)
    chips = cache.chip_column(faces.table["image_id"].tolist()[:5])[:]
    (answer, *_) = Predictor.load(path, device="cpu").answer_chips(chips)
    expected = estimators["gender"].predict_proba(chips)[0]
    np.testing.assert_allclose(list(answer["probabilities"]["gender"].values()), expected)
    seen = get_backbone(str(path)).seen
    both = [*parts[0].table["image_id"], *faces.table["image_id"]]
    assert len(seen) == 70
    assert seen.among(both).sum() == 70
    assert get_backbone(str(path)).origin["trunk"] == "tiny:mean"
    assert isinstance(seen, SeenFaces)


def test_the_notes_of_the_networks_data_go_with_its_features(cache, parts):
    faces = FaceTable(replace(parts[1], notes=("Others' note.",)), cache)
    _, metadata = fit_models(faces, [GENDER], "majority", OPTIONS)
    assert metadata["notes"] == ["Others' note.", "Made-up colours."]
