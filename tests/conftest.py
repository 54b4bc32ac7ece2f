"""People who are colours: chips and embeddings with a planted rule, for models that must be fast.

Women are redder than men, and the older somebody is the bluer. Heavy imports are inside: the
tests of `cache` and `pipelines` do without torch.
"""

import hashlib
import os

# Two processes share the tests: threads of their own would fight for the cores. Read when numpy and
# torch are loaded.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pytest
from hypothesis import settings

# No test is timed: a machine that is busy is no failure.
settings.register_profile("featurex", deadline=None)
settings.load_profile("featurex")

GROUPS, AGES = ("4-6", "25-32", "60+"), (5.0, 28.0, 70.0)
SIZE = 16


def make_colours(n_subjects, seed):
    """Return chips of three photos a person, and each photo's subject, gender and group number."""
    rng = np.random.default_rng(seed)
    subject = np.repeat(np.arange(n_subjects), 3)
    male, group = subject % 2, subject // 2 % 3
    chips = rng.normal(120, 12, (len(subject), SIZE, SIZE, 3))
    chips[..., 0] += np.where(male, -30, 30)[:, None, None]
    chips[..., 2] += (60 * (group - 1))[:, None, None]
    return chips.clip(0, 255).astype(np.uint8), subject, male, group


@pytest.fixture
def rng():
    """A seeded generator of random numbers."""
    return np.random.default_rng(0)


@pytest.fixture(scope="session")
def paint():
    """`make_colours`: other people of the same kind."""
    return make_colours


@pytest.fixture(scope="session")
def colours():
    """72 chips of 24 people, with their subjects, genders and age groups' numbers."""
    return make_colours(24, seed=0)


@pytest.fixture(scope="session")
def tiny_backbone():
    """A backbone that builds in no time: one convolution, averaged."""
    import torch
    from torch import nn

    from featurex.backbones import Backbone

    class TinyTrunk(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 8, 3)

        def forward(self, chips):
            return self.conv(chips / 255).relu().mean((2, 3))

    class TinyBackbone(Backbone):
        name, layer, chip_size, padding = "tiny", "mean", SIZE, 0.25
        weights_file = None
        preprocessing = None

        @property
        def settings(self):
            return {"backbone": self.name, "layer": self.layer, "weights_sha256": "ab" * 32}

        def untrained(self):
            return TinyTrunk()

        def build(self):
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(0)
                return TinyTrunk().eval()

    return TinyBackbone()


@pytest.fixture(scope="module")
def tiny(tiny_backbone):
    """The tiny backbone, known by its name wherever models ask for one; one thread is fastest."""
    import torch

    from featurex import backbones

    maker = backbones._maker

    def find(name):
        return (lambda layer, file: tiny_backbone) if name == "tiny" else maker(name)

    threads = torch.get_num_threads()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(backbones, "_maker", find)
        torch.set_num_threads(1)
        yield tiny_backbone
        torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def colour_faces(tmp_path_factory, tiny_backbone, colours):
    """The colours as a manifest, in a real cache; two of the manifest's photos have no face."""
    from featurex.comparison.face_table import FaceTable
    from featurex.extraction.face_cache import FaceCache
    from featurex.manifest import Manifest, make_table

    chips, subject, male, group = colours
    ids = [hashlib.sha256(chip.tobytes()).hexdigest() for chip in chips]
    cache = FaceCache(tmp_path_factory.mktemp("colours"), tiny_backbone, device="cpu")
    found = np.flatnonzero(~np.isin(np.arange(len(ids)), [4, 40]))
    kept = [ids[row] for row in found]
    cache.chips.append(kept, {"chip": chips[found]})
    cache.embeddings.append(kept, {"embedding": cache.embedder(chips[found])})
    columns = {
        "image_id": ids,
        "path": [f"/photos/{row}.jpg" for row in range(len(ids))],
        "subject_id": [f"person{number}" for number in subject],
        "age": np.array(AGES)[group] + subject % 3,
        "age_group": np.array(GROUPS)[group],
        "gender": np.array(["female", "male"])[male],
    }
    manifest = Manifest(make_table(columns, "colours"), {}, "colours", notes=("Made-up colours.",))
    return FaceTable(manifest, cache)
