import sys
from importlib.util import find_spec

import numpy as np
import pytest
from PIL import Image

from featurex.exceptions import ModelError
from featurex.explanation.explainer import Explainer
from featurex.models.options import ModelOptions
from featurex.prediction.predictor import Predictor
from featurex.saved_models.files import load_model, save_model
from featurex.saved_models.fitting import fit_models
from featurex.tasks import AGE, AGE_GROUP, GENDER

OPTIONS = ModelOptions("tiny", epochs=1, batch_size=16, device="cpu", n_jobs=1)
SIZE = 16


@pytest.fixture(scope="module")
def models(colour_faces, tiny, tmp_path_factory):
    """An SVM for every task and a network for gender, each loaded from its file."""
    folder = tmp_path_factory.mktemp("models")
    found = {}
    for model, tasks in (("svm", (GENDER, AGE_GROUP, AGE)), ("finetuned", (GENDER,))):
        path = folder / f"{model}.featurex"
        save_model(path, *fit_models(colour_faces, tasks, model, OPTIONS))
        found[model] = load_model(path)
    return found


@pytest.fixture
def svm(models):
    return Predictor([models["svm"]], "cpu")


@pytest.fixture
def finetuned(models):
    return Predictor([models["finetuned"]], "cpu")


@pytest.fixture(scope="module")
def two_colours():
    """A chip that is red, as women are, but for a corner that is green and blue."""
    chip = np.full((1, SIZE, SIZE, 3), (150, 120, 120), np.uint8)
    chip[:, 10:, :6] = (40, 160, 200)
    return chip


def test_every_task_of_every_face_has_a_map(svm, clear_portraits):
    crowd = np.concatenate(clear_portraits[:2], axis=1)
    (explained,) = Explainer(svm, patch=8).explain_each([crowd])
    assert explained.photo is crowd
    assert explained.error is None
    predictions = svm.predict(crowd)
    assert len(explained.faces) == len(predictions) == 2
    for face, predicted in zip(explained.faces, predictions, strict=True):
        assert face.box == predicted.box
        assert face.chip.shape == (SIZE, SIZE, 3)
        assert [one.task for one in face.maps] == svm.tasks == ["gender", "age-group", "age"]
        by_task = {one.task: one for one in face.maps}
        assert by_task["gender"].answer == predicted.gender
        assert by_task["age-group"].answer == predicted.age_group
        assert by_task["age"].answer == pytest.approx(predicted.age, abs=1e-4)
        assert by_task["age"].probability is None
        chance = predicted.probabilities["gender"][predicted.gender]
        assert by_task["gender"].probability == pytest.approx(chance, abs=1e-5)
        units = {task: one.explanation.unit for task, one in by_task.items()}
        assert units == {"gender": "log2 odds", "age-group": "log2 odds", "age": "years"}


def test_the_place_lies_in_the_face(svm, clear_portraits):
    (explained,) = Explainer(svm, patch=4).explain_each(clear_portraits[:1])
    (face,) = explained.faces
    side = face.box[2] - face.box[0]
    for one in face.maps:
        left, top, right, bottom = one.place
        assert all(type(edge) is int for edge in one.place)
        assert 0 <= left < right <= 256
        assert 0 <= top < bottom <= 256
        # The chip is the face and a quarter around it, so 4 of its 16 pixels are a third of a face.
        assert 0.15 * side < right - left < 0.8 * side
        assert face.box[0] - side / 2 < (left + right) / 2 < face.box[2] + side / 2


def test_an_occlusion_says_how_far_the_answer_moves(svm, two_colours):
    """Against the answers for chips that are covered by hand."""
    (maps,) = Explainer(svm, patch=8).explain_chips(two_colours)
    (before,) = svm.answer_chips(two_colours)
    left, top, right, bottom = maps["age"].box
    covered = two_colours.copy()
    covered[:, top:bottom, left:right] = 128
    (after,) = svm.answer_chips(covered)
    assert maps["age"].change == pytest.approx(before["age"] - after["age"], abs=1e-3)
    left, top, right, bottom = maps["gender"].box
    covered = two_colours.copy()
    covered[:, top:bottom, left:right] = 128
    (after,) = svm.answer_chips(covered)
    p, q = (a["probabilities"]["gender"][before["gender"]] for a in (before, after))
    assert maps["gender"].change == pytest.approx(np.log2(p / (1 - p) / (q / (1 - q))), abs=1e-2)


def test_all_tasks_are_occluded_together(svm, two_colours, monkeypatch):
    asked = []
    answer = svm.answer_chips

    def counted(chips):
        asked.append(len(chips))
        return answer(chips)

    monkeypatch.setattr(svm, "answer_chips", counted)
    (maps,) = Explainer(svm, patch=8).explain_chips(two_colours)
    assert list(maps) == svm.tasks
    assert sum(asked) == 1 + 1 + 4 * 4  # the answer, the same in the map, 8 pixels in steps of 3


def test_photos_that_cannot_be_read_do_not_stop_the_others(svm, clear_portraits, tmp_path):
    wall = np.full((200, 300, 3), 128, np.uint8)
    photos = [tmp_path / "none.jpg", wall, clear_portraits[0]]
    found = list(Explainer(svm, patch=8).explain_each(photos))
    assert [one.error for one in found] == ["missing file", None, None]
    assert [len(one.faces) for one in found] == [0, 0, 1]
    assert all(one.photo is photo for one, photo in zip(found, photos, strict=True))


def test_no_chips_are_no_maps(svm):
    assert Explainer(svm).explain_chips(np.empty((0, SIZE, SIZE, 3), np.uint8)) == []


def test_a_network_can_be_occluded(finetuned, two_colours):
    explainer = Explainer(finetuned, "occlusion")
    assert explainer.methods == {"gender": "occlusion"}
    (maps,) = explainer.explain_chips(two_colours)
    assert maps["gender"].unit == "log2 odds"
    assert maps["gender"].values.any()


def test_a_network_with_attention_shows_it(finetuned, two_colours, monkeypatch):
    def attention(chips):
        return chips[:, ::4, ::4, 2].float()  # how blue

    network = finetuned.estimators["gender"].network_
    monkeypatch.setattr(network, "attention", attention, raising=False)
    for method in ("auto", "attention"):
        explainer = Explainer(finetuned, method)
        assert explainer.methods == {"gender": "attention"}
        (maps,) = explainer.explain_chips(two_colours)
        assert maps["gender"].box == (0, 12, 4, 16)


def test_a_network_without_maps_is_occluded(finetuned, monkeypatch):
    monkeypatch.setattr("featurex.explanation.network_maps.spatial_layer", lambda *_: None)
    assert Explainer(finetuned).methods == {"gender": "occlusion"}


def test_grad_cam_of_a_network(finetuned, two_colours):
    if find_spec("pytorch_grad_cam") is None:
        pytest.skip("needs the extra 'explain'")
    explainer = Explainer(finetuned)
    assert explainer.methods == {"gender": "grad-cam"}
    (maps,) = explainer.explain_chips(two_colours)
    assert (maps["gender"].method, maps["gender"].unit) == ("grad-cam", "relative")
    assert maps["gender"].values.shape == (SIZE, SIZE)


def test_models_of_two_kinds_are_explained_in_their_own_ways(models, two_colours, monkeypatch):
    estimators, metadata = models["svm"]
    years = {"age": estimators["age"]}, metadata
    both = Predictor([years, models["finetuned"]], "cpu")
    network = both.estimators["gender"].network_
    monkeypatch.setattr(network, "attention", lambda c: c[..., 0].float(), raising=False)
    explainer = Explainer(both)
    assert explainer.methods == {"age": "occlusion", "gender": "attention"}
    (maps,) = explainer.explain_chips(two_colours)
    assert {task: one.method for task, one in maps.items()} == explainer.methods
    assert maps["age"].unit == "years"


def test_a_missing_package_is_an_error_before_the_work(finetuned, monkeypatch):
    monkeypatch.setitem(sys.modules, "pytorch_grad_cam", None)
    with pytest.raises(ModelError, match="run 'pip install grad-cam'"):
        Explainer(finetuned)


def test_a_method_that_the_model_has_not_is_refused(svm, finetuned):
    for method in ("attention", "grad-cam"):
        with pytest.raises(ModelError, match=f"not one network, which {method} needs"):
            Explainer(svm, method)
    with pytest.raises(ModelError, match="no attention to show"):
        Explainer(finetuned, "attention")
    with pytest.raises(ValueError, match=r"Unknown method 'lime'\. The methods are auto, att"):
        Explainer(svm, "lime")


def test_a_patch_larger_than_the_chip_is_refused_before_the_work(svm):
    with pytest.raises(ValueError, match=r"from 1 to 16 pixels.*Got 17"):
        Explainer(svm, patch=17)


def test_a_grey_photo_is_explained(svm, clear_portraits):
    grey = np.array(Image.fromarray(clear_portraits[0]).convert("L"))
    (explained,) = Explainer(svm, patch=8).explain_each([grey])
    assert len(explained.faces) == 1
