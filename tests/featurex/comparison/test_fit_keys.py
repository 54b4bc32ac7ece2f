"""Whatever a fit's answers depend on changes its key, each thing alone; nothing else does."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from featurex.comparison import fit_keys
from featurex.extraction import spaces
from featurex.models.options import ModelOptions, make_estimator
from featurex.tasks import AGE_GROUP, GENDER
from pipelines import CrossValidation
from pipelines.models import svm

OPTIONS = ModelOptions("tiny", device="cpu", n_jobs=1)
PACKAGES = ("featurex", "numpy", "scikit-learn", "scipy")
N = 12
IDS = np.array([f"{row:064x}" for row in range(N)])


@pytest.fixture
def job():
    """A fit of six people, two photos each, that is tested on two of them."""
    validation = CrossValidation(
        np.zeros((N, 2)),
        np.array(["female", "male"] * (N // 2)),
        task=GENDER,
        model="svm",
        image_ids=IDS,
        folds=np.repeat([0, 1, 2], 4),
        groups=np.repeat(list("abcdef"), 2),
    )
    return validation.jobs()[0]


def key(job, ids=IDS, options=OPTIONS, model="svm", space="embeddings-1"):
    """Name a fit on the embeddings of a space."""
    faces = SimpleNamespace(cache=SimpleNamespace(space=SimpleNamespace(id=space)))
    estimator = make_estimator(model, job.task, options)
    (found,) = fit_keys.fit_keys(faces, model, options, estimator, [job], ids)
    return found


def network_key(job, *, options=OPTIONS, weights="ab" * 32, chip_size=16):
    """Name a network's fit on the chips that a backbone takes."""
    settings = {"backbone": "tiny", "weights_sha256": weights}
    backbone = SimpleNamespace(chip_size=chip_size, padding=0.25, settings=settings)
    aligner = SimpleNamespace(settings={"detector": "dlib-hog"})
    faces = SimpleNamespace(cache=SimpleNamespace(aligner=aligner, backbone=backbone))
    estimator = make_estimator("finetuned", job.task, options)
    (found,) = fit_keys.fit_keys(faces, "finetuned", options, estimator, [job], IDS)
    return found


def flipped(values):
    return values[::-1].copy()


@pytest.mark.parametrize(
    "change",
    [
        lambda job: {"y": flipped(job.y)},
        lambda job: {"train": job.train[:-1]},
        lambda job: {"train": flipped(job.train)},
        lambda job: {"test": job.test[:-1]},
        lambda job: {"known": {"groups": flipped(job.known["groups"])}},
        lambda job: {"known": {}},
        lambda job: {"task": AGE_GROUP},
    ],
    ids=["labels", "fewer", "order", "tested", "subjects", "nobody", "task"],
)
def test_what_a_fit_gets_is_in_its_key(change, job):
    assert key(replace(job, **change(job))) != key(job) == key(replace(job))


def test_other_photos_of_the_same_labels_have_another_key(job):
    for side in (job.train, job.test):
        ids = IDS.copy()
        ids[side[0]] = "f" * 64
        assert key(job, ids=ids) != key(job)


def test_where_the_rows_stand_is_not_in_the_key(job):
    """Rows that the fit never meets may come before its own, and its fold have another number."""
    moved = replace(job, train=job.train + 3, test=job.test + 3, fold=7, repeat=1)
    assert key(moved, ids=np.concatenate([["e" * 64] * 3, IDS])) == key(job)


def test_the_number_of_processes_is_not_in_the_key(job):
    assert key(job, options=replace(OPTIONS, n_jobs=2)) == key(job)


@pytest.mark.parametrize(
    "settings",
    [{"options": replace(OPTIONS, seed=1)}, {"model": "mlp"}, {"space": "embeddings-2"}],
    ids=str,
)
def test_settings_are_in_the_key(settings, job):
    assert key(job, **settings) != key(job)


def test_parameters_and_the_code_are_in_the_key(job, monkeypatch):
    keys = [key(job)]
    monkeypatch.setattr(svm, "VARIANCE", 0.5)
    keys.append(key(job))
    monkeypatch.setattr(fit_keys, "FITS", fit_keys.FITS + 1)
    keys.append(key(job))
    assert len(set(keys)) == 3


@pytest.mark.parametrize("package", PACKAGES)
def test_versions_are_in_the_key(package, job, monkeypatch):
    before, real = key(job), spaces._version
    monkeypatch.setattr(spaces, "_version", lambda name: "99" if name == package else real(name))
    assert key(job) != before


@pytest.mark.parametrize(
    "change",
    [
        {"weights": "cd" * 32},
        {"chip_size": 32},
        {"options": replace(OPTIONS, seed=1)},
        {"options": replace(OPTIONS, epochs=3)},
        {"options": replace(OPTIONS, training=("mirror=0",))},
    ],
    ids=["weights", "chips", "seed", "epochs", "training"],
)
def test_what_a_network_is_made_of_is_in_its_key(change, job):
    assert network_key(job, **change) != network_key(job)


def test_a_network_s_key_has_the_kind_of_its_device_and_not_its_name(job, monkeypatch):
    names, kind = ("cpu", "auto", "cuda:1"), ["cpu"]
    monkeypatch.setattr(
        "featurex.machine.devices.resolve_device", lambda name: torch.device(kind[0])
    )
    on_cpu = {network_key(job, options=replace(OPTIONS, device=name)) for name in names}
    kind[0] = "cuda"
    on_gpu = {network_key(job, options=replace(OPTIONS, device=name)) for name in names}
    assert len(on_cpu) == len(on_gpu) == 1
    assert on_cpu != on_gpu


def test_where_a_network_s_weights_lie_is_not_in_its_key(job):
    assert network_key(job, options=replace(OPTIONS, weights="w.dat")) == network_key(job)


@pytest.mark.parametrize("package", [*PACKAGES, "torch", "torchvision", "timm", "skorch"])
def test_versions_are_in_a_network_s_key(package, job, monkeypatch):
    before, real = network_key(job), spaces._version
    monkeypatch.setattr(spaces, "_version", lambda name: "99" if name == package else real(name))
    assert network_key(job) != before
