"""Finished networks as backbones: their features, their names, and the photos that they know."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.numpy import load as load_arrays
from safetensors.numpy import save as save_arrays

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
from featurex.saved_models.files import load_model, save_model
from featurex.saved_models.fitting import fit_models
from featurex.tasks import AGE, GENDER

OPTIONS = ModelOptions("tiny", epochs=1, batch_size=16, device="cpu", n_jobs=1)


def part_of(manifest, subjects, dataset):
    table = manifest.table[manifest.table["subject_id"].isin(subjects)].reset_index(drop=True)
    return replace(manifest, table=table.assign(dataset=dataset), dataset=dataset)


@pytest.fixture(scope="module")
def parts(colour_faces):
    """The colours in two data sets of different people: those a network is trained on, others."""
    people = colour_faces.manifest.table["subject_id"].unique()
    return (
        part_of(colour_faces.manifest, people[:12], "ones"),
        part_of(colour_faces.manifest, people[12:], "others"),
    )


@pytest.fixture(scope="module")
def fitted(parts, colour_faces, tiny):
    faces = FaceTable(parts[0], colour_faces.cache)
    return fit_models(faces, [GENDER, AGE], "finetuned", OPTIONS)


@pytest.fixture(scope="module")
def net_file(fitted, tmp_path_factory):
    path = tmp_path_factory.mktemp("networks") / "net.featurex"
    save_model(path, *fitted)
    return path


@pytest.fixture(scope="module")
def on_network(net_file, colour_faces, tmp_path_factory):
    """Return a function that makes a cache with the features of all colours."""

    def fill(name=f"{net_file}:gender"):
        ids = colour_faces.table["image_id"].tolist()
        chips = colour_faces.cache.chip_column(ids)[:]
        root = tmp_path_factory.mktemp("cache")
        cache = FaceCache(root, get_backbone(name), device="cpu")
        cache.chips.append(ids, {"chip": chips})
        cache.embeddings.append(ids, {"embedding": cache.embedder(chips)})
        return cache

    return fill


@pytest.fixture(scope="module")
def cache(on_network):
    return on_network()


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


def test_another_networks_file_is_refused(cache, parts, net_file, tmp_path):
    options = replace(OPTIONS, backbone=f"{net_file}:gender")
    save_model(tmp_path / "m", *fit_models(FaceTable(parts[1], cache), [GENDER], "svm", options))
    other = rewritten(
        net_file, tmp_path / "other.featurex", lambda t: t.update(extra=np.zeros(1, np.float32))
    )
    with pytest.raises(BackboneError, match=r"other\.featurex is another network's file than"):
        Predictor.load(tmp_path / "m", device="cpu", weights=other)


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
