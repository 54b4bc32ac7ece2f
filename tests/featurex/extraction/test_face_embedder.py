"""`FaceEmbedder`: photos to embeddings inside scikit-learn, through the cache."""

import copy
import pickle
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.model_selection import cross_val_predict
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline

from featurex.backbones import get_backbone
from featurex.exceptions import DatasetError
from featurex.extraction import opening
from featurex.extraction.embedding_options import EmbeddingOptions
from featurex.extraction.face_cache import FaceCache
from featurex.extraction.face_embedder import FaceEmbedder

BLANK = np.zeros((64, 64, 3), np.uint8)


@pytest.fixture(scope="module")
def folder(tmp_path_factory, clear_portraits):
    """Four portraits, one of them twice under another name, a blank photo, and no photo."""
    from PIL import Image

    folder = tmp_path_factory.mktemp("photos")
    for number, pixels in enumerate(clear_portraits):
        Image.fromarray(pixels).save(folder / f"{number}.png")
    (folder / "copy.png").write_bytes((folder / "0.png").read_bytes())
    Image.fromarray(BLANK).save(folder / "blank.png")
    (folder / "text.jpg").write_bytes(b"no photo")
    return folder


@pytest.fixture
def embedder(tmp_path, monkeypatch, tiny_backbone):
    """A transformer of a backbone that takes no time."""
    monkeypatch.setattr(opening, "get_backbone", lambda name, weights: tiny_backbone)
    return FaceEmbedder("tiny", cache=tmp_path / "cache", device="cpu")


@pytest.fixture
def portraits_on_disk(folder):
    return [folder / f"{number}.png" for number in range(4)]


def test_it_returns_what_the_backbone_makes_of_each_photo_s_chip(
    embedder, portraits_on_disk, clear_portraits, aligner, tiny_backbone, tmp_path
):
    found = embedder.fit_transform(portraits_on_disk[::-1])
    network = FaceCache(tmp_path / "other", tiny_backbone, device="cpu").embedder
    chips = [
        aligner.chip(pixels, aligner.central_face(pixels), tiny_backbone.chip_size, 0.25)
        for pixels in clear_portraits
    ]
    np.testing.assert_allclose(found, network(np.stack(chips[::-1])), atol=1e-6)
    assert found.dtype == np.float32


@pytest.mark.parametrize("kind", [list, np.array, pd.Series, lambda paths: np.array(paths, object)])
def test_paths_may_come_in_any_one_dimension(embedder, portraits_on_disk, kind):
    paths = [str(path) for path in portraits_on_disk]
    assert embedder.transform(kind(paths)).shape == (4, 8)


def test_nothing_is_done_twice(embedder, portraits_on_disk, folder, monkeypatch):
    first = embedder.fit_transform(portraits_on_disk)
    monkeypatch.setattr(FaceCache, "embedder", property(lambda cache: pytest.fail("embeds again")))
    again = clone(embedder).transform([folder / "copy.png", *portraits_on_disk])
    np.testing.assert_array_equal(again, first[[0, 0, 1, 2, 3]])


def test_photos_one_by_one_share_the_network_and_the_open_cache(
    embedder, portraits_on_disk, monkeypatch
):
    expected = embedder.fit_transform(portraits_on_disk)
    monkeypatch.setattr(opening, "FaceCache", None)  # would have to be called
    found = [embedder.transform([path])[0] for path in portraits_on_disk]
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("gone", ["*", "embeddings-*", "chips-*"])
def test_a_cache_that_was_deleted_meanwhile_is_made_again(embedder, portraits_on_disk, gone):
    expected = embedder.fit_transform(portraits_on_disk)
    for folder in Path(embedder.cache).glob(gone):
        shutil.rmtree(folder)
    np.testing.assert_array_equal(embedder.transform(portraits_on_disk), expected)


def test_another_parameter_is_another_cache(embedder, portraits_on_disk, tmp_path):
    embedder.fit_transform(portraits_on_disk)
    embedder.set_params(cache=tmp_path / "other").transform(portraits_on_disk[:1])
    assert (tmp_path / "other").is_dir()


@pytest.mark.parametrize(
    "again", [clone, copy.copy, copy.deepcopy, lambda it: pickle.loads(pickle.dumps(it))]
)
def test_a_copy_opens_its_own_cache(embedder, portraits_on_disk, again):
    expected = embedder.fit_transform(portraits_on_disk)
    other = again(embedder)
    assert vars(other) == embedder.get_params()
    np.testing.assert_array_equal(other.transform(portraits_on_disk), expected)


def test_a_cache_is_sent_without_its_network(tmp_path):
    cache = FaceCache(tmp_path, get_backbone("pixels"), device="cpu")
    assert cache.embedder.n_features > 0
    again = pickle.loads(pickle.dumps(cache))
    assert "embedder" not in vars(again)
    assert again.space == cache.space
    assert again.is_there == cache.is_there


def test_a_pipeline_is_cross_validated_over_paths(embedder, portraits_on_disk, folder):
    paths = [*portraits_on_disk, folder / "copy.png"] * 2
    labels = np.array([0, 1, 0, 1, 0] * 2)
    model = make_pipeline(embedder, KNeighborsClassifier(1))  # a photo's copy is its neighbour
    found = cross_val_predict(model, paths, labels, cv=2)
    np.testing.assert_array_equal(found, labels)


def test_photos_without_a_face_are_named_and_the_rest_is_kept(embedder, portraits_on_disk, folder):
    paths = [folder / "blank.png", *portraits_on_disk, folder / "text.jpg", folder / "gone.jpg"]
    with pytest.raises(DatasetError) as raised:
        embedder.fit_transform(paths)
    message = str(raised.value)
    assert message.startswith("3 of 7 photos have no embedding (")
    for part in ("1 no face found", "1 not an image", "blank.png", "text.jpg", "has_face", "'nan'"):
        assert part in message
    np.testing.assert_array_equal(
        embedder.has_face(paths), [False, True, True, True, True, False, False]
    )
    assert embedder.transform(portraits_on_disk).shape == (4, 8)


def test_nan_stands_for_a_missing_face(embedder, portraits_on_disk, folder):
    paths = [folder / "blank.png", *portraits_on_disk, folder / "gone.jpg"]
    found = embedder.set_params(missing="nan").fit_transform(paths)
    np.testing.assert_array_equal(np.isnan(found).all(1), [True, *[False] * 4, True])
    np.testing.assert_array_equal(found[1:5], embedder.transform(portraits_on_disk))


def test_a_copy_of_a_photo_without_a_face_has_the_same_reason(embedder, folder):
    with pytest.raises(DatasetError, match=r"2 of 2 .*\(2 not an image\)"):
        embedder.transform([folder / "text.jpg", folder / "text.jpg"])


def test_no_photos_are_no_rows(embedder):
    assert embedder.transform([]).shape == (0, 8)


@pytest.mark.parametrize(
    ("X", "message"),
    [
        ("photo.jpg", r"a list of paths\. Got the one path 'photo\.jpg'"),
        ([["a.jpg", "b.jpg"]], "Got list in row 0"),
        (np.array([["a.jpg", "b.jpg"]]), r"shape \(1, 2\)"),
        (["a.jpg", 3], "Got int in row 1"),
    ],
)
def test_what_is_no_list_of_paths_is_refused(embedder, X, message):
    with pytest.raises(ValueError, match=message):
        embedder.fit(X)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("missing", "drop", "must be 'error' or 'nan'. Got 'drop'"),
        ("detector", "eyes", "Unknown detector 'eyes'"),
        ("precision", "int8", "int8"),
    ],
)
def test_a_wrong_parameter_is_refused_by_fit(embedder, name, value, message):
    with pytest.raises(ValueError, match=message):
        embedder.set_params(**{name: value}).fit([])


def test_every_number_has_a_name(embedder):
    names = embedder.get_feature_names_out()
    assert list(names[:2]) == ["tiny:mean[0]", "tiny:mean[1]"]
    assert len(names) == 8


def test_pandas_output_has_these_names(embedder, portraits_on_disk):
    table = embedder.set_output(transform="pandas").fit_transform(portraits_on_disk)
    assert list(table.columns) == list(embedder.get_feature_names_out())


def test_mirrored_embeddings_are_the_mean_of_both_sides(tmp_path, tiny_backbone, colours):
    chips = colours[0][:3].copy()
    chips[:, :, :8] = 255  # another picture in the mirror
    plain, mirrored = (
        FaceCache(tmp_path, tiny_backbone, device="cpu", options=EmbeddingOptions(mirror=mirror))
        for mirror in (False, True)
    )
    expected = (plain.embedder(chips) + plain.embedder(chips[:, :, ::-1])) / 2
    np.testing.assert_allclose(mirrored.embedder(chips), expected, atol=1e-6)
    assert not np.allclose(expected, plain.embedder(chips), atol=1e-3)


def test_its_words_reach_the_backbone_and_the_cache(tmp_path, monkeypatch, tiny_backbone):
    asked = []
    monkeypatch.setattr(
        opening, "get_backbone", lambda *words: asked.append(words) or tiny_backbone
    )
    words = {"weights": "w.pth", "detector": "dlib-cnn", "precision": "bfloat16", "mirror": True}
    cache = FaceEmbedder("tiny", cache=tmp_path, device="cpu", **words).open()
    assert asked == [("tiny", Path("w.pth"))]
    assert cache.options == EmbeddingOptions("bfloat16", mirror=True)
    assert cache.aligner.settings["detector"] == "dlib-cnn"
    assert (cache.root, cache.device) == (tmp_path, "cpu")


@pytest.mark.parametrize("device", ["auto", "cpu"])
def test_a_device_that_is_there_is_not_looked_for(tmp_path, monkeypatch, device):
    """Looking would load torch, which embeddings in the cache do not need."""
    monkeypatch.setattr("featurex.machine.devices.resolve_device", pytest.fail)
    FaceEmbedder("pixels", cache=tmp_path, device=device).fit(["a.jpg"])


def test_a_device_that_is_none_is_refused_before_the_work(tmp_path):
    with pytest.raises(ValueError, match="gpu"):
        FaceEmbedder("pixels", cache=tmp_path / "cache", device="gpu").fit(["a.jpg"])
    assert not (tmp_path / "cache").exists()
