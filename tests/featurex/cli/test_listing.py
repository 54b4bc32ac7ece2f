import json
from pathlib import Path

from featurex.backbones import catalogue, get_backbone
from featurex.datasets import READERS


def test_datasets_are_listed(call):
    result = call("datasets")
    assert result.exit_code == 0
    assert all(name in result.stdout for name in READERS)


def test_datasets_are_json(call):
    rows = json.loads(call("datasets", "--json").stdout)
    assert [row["name"] for row in rows] == list(READERS)


def test_backbones_are_listed(call, tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    rows = json.loads(call("backbones", "--json").stdout)
    assert rows[0] | {"megabytes": None, "file": None} == {
        "name": "dlib-resnet",
        "layers": "pyramid, grid, embedding",
        "chip": 150,
        "n_features": 736,
        "parameters": 5_607_488,
        "megabytes": None,
        "licence": "CC0",
        "weights": "here",
        "file": None,
    }
    resnet = next(row for row in rows if row["name"] == "resnet50")
    assert (resnet["weights"], resnet["n_features"]) == ("download", 2048)
    assert resnet["parameters"] == 25_557_032  # as torchvision documents
    assert resnet["file"].startswith(str(tmp_path))
    assert len({row["name"] for row in rows}) == len(rows) > 80


def test_weights_put_there_by_hand_are_seen(call, tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    files = catalogue.describe().set_index("name")["file"]
    Path(files["alexnet"]).parent.mkdir(parents=True)
    Path(files["alexnet"]).write_bytes(b"")
    rows = json.loads(call("backbones", "--json").stdout)
    assert next(row for row in rows if row["name"] == "alexnet")["weights"] == "here"


def test_the_list_fits_on_a_screen(call):
    result = call("backbones")
    assert all(name in result.stdout for name in ("resnet50", "timm:NAME", "landmarks", "25.6"))
    assert "<NA>" not in result.stdout
    assert "nan" not in result.stdout


def test_listing_makes_no_network_and_downloads_nothing(call, monkeypatch):
    import torch

    from featurex.backbones.network import NetworkBackbone

    def forbidden(*args, **kwargs):
        raise AssertionError("it was made")

    for method in ("untrained", "build"):
        monkeypatch.setattr(NetworkBackbone, method, forbidden)
    monkeypatch.setattr(torch.hub, "download_url_to_file", forbidden)
    assert call("backbones").exit_code == 0


def test_what_the_list_says_of_our_own_networks_is_counted():
    lites = [f"efficientnet-lite{number}:fc" for number in range(3)]
    for whole in ("dlib-resnet:embedding", *lites):
        name, network = whole.partition(":")[0], get_backbone(whole).untrained()
        count = sum(parameter.numel() for parameter in network.parameters())
        assert count == catalogue.OWN[name][-1]
