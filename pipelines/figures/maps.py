"""Embeddings on a plane, to be looked at."""

import numpy as np
from sklearn.decomposition import PCA


def principal_plane(X: np.ndarray, random_state: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Project rows on the two directions in which they vary most.

    Parameters
    ----------
    X : ndarray of shape (n, n_features), float
    random_state : int, default=0

    Returns
    -------
    places : ndarray of shape (n, 2), float64
        Zero along an axis that the rows do not have.
    shares : ndarray of shape (2,), float64
        Of the variance, by axis; in [0, 1].

    Notes
    -----
    Pearson, "On lines and planes of closest fit to systems of points in space" (Philosophical
    Magazine 2, 1901). Features are not scaled: an embedding's distances are what its models see.
    """
    n_axes = min(2, *X.shape)
    pca = PCA(n_axes, random_state=random_state)
    places, shares = np.zeros((len(X), 2)), np.zeros(2)
    if np.ptp(X, axis=0).any():
        places[:, :n_axes] = pca.fit_transform(X.astype(np.float64))
        shares[:n_axes] = pca.explained_variance_ratio_
    return places, shares
