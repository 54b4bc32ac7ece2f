import shutil

import pandas as pd

from featurex import datasets
from featurex.cli.options import read_manifest
from featurex.datasets.subject_files import write_subjects


def test_the_file_of_subjects_is_counted_against_the_sample(people_csv, tmp_path):
    root = shutil.copytree(people_csv.parent, tmp_path / "data") / people_csv.name
    pd.read_csv(root).drop(columns="subject_id").to_csv(root, index=False)
    photos = datasets.read("csv", root).table["image_id"].tolist()
    path = tmp_path / "who.csv"
    write_subjects(path, photos, ["s"] * len(photos))
    note = read_manifest("csv", root, limit=4, subjects=path).notes[-1]
    assert "names 4 of the 4 photos, in 1 clusters" in note
    assert f"{len(photos) - 4} of photos that are not among these" in note
