"""Your own photos without labels, in a folder and all below it (the data set ``photos``)."""

from pathlib import Path

from featurex.datasets.cleaning import Dropped, clean
from featurex.datasets.photos import all_photos, check_folder
from featurex.datasets.reader import Reader
from featurex.labels import check_age_policy
from featurex.manifest import Manifest


def read(root: str | Path, *, age_policy: str = "strict") -> Manifest:
    """Read the photos in a folder and in all folders below it.

    Parameters
    ----------
    root : str or Path
        The folder. Files that are no photos by their ending, and links that lead out, are dropped.
    age_policy : {"strict", "nearest"}
        For the sake of one grammar: there are no ages.

    Returns
    -------
    Manifest
        Without labels: to embed, and to audit.

    Raises
    ------
    DatasetError
        If the folder can't be listed or holds no usable photo.
    """
    check_age_policy(age_policy)
    top, dropped = check_folder(root, "the photos"), Dropped()
    rows: list[dict[str, object]] = [{"path": str(photo)} for photo in all_photos(top, dropped)]
    return clean(rows, dropped, dataset="photos", root=top, age_policy=age_policy, labelled=False)


READER = Reader(
    name="photos",
    read=read,
    what="your own photos without labels, in a folder and all below it",
    labels="none",
    subjects="no",
    terms="yours",
    citation="",
)
