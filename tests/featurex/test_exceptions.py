import pickle

import pytest

import cache
import featurex
import pipelines
from featurex import exceptions
from featurex.exceptions import FeaturexError, NoPhotoError, PhotoError


def test_photo_error_says_which_photo_and_why():
    error = PhotoError("a/b.jpg", "empty file")
    assert str(error) == "a/b.jpg: empty file"
    assert (error.name, error.reason) == ("a/b.jpg", "empty file")


def test_what_is_no_photo_is_a_bad_argument_too():
    error = pickle.loads(pickle.dumps(NoPhotoError("NoneType", "not a path")))
    assert isinstance(error, ValueError)
    assert isinstance(error, PhotoError)
    assert str(error) == "NoneType: not a path"


def test_photo_error_survives_the_way_between_processes():
    error = pickle.loads(pickle.dumps(PhotoError("b.jpg", "not an image")))
    assert (error.name, error.reason) == ("b.jpg", "not an image")


@pytest.mark.parametrize(
    "name",
    [
        "DatasetError",
        "PhotoError",
        "NoPhotoError",
        "BackboneError",
        "DeviceError",
        "ModelError",
        "RunError",
    ],
)
def test_every_error_is_a_featurex_error_and_in_the_tree(name):
    assert issubclass(getattr(exceptions, name), FeaturexError)
    assert name in exceptions.__doc__


def test_what_there_is_to_catch_is_featurexs_own():
    assert featurex.CacheError is cache.CacheError
    assert featurex.PipelineError is pipelines.PipelineError
    for name in ("FeaturexError", "CacheError", "PipelineError"):
        assert f"featurex.{name}" in exceptions.__doc__
