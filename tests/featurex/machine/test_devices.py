import pytest
import torch

from featurex.exceptions import DeviceError
from featurex.machine.devices import device_label, resolve_device


@pytest.fixture
def with_gpus(monkeypatch):
    def pretend(count):
        monkeypatch.setattr(torch.cuda, "is_available", lambda: count > 0)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: count)
        monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "A GPU")

    return pretend


def test_auto_takes_the_gpu_only_where_there_is_one(with_gpus):
    with_gpus(0)
    assert resolve_device("auto") == torch.device("cpu")
    with_gpus(2)
    assert resolve_device() == torch.device("cuda")


@pytest.mark.parametrize(("name", "count"), [("cuda", 0), ("cuda:0", 0), ("cuda:1", 1)])
def test_a_missing_gpu_is_an_error_and_never_the_cpu(with_gpus, name, count):
    with_gpus(count)
    with pytest.raises(DeviceError, match=rf"'{name}'.* sees {count} GPU.*--device cpu"):
        resolve_device(name)


@pytest.mark.parametrize("name", ["cpu", "cuda", "cuda:1"])
def test_a_device_that_is_there_is_returned(with_gpus, name):
    with_gpus(2)
    assert resolve_device(name) == torch.device(name)


@pytest.mark.parametrize("name", ["gpu", "", "0", "mps", "meta", "CPU", "cuda:-1", "cuda:x", None])
def test_other_names_are_refused(name):
    with pytest.raises(ValueError, match=rf"auto, cpu, cuda or cuda:N\. Got {name!r}"):
        resolve_device(name)


def test_labels_are_for_people(with_gpus):
    with_gpus(1)
    assert device_label(torch.device("cpu")) == f"cpu ({torch.get_num_threads()} threads)"
    assert device_label(torch.device("cuda:0")) == "cuda:0 (A GPU)"
