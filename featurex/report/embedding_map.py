"""The map of a run's embeddings: a sample of its faces on a plane, with their labels."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pandas as pd

from featurex.comparison.face_table import FaceTable
from pipelines.figures.maps import principal_plane

MOST_FACES = 4_000
MIN_UMAP = 16  # it asks for 15 neighbours of every face
COLUMNS = ("method", "image_id", "x", "y", "gender", "age_group", "race")


def check_umap() -> None:
    """Say before the long work that UMAP is missing.

    Raises
    ------
    ValueError
        umap-learn is not installed.
    """
    if importlib.util.find_spec("umap") is None:
        raise ValueError(
            "--umap needs umap-learn, which is not installed: run 'pip install umap-learn'."
        )


def write_map(faces: FaceTable, folder: Path, *, seed: int = 0, umap: bool = False) -> Path:
    """Write ``map.csv``: see `map_table`.

    Raises
    ------
    OSError
        The folder can't be written.
    """
    path = folder / "map.csv"
    map_table(faces, seed=seed, umap=umap).to_csv(path, index=False, float_format="%.5g")
    return path


def map_table(
    faces: FaceTable, *, seed: int = 0, umap: bool = False, most: int = MOST_FACES
) -> pd.DataFrame:
    """Lay the embeddings of some faces on a plane.

    Parameters
    ----------
    faces : FaceTable
    seed : int
        Of the sample, and of what is random in a method.
    umap : bool
        Whether UMAP is made beside the principal components (McInnes, Healy and Melville, "UMAP:
        uniform manifold approximation and projection", arXiv 1802.03426, 2018).
    most : int
        Faces in the sample.

    Returns
    -------
    DataFrame
        One row a method and face, columns `COLUMNS`. The method's name tells how much of the
        variance its axes hold.

    Raises
    ------
    ValueError
        `umap` without umap-learn.
    """
    if umap:
        check_umap()
    n = len(faces.table)
    rows = np.sort(np.random.default_rng(seed).permutation(n)[:most])
    table = faces.table.iloc[rows].reset_index(drop=True)
    X = faces.cache.embedding_column(table["image_id"].tolist())[:]
    places, shares = principal_plane(X, seed)
    first, second = (f"{share:.0%}" for share in shares)
    maps = {f"PCA (axes hold {first} and {second} of the variance)": places}
    if umap and len(X) > MIN_UMAP:
        maps["UMAP (distances between clusters mean little)"] = _umap(X, seed)
    parts = [table.assign(method=name, x=xy[:, 0], y=xy[:, 1]) for name, xy in maps.items()]
    return pd.concat(parts, ignore_index=True)[list(COLUMNS)]


def _umap(X: np.ndarray, seed: int) -> np.ndarray:
    from umap import UMAP

    # One thread, for with more the seed does not hold.
    return np.asarray(UMAP(n_components=2, random_state=seed, n_jobs=1).fit_transform(X))
