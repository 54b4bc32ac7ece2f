import pandas as pd
import pytest

from featurex.exceptions import FeaturexError
from featurex.extraction.listing import list_photos, write_list
from featurex.extraction.report import ExtractionReport
from featurex.manifest import COPY_COLUMNS, Manifest, make_table


def copies(*rows):
    """Equal files, each with its name, its key and its fate."""
    table = pd.DataFrame(rows, columns=["path", "image_id", "fate"])
    return table.reindex(columns=list(COPY_COLUMNS))


def test_every_photo_has_a_status():
    table = make_table({"path": ["a", "b", "c"], "image_id": ["1", "2", "3"]}, "mine")
    equal = copies(
        *(("b", "2", "kept"), ("b2", "2", "duplicate")),
        *(("d", "4", "conflicting labels"), ("d2", "4", "conflicting labels")),
        *(("e", "5", "kept"), ("e2", "5", "duplicate")),  # not in the sample
    )
    unread = {"f": "missing file", "g": "empty file"}
    manifest = Manifest(table, {}, "mine", copies=equal, unread=unread)
    report = ExtractionReport(3, without_face=["b"], unusable={"damaged image": ["c"]})
    listed = list_photos(manifest, report)
    assert listed.to_numpy().tolist() == [
        ["a", "1", "embedded"],
        ["b", "2", "no face found"],
        ["c", "3", "damaged image"],
        ["b2", "2", "no face found"],
        ["d", "4", "conflicting labels"],
        ["d2", "4", "conflicting labels"],
        ["f", "", "missing file"],
        ["g", "", "empty file"],
    ]


def test_names_that_are_no_text_are_written(tmp_path):
    photos = pd.DataFrame({"path": ["a,\n\udce9.jpg"], "image_id": ["1"], "status": ["embedded"]})
    write_list(photos, tmp_path / "list.csv")
    written = pd.read_csv(tmp_path / "list.csv")
    assert written["path"].tolist() == ["a,\n\\udce9.jpg"]


def test_a_file_that_can_not_be_written_is_named(tmp_path):
    with pytest.raises(FeaturexError, match=r"list\.csv: can't be written"):
        write_list(pd.DataFrame({"path": []}), tmp_path / "none" / "list.csv")
