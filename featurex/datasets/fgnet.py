"""FG-NET: 1,002 photos of 82 people over the years, 0 to 69 years old.

``001a02.jpg`` is subject 001 at the age of 2; a letter after the age tells photos of one year
apart. The protocol of the literature leaves one subject out.
"""

import re
from pathlib import Path

from featurex.datasets.cleaning import Dropped, clean
from featurex.datasets.photos import check_folder, find_photos
from featurex.datasets.reader import Reader
from featurex.labels import check_age_policy
from featurex.manifest import Manifest

_NAME = re.compile(r"(\d{3})A(\d{2})[A-Z]?\.JPE?G", re.ASCII | re.IGNORECASE)


def read(root: str | Path, *, age_policy: str = "strict") -> Manifest:
    """Read FG-NET.

    Parameters
    ----------
    root : str or Path
        The folder of the photos, or the folder above.
    age_policy : {"strict", "nearest"}
        What becomes of an age between two groups; see :func:`~featurex.labels.age_to_group`.

    Returns
    -------
    Manifest
        With subject, age and age group.

    Raises
    ------
    DatasetError
        If the folder can't be listed or holds no usable photo.
    """
    check_age_policy(age_policy)
    folder, dropped, rows = check_folder(root, "FG-NET"), Dropped(), []
    for photo in find_photos(folder, dropped):
        if match := _NAME.fullmatch(photo.name):
            subject, age = match.groups()
            rows.append({"path": str(photo), "subject_id": subject, "age": float(age)})
        else:
            dropped.add("unparsable name", photo.name)
    return clean(rows, dropped, dataset="fgnet", root=folder, age_policy=age_policy)


READER = Reader(
    name="fgnet",
    read=read,
    what="1,002 photos of 82 people over the years, many of them scans",
    labels="age",
    subjects="yes",
    terms="research",
    citation='Panis, Lanitis, Tsapatsoulis, Cootes: "Overview of research on facial ageing '
    'using the FG-NET ageing database", IET Biometrics 5(2), 2016',
)
