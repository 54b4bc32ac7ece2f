import sys
import types

import numpy as np
import pytest

from featurex.report.embedding_map import COLUMNS, check_umap, map_table, write_map


def test_a_seeded_sample_of_faces_with_their_labels(rng, plant):
    faces, _ = plant(rng)
    table = map_table(faces, seed=3, most=50)
    assert list(table) == list(COLUMNS)
    assert len(table) == table["image_id"].nunique() == 50
    labels = faces.table.set_index("image_id")["gender"].astype(str)
    assert table["gender"].astype(str).tolist() == labels[table["image_id"]].tolist()
    again, other = (map_table(faces, seed=seed, most=50) for seed in (3, 4))
    assert np.allclose(table[["x", "y"]], again[["x", "y"]])
    assert set(table["image_id"]) == set(again["image_id"]) != set(other["image_id"])


def test_the_file_keeps_the_table(rng, plant, tmp_path):
    faces, _ = plant(rng)
    text = write_map(faces, tmp_path).read_text(encoding="utf-8")
    assert len(text.splitlines()) == 1 + len(faces.table)
    assert "PCA (axes hold " in text


def test_umap_is_an_extra_that_says_so(monkeypatch, rng, plant):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ValueError, match="run 'pip install umap-learn'"):
        check_umap()


def test_umap_stands_beside_the_components(monkeypatch, rng, plant):
    class UMAP:
        def __init__(self, **settings):
            assert settings["random_state"] == 5

        def fit_transform(self, X):
            return X[:, :2]

    module = types.ModuleType("umap")
    module.UMAP = UMAP
    monkeypatch.setitem(sys.modules, "umap", module)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: module)
    faces, _ = plant(rng)
    table = map_table(faces, seed=5, umap=True)
    assert table["method"].str.split().str[0].unique().tolist() == ["PCA", "UMAP"]
