"""A finished network, and the features that it gives of faces which it does not know."""

from dataclasses import replace

import pytest

from featurex.backbones import get_backbone
from featurex.comparison.face_table import FaceTable
from featurex.extraction.face_cache import FaceCache
from featurex.models.options import ModelOptions
from featurex.saved_models.files import save_model
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
def cache(net_file, colour_faces, tmp_path_factory):
    """A cache with the network's features of all colours."""
    ids = colour_faces.table["image_id"].tolist()
    chips = colour_faces.cache.chip_column(ids)[:]
    root = tmp_path_factory.mktemp("cache")
    cache = FaceCache(root, get_backbone(f"{net_file}:gender"), device="cpu")
    cache.chips.append(ids, {"chip": chips})
    cache.embeddings.append(ids, {"embedding": cache.embedder(chips)})
    return cache
