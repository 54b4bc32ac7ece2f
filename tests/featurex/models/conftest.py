import numpy as np
import pytest

from featurex.models.finetuning import NetworkClassifier, NetworkRegressor
from featurex.training.settings import TrainingSettings


@pytest.fixture(scope="session")
def small():
    """Settings of a short training, with rates for a trunk that was never trained."""
    return TrainingSettings(epochs=8, batch_size=16, learning_rate=1e-2, head_learning_rate=1e-1)


@pytest.fixture(scope="module")
def make_classifier(tiny, small):
    def make(settings=small, **options):
        return NetworkClassifier("finetuned", "tiny", settings=settings, device="cpu", **options)

    return make


@pytest.fixture(scope="module")
def make_regressor(tiny, small):
    def make(settings=small, **options):
        return NetworkRegressor("finetuned", "tiny", settings=settings, device="cpu", **options)

    return make


@pytest.fixture(scope="session")
def gender(colours):
    return np.array(["female", "male"])[colours[2]]


@pytest.fixture(scope="session")
def years(colours):
    return np.array([5.0, 28.0, 70.0])[colours[3]]


@pytest.fixture(scope="module")
def classifier(make_classifier, colours, gender):
    chips, subject, _, _ = colours
    return make_classifier().fit(chips, gender, groups=subject)


@pytest.fixture(scope="session")
def strangers(paint):
    return paint(24, seed=1)
