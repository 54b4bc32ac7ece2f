"""Predictors in other processes."""

import copy
import multiprocessing
import pickle
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import pytest
from PIL import Image
from sklearn.base import BaseEstimator, clone

from featurex.backbones import get_backbone
from featurex.comparison.face_table import FaceTable
from featurex.exceptions import ModelError
from featurex.explanation.explainer import Explainer
from featurex.extraction.face_cache import FaceCache
from featurex.models.options import ModelOptions
from featurex.prediction import sources
from featurex.prediction.predictor import Predictor
from featurex.saved_models.files import load_model, save_model
from featurex.saved_models.fitting import fit_models
from featurex.tasks import AGE, GENDER


@pytest.fixture(autouse=True)
def nothing_loaded_before():
    sources.load_again.cache_clear()


@pytest.fixture
def pixels_file(tmp_path, colour_faces):
    """A model on a backbone that other processes know too."""
    backbone = get_backbone("pixels")
    cache = FaceCache(tmp_path / "cache", backbone, device="cpu")
    ids, size = colour_faces.cache.chips.keys(), backbone.chip_size
    chips = np.random.default_rng(0).integers(0, 255, (len(ids), size, size, 3), np.uint8)
    cache.chips.append(ids, {"chip": chips})
    cache.embeddings.append(ids, {"embedding": cache.embedder(chips)})
    faces = FaceTable(colour_faces.manifest, cache)
    save_model(
        tmp_path / "pixels.featurex", *fit_models(faces, [GENDER], "majority", ModelOptions())
    )
    return tmp_path / "pixels.featurex"


def sent(predictor):
    return pickle.loads(pickle.dumps(predictor))


def test_a_spawned_process_answers_the_same(pixels_file, photo, tmp_path, monkeypatch):
    Image.fromarray(photo).save(tmp_path / "photo.png")
    monkeypatch.chdir(tmp_path)
    predictor = Predictor.load(pixels_file.name, device="cpu")
    monkeypatch.chdir(tmp_path.parent)
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        answer = pool.submit(predictor.predict, tmp_path / "photo.png").result()
    assert answer == predictor.predict(photo)
    assert len(answer) == 1


def test_files_and_options_are_sent_and_no_network(model_file, photo):
    files = [model_file("svm", GENDER), model_file("finetuned", AGE)]
    predictor = Predictor.load(*files, device="cpu", reject=1.0)
    pickled = pickle.dumps(predictor)
    assert len(pickled) < 1000
    again = pickle.loads(pickled)
    assert again is not predictor
    assert again.tasks == ["gender", "age"]
    assert again.predict(photo) == predictor.predict(photo)
    assert again.predict(photo)[0].gender == "undefined"
    assert sent(again).predict(photo) == predictor.predict(photo)


def test_a_process_loads_it_once(model_file):
    predictor = Predictor.load(model_file("svm", GENDER), device="cpu")
    assert sent(predictor) is sent(predictor)
    always = Predictor.load(model_file("svm", GENDER), device="cpu", reject=1.0)
    assert sent(always) is not sent(predictor)  # though 1.0 == True


def test_a_file_that_has_changed_is_refused(svm_file, network_file):
    predictor = Predictor.load(svm_file, device="cpu")
    network_file.replace(svm_file)
    with pytest.raises(ModelError, match=r"svm\.featurex has changed since"):
        sent(predictor)


def test_a_file_that_is_gone_is_refused(svm_file):
    predictor = Predictor.load(svm_file, device="cpu")
    svm_file.unlink()
    with pytest.raises(ModelError, match=r"svm\.featurex: No such file"):
        sent(predictor)


def test_models_in_memory_are_not_sent(svm_file):
    with pytest.raises(TypeError, match=r"use Predictor\.load"):
        pickle.dumps(Predictor([load_model(svm_file)], "cpu"))


class Holder(BaseEstimator):
    def __init__(self, predictor):
        self.predictor = predictor


def test_a_copy_is_the_predictor_itself(svm_file):
    predictor = Predictor([load_model(svm_file)], "cpu")
    assert copy.copy(predictor) is predictor
    assert copy.deepcopy({"a": predictor})["a"] is predictor
    assert clone(Holder(predictor)).predictor is predictor


def test_an_explainer_is_sent_without_its_networks(network_file):
    explainer = Explainer(Predictor.load(network_file, device="cpu"), "occlusion", patch=4)
    pickled = pickle.dumps(explainer)
    assert len(pickled) < 1000
    again = pickle.loads(pickled)
    assert (again.methods, again.patch) == (explainer.methods, 4)
    assert again.predictor.tasks == ["gender", "age"]
