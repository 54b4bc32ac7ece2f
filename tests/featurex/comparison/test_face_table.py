"""The faces of a comparison: which photos have one, and what is said of the others."""

from dataclasses import replace

import pytest

from featurex.comparison.face_table import FaceTable
from featurex.manifest import Manifest
from featurex.tasks import GENDER


def test_photos_without_a_face_are_counted_and_left_out(colour_faces):
    assert (len(colour_faces.table), colour_faces.n_without_face) == (70, 2)


def test_the_data_sets_note_says_what_was_left_out(colour_faces):
    manifest = replace(colour_faces.manifest, dropped={"conflicting labels": 46, "duplicate": 7})
    (note,) = FaceTable(manifest, colour_faces.cache).count_notes([GENDER])
    assert note.endswith("; left out before: 53 (conflicting labels: 46, duplicate: 7).")


def test_the_data_sets_note_does_not_say_one_photos(colour_faces):
    table = colour_faces.manifest.table.iloc[[0, 4]].reset_index(drop=True)
    faces = FaceTable(Manifest(table, {}, "colours"), colour_faces.cache)
    (note,) = faces.count_notes([GENDER])
    assert note == "Data set colours: 1 face, 1 photo without one."


def test_not_one_face_is_an_error(colour_faces):
    table = colour_faces.manifest.table.iloc[[4, 40]].reset_index(drop=True)
    with pytest.raises(ValueError, match=r"No photo of 'colours' is embedded \(2 looked at\)"):
        FaceTable(Manifest(table, {}, "colours"), colour_faces.cache)
