import pandas as pd
import pytest

from featurex.exceptions import DeviceError, ModelError
from featurex.explanation.explainer import Explainer
from featurex.faces.aligner import FaceAligner
from featurex.prediction.predictor import Predictor
from featurex.saved_models.files import load_model
from featurex.tasks import AGE, GENDER


def test_an_average_on_other_weights_is_refused(model_file):
    path = model_file("svm+finetuned", GENDER)
    backbone = load_model(path)[1]["backbone"]
    other = backbone["settings"] | {"weights_sha256": "cd" * 32}
    with pytest.raises(ModelError, match="SHA-256 cdcdcdcdcdcdcdcd…"):
        Predictor([changed(path, backbone=backbone | {"settings": other})], "cpu")


def test_two_models_for_one_task_are_refused(model_file):
    files = [model_file("svm", GENDER), model_file("majority", GENDER)]
    with pytest.raises(ModelError, match="two models for the task 'gender'"):
        Predictor.load(*files, device="cpu")


def changed(path, **metadata):
    estimators, old = load_model(path)
    return estimators, old | metadata


def test_models_of_other_embeddings_are_not_mixed(model_file):
    path = model_file("svm", GENDER)
    other = changed(path, embedding={"precision": "float32", "mirror": True})
    with pytest.raises(ModelError, match="embeddings of different kinds"):
        Predictor([load_model(path), other], "cpu")


def test_a_precision_from_elsewhere_is_refused(model_file):
    model = changed(model_file("svm", GENDER), embedding={"precision": "int4", "mirror": False})
    with pytest.raises(ModelError, match="another version of featurex"):
        Predictor([model], "cpu")


def test_another_aligner_is_refused(model_file):
    path = model_file("svm", GENDER)
    model = changed(path, aligner={"detector": "dlib-hog"})
    with pytest.raises(ModelError, match="aligned in another way: fit it again"):
        Predictor([model], "cpu")


@pytest.mark.parametrize("aligner", [{"detector": "other"}, {"detector": ["dlib-hog"]}, {}])
def test_an_unknown_detector_is_refused(model_file, aligner):
    model = changed(model_file("svm", GENDER), aligner=aligner)
    with pytest.raises(ModelError, match="another version of featurex: Unknown detector"):
        Predictor([model], "cpu")


def test_faces_are_found_with_the_detector_of_the_training(model_file, photo):
    model = changed(model_file("svm", GENDER), aligner=FaceAligner("dlib-cnn").settings)
    (face,) = Predictor([model], "cpu").predict(photo)
    (expected,) = FaceAligner("dlib-cnn", "cpu").faces(photo)
    assert face.box == tuple(expected.box.tolist())
    assert face.detection_score == expected.score


def test_models_of_different_detectors_are_refused(model_file):
    first, second = model_file("svm", GENDER), model_file("svm", AGE)
    other = changed(second, aligner=FaceAligner("dlib-hog").settings)
    with pytest.raises(ModelError, match=r"different detectors found, hog\+cnn and dlib-hog"):
        Predictor([load_model(first), other], "cpu")


def test_other_chips_are_refused(model_file):
    path = model_file("svm", GENDER)
    backbone = load_model(path)[1]["backbone"]
    with pytest.raises(ModelError, match="aligned in another way"):
        Predictor([changed(path, backbone=backbone | {"padding": 0.5})], "cpu")


def test_another_weights_file_is_refused(model_file):
    path = model_file("svm", GENDER)
    backbone = load_model(path)[1]["backbone"]
    other = backbone["settings"] | {"weights_sha256": "cd" * 32}
    with pytest.raises(
        ModelError, match=r"SHA-256 cdcdcdcdcdcdcdcd…, those here abababababababab…"
    ):
        Predictor([changed(path, backbone=backbone | {"settings": other})], "cpu")


def test_a_network_brings_its_own_weights(model_file):
    path = model_file("finetuned", AGE)
    backbone = load_model(path)[1]["backbone"]
    other = backbone["settings"] | {"weights_sha256": "cd" * 32}
    Predictor([changed(path, backbone=backbone | {"settings": other})], "cpu")


def test_models_of_different_backbones_are_refused(model_file):
    first, second = model_file("svm", GENDER), model_file("svm", AGE)
    backbone = load_model(second)[1]["backbone"] | {"name": "dlib-resnet:pyramid"}
    with pytest.raises(ModelError, match="different backbones, dlib-resnet:pyramid and tiny:mean"):
        Predictor([load_model(first), changed(second, backbone=backbone)], "cpu")


def test_a_device_that_is_not_there_is_an_error_at_once(model_file, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    for model, task in (("svm", GENDER), ("finetuned", AGE), ("svm+finetuned", GENDER)):
        with pytest.raises(DeviceError):
            Predictor.load(model_file(model, task), device="cuda")


def test_no_file_is_an_error():
    with pytest.raises(ValueError, match="at least one model file"):
        Predictor.load()


def test_one_photo_is_no_list(model_file, photo):
    """Else a path would be its characters, and an array its rows."""
    predictor = Predictor.load(model_file("majority", GENDER), device="cpu")
    for photos in ("photo.jpg", photo):
        for each in (
            predictor.predict_each,
            predictor.find_each,
            Explainer(predictor).explain_each,
        ):
            with pytest.raises(ValueError, match="Give a list of photos"):
                each(photos)


def test_a_mapping_and_a_table_are_no_photos(model_file):
    predictor = Predictor.load(model_file("majority", GENDER), device="cpu")
    table = pd.DataFrame({"path": ["photo.jpg"]})
    for photos in ({"anna": "photo.jpg"}, table):
        with pytest.raises(ValueError, match="Give a list of photos"):
            predictor.predict(photos)
    (faces,) = predictor.predict(table["path"])
    assert faces.error == "missing file"
