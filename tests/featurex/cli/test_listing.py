import json

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
    assert rows[0] == {
        "name": "dlib-resnet",
        "layers": "pyramid, embedding",
        "chip": 150,
        "weights": "here",
    }
    resnet = next(row for row in rows if row["name"] == "resnet50")
    assert str(tmp_path) in resnet["weights"]
    assert "resnet50" in call("backbones").stdout
