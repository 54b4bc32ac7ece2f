from types import SimpleNamespace

import pytest

from featurex.training.run import TrainingRun
from featurex.training.settings import TrainingSettings


@pytest.mark.parametrize(
    ("warmup", "patience", "best_epoch", "last"),
    [
        (0.3, 4, 1, 7),  # three epochs of warm-up, and four of waiting
        (0.3, 4, 3, 7),
        (0.3, 4, 5, 9),
        (0.25, 4, 1, 7),  # half an epoch counts as one
        (0.0, 4, 1, 5),
        (0.3, 4, 9, 10),
        (1.0, 1, 1, 10),
    ],
)
def test_patience_counts_from_the_end_of_the_warm_up(warmup, patience, best_epoch, last):
    settings = TrainingSettings(epochs=10, warmup=warmup, patience=patience)
    over = [
        TrainingRun.is_over.fget(
            SimpleNamespace(
                history=[{}] * done, best_epoch=min(done, best_epoch), settings=settings
            )
        )
        for done in range(1, 11)
    ]
    assert over.index(True) + 1 == last
