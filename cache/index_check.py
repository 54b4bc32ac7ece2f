"""Whether ``index.h5`` shows other programs what the shards hold."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cache import layout
from cache.checksums import is_sealed
from cache.errors import CacheError, damaged, vanished
from cache.files import identity
from cache.index import SHARDS, SHARDS_ATTRIBUTE
from cache.plain import open_plain


@dataclass(frozen=True)
class IndexProblem:
    """What is wrong with an index; an old one that shows fewer rows than there are is harmless."""

    what: str
    harmless: bool = False


def check_index(path: Path, there: Sequence[str]) -> Iterator[IndexProblem]:
    """Yield what is wrong with an index.

    Its own CRC-32 comes first: HDF5 itself can crash on a virtual dataset with a flipped byte.

    Parameters
    ----------
    path : Path
    there : sequence of str
        The names of all shards that lie in the folder.

    Raises
    ------
    DamagedShardError, SchemaError
        If the index is not what was written; VanishedShardError where there is none.
    """
    shown = _shown(path)
    gone = sorted(shown - set(there))
    if gone:
        yield IndexProblem(
            f"shows {len(gone)} shards that are gone, the first {gone[0]}; their rows are missing "
            "until the next extraction makes them again"
        )
    elif new := len(set(there) - shown):
        yield IndexProblem(
            f"out of date: it does not show {new} of the {len(there)} shards; the next extraction, "
            "repair or compact publishes again",
            harmless=True,
        )


def shows(path: Path, shards: Sequence[str]) -> bool:
    """Tell whether an index is there, undamaged, and of these shards and no others."""
    try:
        return _shown(path) == set(shards)
    except CacheError:
        return False


def _shown(path: Path) -> set[str]:
    """Return the names of the shards that an index shows.

    It is opened several times, and meanwhile another process may publish anew, or delete it: then
    it counts as one that is not there.
    """
    wrong: CacheError | None = None
    names: set[str] = set()
    try:
        before = identity(path)
        try:
            names = _read_names(path)
        except CacheError as error:
            wrong = error
        except EOFError as error:
            wrong = damaged(path, str(error))
        if identity(path) != before:
            raise vanished(path)
    except FileNotFoundError:
        raise vanished(path) from None
    except OSError as error:
        raise damaged(path, f"can't be read ({error})") from None
    if wrong:
        raise wrong
    return names


def _read_names(path: Path) -> set[str]:
    if not is_sealed(path):
        raise damaged(path, "is not what was written")
    with open_plain(path) as file:
        layout.check_version(path, file)
        if (count := int(file.attribute(SHARDS_ATTRIBUTE, "<i8"))) < 1:
            raise damaged(path, f"says it shows {count} shards")
        block = file.block(SHARDS, np.dtype("S16"), (count,))
    with path.open("rb") as raw:
        return {name.decode("ascii", "replace") for name in block.read(raw, 0, count).tolist()}
