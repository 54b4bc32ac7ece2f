import dataclasses

import numpy as np
import pytest
from PIL import Image

from featurex.comparison.face_table import FaceTable
from featurex.exceptions import ModelError, PhotoError
from featurex.extraction.embedding import Embedder
from featurex.labels import AGE_GROUP_YEARS, AGE_GROUPS
from featurex.machine import paced
from featurex.manifest import Manifest
from featurex.models.options import ModelOptions
from featurex.prediction.face_predictions import FacePrediction, PhotoFaces
from featurex.prediction.predictor import PHOTOS_AT_A_TIME, Predictor
from featurex.saved_models.files import load_model, save_model
from featurex.saved_models.fitting import fit_models
from featurex.tasks import AGE, AGE_GROUP, GENDER, choose_tasks

OPTIONS = ModelOptions("tiny", epochs=1, batch_size=16, device="cpu", n_jobs=1)


@pytest.fixture(scope="module")
def predictor(model_file):
    return Predictor.load(model_file("svm", GENDER, AGE_GROUP, AGE), device="cpu")


@pytest.fixture(scope="module")
def crowd(clear_portraits):
    """Three people, from left to right."""
    return np.concatenate(clear_portraits[:3], axis=1)


@pytest.fixture(scope="module")
def wall():
    return np.full((200, 300, 3), 128, np.uint8)


@pytest.fixture
def photo_file(tmp_path, photo):
    path = tmp_path / "ein foto.png"
    Image.fromarray(photo).save(path)
    return path


def test_a_face_gets_every_answer(predictor, photo):
    (face,) = predictor.predict(photo)
    assert isinstance(face, FacePrediction)
    assert face.gender == max(face.probabilities["gender"], key=face.probabilities["gender"].get)
    assert list(face.probabilities["age-group"]) == list(AGE_GROUPS)
    for chances in face.probabilities.values():
        assert sum(chances.values()) == pytest.approx(1)
    assert face.probabilities["age-group"]["8-13"] == 0  # a class that no training face had
    assert 0 <= face.age < 120
    assert face.age_error > 0
    left, top, right, bottom = face.box
    assert 0 <= left < right < 256
    assert 0 <= top < bottom < 256
    assert all(type(side) is int for side in face.box)


@pytest.mark.parametrize("model", ["svm", "finetuned"])
def test_the_answer_is_the_models_for_the_aligned_chip(model, model_file, photo, aligner, tiny):
    from featurex.extraction.embedding import Embedder

    path = model_file(model, GENDER, AGE)
    estimators, _ = load_model(path)
    face = aligner.faces(photo)[0]
    chips = aligner.chip(photo, face, 16, 0.25)[None]
    X = Embedder(tiny, "cpu")(chips) if model == "svm" else chips
    (answer,) = Predictor.load(path, device="cpu").predict(photo)
    expected = estimators["gender"].predict_proba(X)[0]
    assert list(answer.probabilities["gender"].values()) == pytest.approx(expected)
    assert answer.age == pytest.approx(max(0, estimators["age"].predict(X)[0]))
    assert answer.box == tuple(face.box)


def test_an_average_is_that_of_its_parts_answers(model_file, photo):
    path = model_file("svm+finetuned", GENDER, AGE_GROUP, AGE)
    (face,) = Predictor.load(path, device="cpu").predict(photo)
    parts = []
    for part in load_model(path)[1]["parts"]:
        assert part["model"] in ("svm", "finetuned")
        alone = model_file(part["model"], GENDER, AGE_GROUP, AGE)
        parts += Predictor.load(alone, device="cpu").predict(photo)
    for task in ("gender", "age-group"):
        chances = [np.array(list(part.probabilities[task].values())) for part in parts]
        product = np.sqrt(chances[0] * chances[1])
        found = list(face.probabilities[task].values())
        np.testing.assert_allclose(found, product / product.sum(), atol=1e-5)
    assert face.age == pytest.approx((parts[0].age + parts[1].age) / 2, abs=1e-6)
    assert face.age_error is None
    assert face.box == parts[0].box
    assert face.gender == max(face.probabilities["gender"], key=face.probabilities["gender"].get)


def test_an_average_looks_once(model_file, photo, monkeypatch):
    """One detection, one embedding, and each network sees the face once."""
    predictor = Predictor.load(model_file("svm+mlp+finetuned", GENDER, AGE), device="cpu")
    calls = []

    def counted(name, function):
        return lambda *args: calls.append(name) or function(*args)

    monkeypatch.setattr(predictor._aligner, "faces", counted("find", predictor._aligner.faces))
    monkeypatch.setattr(predictor, "_embedder", counted("embed", predictor._embedder))
    for task in ("gender", "age"):
        network = predictor._models[task][0].parts[-1][0].network_
        monkeypatch.setattr(network, "forward", counted(f"see {task}", network.forward))
    assert len(predictor.predict(photo)) == 1
    assert calls == ["find", "embed", "see gender", "see age"]


def test_an_average_and_a_single_model_answer_together(model_file, photo):
    files = [model_file("svm+finetuned", GENDER), model_file("svm", AGE)]
    together = Predictor.load(*files, device="cpu")
    (face,) = together.predict(photo)
    assert together.tasks == ["gender", "age"]
    assert face.age_error > 0
    with pytest.raises(ModelError, match="two models for the task 'gender'"):
        Predictor.load(files[0], model_file("svm", GENDER), device="cpu")


def test_every_kind_of_photo_gives_the_same(predictor, photo, photo_file):
    expected = list(predictor.predict(photo))
    files = (photo_file, str(photo_file), photo_file.read_bytes())
    for same in (*files, Image.fromarray(photo), Image.open(photo_file)):
        assert list(predictor.predict(same)) == expected


def test_a_grey_array_is_a_photo(predictor, photo):
    grey = np.array(Image.fromarray(photo).convert("L"))
    assert predictor.predict(grey) == predictor.predict(np.repeat(grey[:, :, None], 3, 2))
    assert len(predictor.predict(grey)) == 1


def test_several_faces_come_from_left_to_right(predictor, crowd, photo):
    faces = predictor.predict(crowd)
    assert len(faces) == 3
    assert [face.box[0] // 256 for face in faces] == [0, 1, 2]
    (alone,) = predictor.predict(photo)
    assert faces[0].gender == alone.gender
    chances = faces[0].probabilities["gender"].values()
    assert list(chances) == pytest.approx(list(alone.probabilities["gender"].values()), abs=0.2)


def test_a_photo_without_a_face_is_empty_and_no_error(predictor, wall):
    faces = predictor.predict(wall)
    assert isinstance(faces, PhotoFaces)
    assert list(faces) == []
    assert faces.error is None


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 400, 3), (2, 2), (16, 16, 3)])
def test_tiny_photos_have_no_face(predictor, shape):
    assert list(predictor.predict(np.zeros(shape, np.uint8))) == []


def test_a_list_keeps_its_order_and_goes_on(predictor, photo, crowd, wall, photo_file, tmp_path):
    damaged = tmp_path / "damaged.png"
    damaged.write_bytes(photo_file.read_bytes()[:2000])
    photos = [wall, damaged, crowd, tmp_path / "none.jpg", photo_file]
    answers = predictor.predict(photos)
    assert [len(faces) for faces in answers] == [0, 0, 3, 0, 1]
    assert [faces.error for faces in answers] == [
        None,
        "damaged image",
        None,
        "missing file",
        None,
    ]
    assert all(faces.photo is asked for faces, asked in zip(answers, photos, strict=True))
    # Beside other chips in a batch, a chip's numbers differ in the last digits.
    alone, among = predictor.predict(photo_file)[0], answers[4][0]
    assert alone.box == among.box
    assert alone.probabilities["gender"] == pytest.approx(among.probabilities["gender"], abs=1e-6)


def test_what_is_no_photo_does_not_stop_the_others(predictor, photo):
    answers = predictor.predict([photo.astype(float), None, photo[:0], {"path": "a.jpg"}, photo])
    array = "a photo as an array must be uint8 of shape (h, w, 3) RGB or (h, w) grey"
    other = "not a path, bytes, PIL image or array"
    assert [faces.error for faces in answers] == [
        array,
        other,
        "a photo without pixels",
        other,
        None,
    ]
    assert len(answers[-1]) == 1
    with pytest.raises(ValueError, match="must be uint8"):
        predictor.predict(photo.astype(float))


def test_an_empty_list_is_an_empty_list(predictor):
    assert predictor.predict([]) == []


def test_a_single_damaged_photo_is_an_error(predictor, tmp_path):
    path = tmp_path / "empty.jpg"
    path.touch()
    with pytest.raises(PhotoError, match=r"empty\.jpg: empty file"):
        predictor.predict(path)


def test_photos_are_taken_as_they_are_needed(predictor, wall, monkeypatch):
    monkeypatch.setattr(predictor._aligner, "faces", lambda photo: [])
    monkeypatch.setattr("featurex.prediction.predictor.core_count", lambda: 2)
    taken = []

    def photos():
        for number in range(5 * PHOTOS_AT_A_TIME):
            taken.append(number)
            yield wall

    for n_read, _ in enumerate(predictor.predict_each(photos())):
        assert len(taken) <= n_read + 3 * PHOTOS_AT_A_TIME
    assert len(taken) == 5 * PHOTOS_AT_A_TIME


@pytest.mark.parametrize("on_cpu", [True, False])
def test_photos_that_come_slowly_are_answered_as_they_come(predictor, photo, monkeypatch, on_cpu):
    monkeypatch.setattr(predictor, "_on_cpu", on_cpu)
    monkeypatch.setattr(paced, "_SLOW_SECONDS", 0)
    monkeypatch.setattr(paced, "_PATIENT_SECONDS", 0)
    monkeypatch.setattr(paced, "_PATIENCE", 1e9)
    drawn = []
    photos = (drawn.append(number) or photo for number in range(5))
    for number, faces in enumerate(predictor.predict_each(photos)):
        assert len(faces) == 1
        assert len(drawn) == number + 1


def test_answers_of_many_blocks_are_those_of_each_photo_alone(predictor, portraits, wall, tmp_path):
    """In their order, whatever is found first, with a photo without a face and one that is none."""
    n_photos = 2 * PHOTOS_AT_A_TIME + 5
    photos = [(*portraits, wall, tmp_path / "none.jpg")[n % 10] for n in range(n_photos)]
    alone = [predictor.predict(photo) for photo in photos[:9]]
    for number, faces in enumerate(predictor.predict_each(iter(photos))):
        assert faces.photo is photos[number]
        assert faces.error == ("missing file" if number % 10 == 9 else None)
        expected = [] if faces.error else alone[number % 10]
        assert [face.box for face in faces] == [face.box for face in expected]
        for face, same in zip(faces, expected, strict=True):
            assert face.age == pytest.approx(same.age, abs=1e-3)
            for task, chances in face.probabilities.items():
                assert chances == pytest.approx(same.probabilities[task], abs=1e-5)


def test_a_reader_may_stop_early(predictor, wall, monkeypatch):
    monkeypatch.setattr(predictor._aligner, "faces", lambda photo: [])
    answers = predictor.predict_each(wall for _ in range(10**9))
    assert list(next(answers)) == []
    answers.close()


def test_models_of_several_files_answer_together(model_file, predictor, photo):
    files = [model_file("svm", GENDER), model_file("finetuned", AGE)]
    together = Predictor.load(*files, device="cpu")
    assert together.tasks == ["gender", "age"]
    (face,) = together.predict(photo)
    assert face.age_group is None
    assert list(face.probabilities) == ["gender"]
    assert face.gender == predictor.predict(photo)[0].gender


def test_without_a_regressor_the_age_is_the_groups_expectation(model_file, photo):
    (face,) = Predictor.load(model_file("svm", AGE_GROUP), device="cpu").predict(photo)
    chances = face.probabilities["age-group"].values()
    assert face.age == pytest.approx(float(np.dot(list(chances), AGE_GROUP_YEARS)))
    assert face.age_error is None


def test_the_notes_are_said_once(model_file):
    files = [model_file("svm", GENDER), model_file("svm", AGE)]
    assert Predictor.load(*files, device="cpu").notes == ["Made-up colours."]


def test_a_damaged_pillow_picture_is_a_photo_error(tmp_path, photo, predictor):
    path = tmp_path / "damaged.jpg"
    Image.fromarray(photo).save(path)
    path.write_bytes(path.read_bytes()[:3000])
    assert predictor.predict([Image.open(path)])[0].error == "damaged image"


def test_an_answer_is_plain_data(predictor, photo):
    (face,) = predictor.predict(photo)
    assert type(dataclasses.asdict(face)["probabilities"]["gender"]["male"]) is float


def test_race_is_among_the_probabilities_only(colour_faces, tiny, tmp_path, photo):
    table = colour_faces.manifest.table.copy()
    table["race"] = np.where(np.arange(72) % 2, "White", "Black")
    manifest = Manifest(table, {}, "colours")
    faces = FaceTable(manifest, colour_faces.cache)
    fitted = fit_models(faces, choose_tasks(["race", "gender"], manifest), "majority", OPTIONS)
    save_model(tmp_path / "m", *fitted)
    (face,) = Predictor.load(tmp_path / "m", device="cpu").predict(photo)
    assert set(face.probabilities["race"]) == {"White", "Black"}
    assert face.gender in ("female", "male")


def test_a_model_of_mirrored_embeddings_is_given_them(model_file, tiny, colours):
    estimators, metadata = load_model(model_file("svm", GENDER))
    told = {"embedding": {"precision": "float32", "mirror": True}}
    chips, embed = colours[0][:4].copy(), Embedder(tiny, "cpu")
    chips[:, :, :8] = 255  # another picture in the mirror
    plain, turned = embed(chips), embed(chips[:, :, ::-1])
    expected = estimators["gender"].predict_proba((plain + turned) / 2)
    answers = Predictor([(estimators, metadata | told)], "cpu").answer_chips(chips)
    found = [list(answer["probabilities"]["gender"].values()) for answer in answers]
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert not np.allclose(expected, estimators["gender"].predict_proba(plain), atol=1e-3)
