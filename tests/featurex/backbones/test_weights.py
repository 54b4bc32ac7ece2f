import io
import os
import pickle
from http.client import IncompleteRead
from urllib.error import URLError

import pytest
import torch
from safetensors.torch import save_file

from featurex.backbones import weights
from featurex.backbones.base import file_sha256
from featurex.backbones.weights import downloaded_weights, read_state_dict
from featurex.exceptions import BackboneError

URL = "https://download.pytorch.org/models/tiny-ba7816bf.pth"  # the SHA-256 of b"abc"


@pytest.fixture
def torch_home(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    return tmp_path / "torch" / "hub" / "checkpoints"


@pytest.fixture
def download(monkeypatch):
    """Return a function that replaces the download by an action on the file."""

    def replace(action):
        monkeypatch.setattr(torch.hub, "download_url_to_file", action)

    replace(lambda *args, **kwargs: pytest.fail("it was downloaded"))
    return replace


def raising(error):
    def action(*args, **kwargs):
        raise error

    return action


def test_a_cached_file_is_not_downloaded(torch_home, download):
    torch_home.mkdir(parents=True)
    (torch_home / "tiny-ba7816bf.pth").write_bytes(b"abc")
    assert downloaded_weights(URL) == torch_home / "tiny-ba7816bf.pth"


def test_a_missing_file_is_downloaded_and_checked(torch_home, download):
    asked = []

    def action(url, path, prefix, progress):
        asked.append((url, prefix))
        with open(path, "wb") as file:  # noqa: PTH123
            file.write(b"abc")

    download(action)
    assert file_sha256(downloaded_weights(URL)).startswith("ba7816bf")
    assert asked == [(URL, "ba7816bf")]


@pytest.mark.parametrize(
    "error",
    [URLError("no network"), RuntimeError("invalid hash value"), IncompleteRead(b""), OSError(28)],
)
def test_without_a_download_the_error_names_file_and_place(torch_home, download, error):
    download(raising(error))
    with pytest.raises(BackboneError) as caught:
        downloaded_weights(URL)
    message = str(caught.value)
    assert URL in message
    assert f"Put the file at {torch_home / 'tiny-ba7816bf.pth'}" in message
    assert "\n" not in message


def test_a_folder_that_cannot_be_made_is_the_same_error(torch_home, download, tmp_path):
    (tmp_path / "torch").write_bytes(b"a file in the way")
    with pytest.raises(BackboneError, match="Put the file at"):
        downloaded_weights(URL)


def test_a_damaged_cached_file_is_named(torch_home, download):
    torch_home.mkdir(parents=True)
    (torch_home / "tiny-ba7816bf.pth").write_bytes(b"ab")
    with pytest.raises(BackboneError, match=r"tiny-ba7816bf\.pth is damaged .*delete it"):
        downloaded_weights(URL)


@pytest.fixture
def state():
    return {"w": torch.arange(6.0).reshape(2, 3), "half": torch.ones(2, dtype=torch.float16)}


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_tensors_are_read_as_float32(tmp_path, state, suffix):
    path = tmp_path / f"w{suffix}"
    (save_file if suffix == ".safetensors" else torch.save)(state, path)
    found = read_state_dict(path, ["half", "w", "bn.num_batches_tracked"])
    assert {name: t.dtype for name, t in found.items()} == dict.fromkeys(state, torch.float32)
    assert torch.equal(found["w"], state["w"])
    assert list(read_state_dict(path, ["w"])) == ["w"]


def test_missing_tensors_are_counted(tmp_path, state):
    torch.save(state, tmp_path / "w.pth")
    with pytest.raises(BackboneError, match=r"w\.pth lacks 2 of the 3 tensors .*first 'a'"):
        read_state_dict(tmp_path / "w.pth", ["a", "w", "b"])


class Hostile:
    def __reduce__(self):
        return os.mkdir, ("it-ran",)


def torch_bytes(value):
    buffer = io.BytesIO()
    torch.save(value, buffer)
    return buffer.getvalue()


@pytest.mark.parametrize("content", [torch_bytes({"w": Hostile()}), pickle.dumps({"w": Hostile()})])
@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
def test_code_in_a_file_never_runs(tmp_path, monkeypatch, content):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "w.pth").write_bytes(content)
    with pytest.raises(BackboneError, match="Python objects, which are not loaded") as caught:
        read_state_dict(tmp_path / "w.pth", ["w"])
    assert "weights_only" not in str(caught.value)
    assert not (tmp_path / "it-ran").exists()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no weights",
        torch_bytes({"w": torch.ones(99)})[:300],
        torch_bytes([torch.ones(2)]),
        torch_bytes({"state_dict": {"w": torch.ones(2)}}),
    ],
)
@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_damaged_and_foreign_files_are_named_in_one_line(tmp_path, content, suffix):
    path = tmp_path / f"w{suffix}"
    path.write_bytes(content)
    with pytest.raises(BackboneError) as caught:
        read_state_dict(path, ["w"])
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_and_too_large_files_are_named(tmp_path, state, monkeypatch):
    with pytest.raises(BackboneError, match=r"w\.pth: No such file"):
        read_state_dict(tmp_path / "w.pth", ["w"])
    torch.save(state, tmp_path / "w.pth")
    monkeypatch.setattr(weights, "MAX_FILE_BYTES", 100)
    with pytest.raises(BackboneError, match=r"w\.pth is larger than 4 GiB"):
        read_state_dict(tmp_path / "w.pth", ["w"])
