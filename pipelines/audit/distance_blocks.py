"""Distances of all pairs of rows, a block at a time, by one matrix product each.

With columns for its own length put to every row, the product of two rows is minus half their
squared distance. Nothing here is ever as large as the number of pairs.
"""

from collections.abc import Iterator, Sequence

import numpy as np

# Rows and columns of a block: 32 MB of float32. Larger ones are no faster.
BLOCK_SHAPE = (1024, 8192)
# Pairs whose distance is computed at a time in float64.
_EXACT_PAIRS = 1 << 15


def check_rows(
    X: np.ndarray, scale: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray | None]:
    """Return rows and scales as arrays.

    Raises
    ------
    ValueError
        If `X` is no matrix of finite numbers, or the scales are not one positive number a row.
    """
    X = np.asarray(X)
    if X.ndim != 2 or not np.isfinite(X).all():
        raise ValueError(
            f"Rows to compare must be a matrix of finite numbers. Got the shape {X.shape}"
            + (" with NaN or infinity." if X.ndim == 2 else ".")
        )
    if scale is None:
        return X, None
    scale = np.asarray(scale, dtype=np.float64)
    if scale.shape != (len(X),) or not (np.isfinite(scale) & (scale > 0)).all():
        raise ValueError(f"The {len(X)} rows need one finite, positive scale each.")
    return X, scale


def augmented(
    X: np.ndarray, scale: np.ndarray | None = None, centre: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Return rows and columns whose products are minus half the squared distances.

    Parameters
    ----------
    X : ndarray of shape (n, n_features)
    scale : ndarray of shape (n,), optional
        With them a squared distance is divided by the scales of both rows.
    centre : ndarray of shape (n_features,), optional
        Put at the origin, the rows' mean by default: around it numbers are smallest, and so is what
        float32 rounds away.

    Returns
    -------
    rows, columns : ndarray of shape (n, n_features + 2), float32
    """
    centre = X.mean(axis=0, dtype=np.float64) if centre is None else centre
    weight = np.ones((len(X), 1)) if scale is None else 1 / scale[:, None]
    centred = (X - centre).astype(np.float32)
    halves = weight * np.square(centred, dtype=np.float64).sum(axis=1, keepdims=True) / 2
    first, minus, last = (part.astype(np.float32) for part in (centred * weight, -halves, weight))
    return np.hstack([first, minus, last]), np.hstack([first, last, minus])


def rounding(rows: np.ndarray) -> float:
    """Bound the error of a product of two augmented rows in float32."""
    largest = float(-rows[:, -2].min()) * float(rows[:, -1].max())
    return 8 * rows.shape[1] * float(np.finfo(np.float32).eps) * largest


def half_squares(
    rows: np.ndarray, columns: np.ndarray, width: int
) -> Iterator[tuple[int, np.ndarray]]:
    """Yield the products of some rows with all columns, `width` columns at a time.

    Yields
    ------
    start : int
        The first column's number.
    halves : ndarray of shape (len(rows), at most width), float32
        Minus half the squared distances.
    """
    for start in range(0, len(columns), width):
        yield start, rows @ columns[start : start + width].T


def pair_distances(
    X: np.ndarray, first: np.ndarray, second: np.ndarray, scale: np.ndarray | None = None
) -> np.ndarray:
    """Compute distances of some pairs of rows in float64, relative ones where there are scales."""
    distance = np.empty(len(first))
    for start in range(0, len(first), _EXACT_PAIRS):
        part = slice(start, start + _EXACT_PAIRS)
        difference = X[first[part]].astype(np.float64) - X[second[part]]
        distance[part] = np.sqrt(np.einsum("ij,ij->i", difference, difference))
    return distance if scale is None else distance / np.sqrt(scale[first] * scale[second])


def count_close(
    X: np.ndarray,
    radii: Sequence[float],
    Y: np.ndarray | None = None,
    *,
    scale: np.ndarray | None = None,
    scale_of_Y: np.ndarray | None = None,
    block_shape: tuple[int, int] = BLOCK_SHAPE,
) -> np.ndarray:
    """Count the pairs of rows within each of several distances.

    Parameters
    ----------
    X : ndarray of shape (n, n_features)
        Finite numbers.
    radii : sequence of float
        Ascending.
    Y : ndarray of shape (m, n_features), optional
        Pairs are of a row of `X` and one of `Y`; by default of two rows of `X`, each pair once.
    scale, scale_of_Y : ndarray of shape (n,) and (m,), optional
        Make distances relative, as in :func:`pipelines.audit.neighbours.close_pairs`.
    block_shape : tuple of int
        Rows and columns of a block of distances.

    Returns
    -------
    ndarray of shape (len(radii),), int64
        Computed in float32: a pair within its rounding of a radius may be on either side.

    Examples
    --------
    >>> count_close(np.array([[0.0], [0.5], [2.0]]), [1, 3]).tolist()
    [1, 3]
    """
    X, scale = check_rows(X, scale)
    other, scale_of_other = (X, scale) if Y is None else check_rows(Y, scale_of_Y)
    counts = np.zeros(len(radii), dtype=np.int64)
    if not len(X):
        return counts
    centre = X.mean(axis=0, dtype=np.float64)
    rows = augmented(X, scale, centre)[0]
    columns = augmented(other, scale_of_other, centre)[1]
    limits = -np.square(np.asarray(radii, dtype=np.float64)) / 2
    for start in range(0, len(X), block_shape[0]):
        block = rows[start : start + block_shape[0]]
        skipped = 0 if Y is not None else start
        for at, halves in half_squares(block, columns[skipped:], block_shape[1]):
            if Y is None:  # a row has no pair with itself, nor with those before it
                lower = np.arange(at, at + halves.shape[1]) <= np.arange(len(block))[:, None]
                halves[lower] = -np.inf
            near = np.sort(halves[halves >= float(limits[-1])])
            counts += len(near) - np.searchsorted(near, limits, side="left")
    return counts
