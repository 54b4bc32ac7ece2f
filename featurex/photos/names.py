"""Finds photos by the end of their path, as somebody else may have written it."""

from collections.abc import Sequence
from pathlib import PurePath, PurePosixPath


class PhotoNames:
    r"""The photos of a manifest, by the last parts of their paths.

    Parameters
    ----------
    paths : sequence of str
        Of the photos, in the order of the rows.

    Examples
    --------
    >>> names = PhotoNames(["/data/a/1.jpg", "/data/b/1.jpg", "/data/b/2.jpg"])
    >>> names.find("2.jpg"), names.find("b/1.jpg"), names.find("./b\\1.jpg")
    ([2], [1], [1])
    >>> names.find("1.jpg"), names.find("c/2.jpg")
    ([0, 1], [])
    """

    def __init__(self, paths: Sequence[str]) -> None:
        self._by_name: dict[str, list[tuple[tuple[str, ...], int]]] = {}
        for row, path in enumerate(paths):
            parts = PurePath(path).parts
            self._by_name.setdefault(parts[-1], []).append((parts, row))

    def find(self, name: str) -> list[int]:
        """Return the rows whose path ends with these parts: a file name, or folders before it too.

        Parameters
        ----------
        name : str
            With slashes of either kind.

        Returns
        -------
        list of int
            Empty where no photo has that name; several where it does not tell photos apart.
        """
        # A file's own name may hold a backslash where the system allows it.
        for text in dict.fromkeys((name, name.replace("\\", "/"))):
            parts = PurePosixPath(text).parts
            known = self._by_name.get(parts[-1], []) if parts else []
            if found := [row for path, row in known if path[-len(parts) :] == parts]:
                return found
        return []
