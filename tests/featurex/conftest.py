import hashlib
import io

import numpy as np
import pytest
from PIL import Image

from featurex.backbones import get_backbone
from featurex.comparison.face_table import FaceTable
from featurex.datasets.people import people_root
from featurex.extraction.alignment import Photo
from featurex.faces.aligner import FaceAligner
from featurex.manifest import Manifest, make_table
from featurex.models.options import ModelOptions
from featurex.photos.hashing import image_id
from featurex.saved_models.files import save_model
from featurex.saved_models.fitting import fit_models
from featurex.tasks import AGE, GENDER
from pipelines.models import random_forest

# People planted for audits: how many, with how many photos, and their distances as dlib's.
N_PEOPLE, N_EACH = 30, 4
BETWEEN, WITHIN = 0.9, 0.3  # distances, as dlib's


@pytest.fixture(scope="session")
def aligner():
    return FaceAligner()


@pytest.fixture(scope="session")
def portraits():
    """Eight photos of the bundled people, one a person, ``(256, 256, 3)`` uint8."""
    paths = sorted(people_root().glob("person*_0.jpg"))[::12][:8]
    return [np.array(Image.open(path).convert("RGB")) for path in paths]


@pytest.fixture(scope="session")
def clear_portraits(aligner, portraits):
    """The four in which HOG is surest, so that it finds them at any scale."""
    return sorted(portraits, key=lambda photo: -aligner.central_face(photo).score)[:4]


@pytest.fixture(scope="session")
def chips(aligner, portraits):
    """The faces of `portraits`, ``(n, 150, 150, 3)`` uint8."""
    faces = [aligner.central_face(photo) for photo in portraits]
    return np.stack([aligner.chip(p, f, 150, 0.25) for p, f in zip(portraits, faces, strict=True)])


@pytest.fixture(scope="session")
def dlib_resnet():
    """The pyramid of dlib's ResNet, loaded."""
    return get_backbone("dlib-resnet").build()


@pytest.fixture
def write_photo(tmp_path):
    """Return a function that writes pixels, or any bytes, and returns the `Photo`."""

    def write(name, content):
        if not isinstance(content, bytes):
            buffer = io.BytesIO()
            Image.fromarray(content).save(buffer, "PNG", compress_level=1)
            content = buffer.getvalue()
        path = tmp_path / "photos" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
        return Photo(image_id(content), str(path))

    return write


@pytest.fixture
def dlib_backbone(dlib_resnet, monkeypatch):
    """dlib's ResNet as a backbone whose file is read once a session."""
    backbone = get_backbone("dlib-resnet")
    monkeypatch.setattr(backbone, "build", lambda: dlib_resnet)
    return backbone


class Store:
    def contains(self, image_ids):
        return np.ones(len(image_ids), dtype=bool)


class Cache:
    """The part of `FaceCache` that an audit uses; notes which chips were read."""

    def __init__(self, image_ids, X, chips):
        self.embeddings = Store()
        self.row = {image_id: row for row, image_id in enumerate(image_ids)}
        self.X, self.chips, self.read = X, chips, []

    def embedding_column(self, image_ids):
        return self.X[[self.row[i] for i in image_ids]]

    def chip_column(self, image_ids):
        self.read += image_ids
        return self.chips[[self.row[i] for i in image_ids]]


def points(rng, who):
    """Return embeddings: people `BETWEEN` apart, photos `WITHIN`; eight axes tell the gender."""
    centres = rng.normal(size=(who.max() + 1, 128)) * np.sqrt(BETWEEN**2 - WITHIN**2) / 16
    centres[:, :8] += np.where(np.arange(len(centres)) % 2, 0.2, -0.2)[:, None]
    return centres[who] + rng.normal(size=(len(who), 128)) * WITHIN / 16


def make_faces(rng, *, subjects=False, fold=None, copies=3, names=None):
    """Return a `FaceTable`; the last photos are copies of the first, with another age."""
    who = np.repeat(np.arange(N_PEOPLE), N_EACH)
    X = points(rng, who).astype(np.float32)
    chips = rng.integers(0, 255, (len(who), 15, 15, 3), dtype=np.uint8)
    chips = chips.repeat(10, axis=1).repeat(10, axis=2)
    who = np.append(who, who[:copies])
    X = np.vstack([X, X[:copies] + 0.001])
    chips = np.concatenate([chips, chips[:copies, :, ::-1]])
    ids = [hashlib.sha256(bytes([row])).hexdigest() for row in range(len(who))]
    age = 25.0 + who % 3
    age[len(age) - copies :] += 1
    columns = {
        "image_id": ids,
        "path": names or [f"/photos/{row}.jpg" for row in range(len(who))],
        "subject_id": [f"s{number}" for number in who] if subjects else None,
        "age": age,
        "age_group": ["25-32"] * len(who),
        "gender": np.array(["female", "male"])[who % 2],
        "fold": fold,
    }
    manifest = Manifest(make_table(columns, "planted"), {"duplicate": 2}, "planted", ("A note.",))
    return FaceTable(manifest, Cache(ids, X, chips)), who


@pytest.fixture(scope="session")
def plant():
    """`make_faces`: people to audit, with planted copies."""
    return make_faces


# Models that are fitted for the tests of model files and of predictions.
ONE_EPOCH = ModelOptions("tiny", epochs=1, batch_size=16, device="cpu", n_jobs=1)


@pytest.fixture(scope="module")
def fit(colour_faces, tiny):
    """Fit a model for some tasks, each kind once."""
    fitted = {}

    def fit(model, *tasks):
        key = (model, *tasks)
        if key not in fitted:
            fitted[key] = fit_models(colour_faces, tasks, model, ONE_EPOCH)
        return fitted[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(random_forest, "TREES", 10)
        yield fit


@pytest.fixture
def svm_file(fit, tmp_path):
    save_model(tmp_path / "svm.featurex", *fit("svm", GENDER))
    return tmp_path / "svm.featurex"


@pytest.fixture
def network_file(fit, tmp_path):
    save_model(tmp_path / "net.featurex", *fit("finetuned", GENDER, AGE))
    return tmp_path / "net.featurex"


@pytest.fixture(scope="module")
def model_file(colour_faces, tiny, tmp_path_factory):
    """Return a function that fits a model and returns its file."""
    folder = tmp_path_factory.mktemp("models")

    def make(model, *tasks):
        path = folder / f"{model}-{'-'.join(task.name for task in tasks)}.featurex"
        if not path.exists():
            save_model(path, *fit_models(colour_faces, tasks, model, ONE_EPOCH))
        return path

    return make


@pytest.fixture(scope="module")
def photo(clear_portraits):
    return clear_portraits[0]
