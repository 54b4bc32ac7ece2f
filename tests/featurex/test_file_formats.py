"""What marks our files does not change by chance: files of earlier versions must be read."""

import pytest

from featurex.backbones import network_files
from featurex.comparison import kept
from featurex.saved_models import fused_files
from featurex.training import checkpoints
from pipelines import persistence


@pytest.mark.parametrize(
    ("found", "mark"),
    [
        (kept.FORMAT, b"featurex.kept.1 "),
        (checkpoints.FORMAT, "featurex.checkpoint.1"),
        ((network_files.FORMAT, network_files.READ_VERSIONS), ("featurex.network", (2, 3))),
        (fused_files._HEADER, b'{"format": "featurex.average", "version": 1}\n'),
        ((persistence.FORMAT, persistence.VERSION), ("pipelines.model", 1)),
    ],
)
def test_marks_of_our_files(found, mark):
    assert found == mark
