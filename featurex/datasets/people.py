"""The bundled people: 288 rendered photos of 96 people who do not exist.

They make the whole program run with no download and no real person's face. Scores on them say
nothing about accuracy on people.
"""

from pathlib import Path

from featurex.datasets.reader import Reader
from featurex.datasets.table import read_table
from featurex.manifest import Manifest

NOTE = "Rendered people who do not exist: the scores say nothing about accuracy on people."


def people_root() -> Path:
    """Return the folder of the bundled photos."""
    return Path(__file__).resolve().parents[1] / "data" / "people"


def read(root: str | Path | None = None, *, age_policy: str = "strict") -> Manifest:
    """Read the bundled people.

    Parameters
    ----------
    root : str or Path, optional
        A copy of their folder; the bundled one by default.
    age_policy : {"strict", "nearest"}
        What becomes of an age between two groups; see :func:`~featurex.labels.age_to_group`.

    Returns
    -------
    Manifest
        With subject, age, age group and gender, and a note that they are rendered.

    Raises
    ------
    DatasetError
        If the folder has no `people.csv` or no usable photo.
    """
    folder = people_root() if root is None else Path(root)
    return read_table(folder / "people.csv", dataset="people", age_policy=age_policy, notes=(NOTE,))


READER = Reader(
    name="people",
    read=read,
    what="288 rendered photos of 96 people who do not exist (bundled)",
    labels="age, gender",
    subjects="yes",
    terms="CC0",
    citation="rendered from MakeHuman's CC0 head model",
)
