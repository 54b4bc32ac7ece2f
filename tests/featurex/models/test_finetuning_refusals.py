import numpy as np
import pytest
import torch
from sklearn.exceptions import NotFittedError

from featurex.exceptions import DeviceError, ModelError
from featurex.training import net


@pytest.mark.parametrize("age", [-1.0, np.nan, np.inf])
def test_ages_that_are_none_are_an_error(make_regressor, age):
    with pytest.raises(ValueError, match="Ages must be finite and non-negative"):
        make_regressor().fit(np.zeros((2, 16, 16, 3), np.uint8), [20.0, age])


def test_one_class_is_an_error(make_classifier):
    with pytest.raises(ValueError, match=r"needs two classes. Got only \['male'\]"):
        make_classifier().fit(np.zeros((2, 16, 16, 3), np.uint8), ["male", "male"])


@pytest.mark.parametrize(
    "X",
    [
        np.zeros((4, 16, 16), np.uint8),
        np.zeros((4, 3, 16, 16), np.uint8),
        np.zeros((4, 17, 17, 3), np.uint8),
        np.zeros((4, 16, 16, 3), np.float32),
    ],
    ids=["grey", "channels first", "another size", "float"],
)
def test_what_is_no_chip_is_an_error(make_classifier, X, classifier):
    message = r"must be uint8 face chips of shape \(n, 16, 16, 3\)"
    with pytest.raises(ValueError, match=message):
        make_classifier().fit(X, ["a", "b", "a", "b"])
    with pytest.raises(ValueError, match=message):
        classifier.predict(X)


def test_lengths_that_differ_are_an_error(make_classifier):
    X = np.zeros((4, 16, 16, 3), np.uint8)
    with pytest.raises(ValueError, match="X has 4 rows and y has 2"):
        make_classifier().fit(X, ["a", "b"])
    with pytest.raises(ValueError, match="'groups' must have 4 rows"):
        make_classifier().fit(X, ["a", "b", "a", "b"], groups=[1, 2])


def test_one_subject_can_not_be_validated_on(make_classifier, make_regressor):
    X = np.zeros((4, 16, 16, 3), np.uint8)
    with pytest.raises(ValueError, match="one subject"):
        make_classifier().fit(X, ["a", "b", "a", "b"], groups=[1, 1, 1, 1])
    with pytest.raises(ValueError, match="two subjects or more"):
        make_regressor().fit(X, [1.0, 2.0, 3.0, 4.0], groups=[1, 1, 1, 1])


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_missing_gpu_is_an_error(make_classifier, colours, gender):
    with pytest.raises(DeviceError):
        make_classifier().set_params(device="cuda").fit(colours[0], gender)


def test_too_little_memory_says_what_to_try(make_classifier, colours, gender, monkeypatch):
    def exhausted(*args, **kwargs):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(net.NeuralNet, "train_step", exhausted)
    with pytest.raises(ModelError, match="too small for batches of 16: try batches of 8"):
        make_classifier().fit(colours[0], gender)


def test_too_little_memory_to_answer_names_no_batches(
    make_classifier, colours, gender, monkeypatch
):
    model = make_classifier().fit(colours[0], gender)

    def exhausted(*args, **kwargs):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(model.network_, "logits", exhausted)
    with pytest.raises(ModelError, match="memory of cpu is too small: free some of it"):
        model.predict(colours[0])


def test_what_was_not_fitted_does_not_predict(make_classifier, make_regressor, strangers):
    for model in (make_classifier(), make_regressor()):
        with pytest.raises(NotFittedError):
            model.predict(strangers[0])


def test_an_unknown_network_is_an_error(make_classifier, colours, gender):
    with pytest.raises(ValueError, match=r"Unknown network 'cnn'\. The networks are finetuned"):
        make_classifier().set_params(network="cnn").fit(colours[0], gender)


def test_missing_labels_are_an_error(make_classifier, colours, gender):
    y = gender.astype(object)
    y[[3, 5]] = None
    with pytest.raises(ValueError, match="2 of 72 labels are missing"):
        make_classifier().fit(colours[0], y)
