"""What the registry knows about each data set."""

from collections.abc import Callable
from dataclasses import dataclass

from featurex.manifest import Manifest


@dataclass(frozen=True)
class Reader:
    """A data set's reader, and what to know before using it.

    Parameters
    ----------
    name : str
        The name on the command line.
    read : callable
        ``read(root, **options) -> Manifest``; its keyword-only parameters are the options.
    what : str
        One line: what the data set is.
    labels : str
        The labels it has.
    subjects : str
        Whether it says who is in a photo.
    terms : str
        Its terms of use.
    citation : str
        The paper to cite.
    """

    name: str
    read: Callable[..., Manifest]
    what: str
    labels: str
    subjects: str
    terms: str
    citation: str
