import csv
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PIL import Image

from featurex.datasets.people import people_root
from featurex.faces.aligner import FaceAligner


def extract_json(call, *words):
    result = call("extract", *words, "--json", "--device", "cpu")
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


def test_a_second_run_does_nothing(call, cache, people_csv, monkeypatch):
    for name in ("central_face", "chip"):
        monkeypatch.setattr(FaceAligner, name, lambda *args: pytest.fail("it was done again"))
    counts = extract_json(call, "csv", people_csv, "--cache", cache)
    assert (counts["embedded now"], counts["embedded before"]) == (0, 24)
    assert counts["no face found"] == 0


def test_the_tables_say_what_became_of_every_photo(call, cache, people_csv):
    result = call("extract", "csv", people_csv, "--cache", cache)
    assert result.exit_code == 0
    assert "\x1b" not in result.stdout + result.stderr
    for words in ("Data set csv", "kept, with gender", "24 photos in", "embedded before"):
        assert words in result.stdout


def test_a_folder_of_photos_without_labels(call, fails, photos, tmp_path):
    """Embedded, listed with the key of each, copies and faceless ones too, and not to be fitted."""
    folder, cache, listed = tmp_path / "mine", tmp_path / "cache", tmp_path / "new" / "list.csv"
    (folder / "deep" / "er").mkdir(parents=True)
    for number, name in enumerate(("b.jpg", "deep/a.jpg", "deep/er/c.jpg")):
        shutil.copy(photos[number], folder / name)
    shutil.copy(photos[0], folder / "deep" / "copy.jpg")
    Image.new("RGB", (200, 200), "grey").save(folder / "wall.png")
    (folder / "bad.png").write_bytes(b"x")
    (folder / "empty.png").touch()
    (folder / "notes.txt").touch()
    words = ("extract", "photos", folder, "--cache", cache, "--device", "cpu", "--list", listed)
    for _ in range(2):  # what was done before is listed as well
        result = call(*words)
        assert result.exit_code == 0, result.stderr
        rows = list(csv.DictReader(listed.open(encoding="utf-8")))
        assert {os.path.relpath(row["path"], folder): row["status"] for row in rows} == {
            **dict.fromkeys(("b.jpg", "deep/a.jpg", "deep/er/c.jpg", "deep/copy.jpg"), "embedded"),
            "wall.png": "no face found",
            "bad.png": "not an image",
            "empty.png": "empty file",
        }
    assert not rows[-1]["image_id"]
    for row in rows[:-1]:
        assert row["image_id"] == hashlib.sha256(Path(row["path"]).read_bytes()).hexdigest()
    export = call("cache", "export", cache, "--space", "embeddings", "--out", tmp_path / "e.npy")
    assert export.exit_code == 0, export.stderr
    keys = (tmp_path / "e.keys.txt").read_text().split()
    assert set(keys) == {row["image_id"] for row in rows if row["status"] == "embedded"}
    line = fails("fit", "photos", folder, "--cache", cache, "--out", tmp_path / "model.featurex")
    assert "'photos' has no labels" in line


def test_a_list_that_can_not_be_written_is_an_error_at_once(fails, cache, people_csv, tmp_path):
    (tmp_path / "file").touch()
    words = ("extract", "csv", people_csv, "--cache", tmp_path / "cache", "--list")
    assert "file" in fails(*words, tmp_path / "file" / "list.csv")
    assert not (tmp_path / "cache").exists()


def test_a_limit_is_counted(call, cache, people_csv):
    counts = extract_json(call, "csv", people_csv, "--cache", cache, "--limit", 5)
    assert counts["embedded before"] == 5
    assert counts["dropped"] == {"not in the sample": 19}


def test_unreadable_photos_are_counted_and_the_rest_goes_on(call, cache, photos, tmp_path):
    folder, copy = tmp_path / "data", tmp_path / "cache"
    shutil.copytree(cache, copy)
    folder.mkdir()
    shutil.copy(photos[0], folder / "good.jpg")
    (folder / "no photo.jpg").write_bytes(b"not a photo")
    (folder / "half.jpg").write_bytes(photos[0].read_bytes()[:4000])
    (folder / "empty.jpg").touch()
    names = ["good.jpg", "no photo.jpg", "half.jpg", "empty.jpg", "none.jpg"]
    (folder / "list.csv").write_text(
        "path,gender\n" + "".join(f"{name},male\n" for name in names) + "good.jpg,robot\n"
    )
    counts = extract_json(call, "csv", folder / "list.csv", "--cache", copy)
    assert counts["embedded before"] == 1
    assert (counts["not an image"], counts["damaged image"]) == (1, 1)
    assert counts["dropped"] | {"empty file": 1, "missing file": 1} == counts["dropped"]
    assert sum(counts["dropped"].values()) == 3


def test_not_one_readable_photo_is_an_error(fails, tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"not a photo")
    (tmp_path / "list.csv").write_text("path,gender\na.jpg,male\n")
    line = fails("extract", "csv", tmp_path / "list.csv", "--cache", tmp_path / "cache")
    assert "No photo of 'csv' was embedded (1 looked at: not an image 1)." in line


INTERRUPTED = """
import signal, sys, time
from pathlib import Path
from featurex.extraction import aligning
from featurex.cli import main

# A process started in the background of a script ignores Ctrl-C; this test is of one that does not.
signal.signal(signal.SIGINT, signal.default_int_handler)
align, marker, done = aligning.align, Path(sys.argv.pop(1)), []

def slow(*args):
    if len(done) >= 4:
        marker.touch()
        time.sleep(0.5)
    result = align(*args)
    done.append(result)
    return result

aligning.align = slow
main()
"""


@pytest.mark.skipif(os.name != "posix", reason="sends a signal")
def test_ctrl_c_stops_with_one_line_and_keeps_what_is_done(call, tmp_path, monkeypatch):
    photos = [f"person{number:03d}_0.jpg" for number in range(12)]
    for name in photos:
        shutil.copy(people_root() / name, tmp_path)
    (tmp_path / "list.csv").write_text("path,gender\n" + "".join(f"{p},male\n" for p in photos))
    words = ["csv", str(tmp_path / "list.csv"), "--cache", str(tmp_path / "cache")]
    marker = tmp_path / "begun"
    process = subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED, marker, "extract", *words, "--threads", "1"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    for _ in range(6000):
        if marker.exists() or process.poll() is not None:
            break
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=600)
    assert process.returncode == 130, said
    assert said == "featurex: Stopped. What was finished is kept; run again to go on.\n"

    looked_at = []
    find = FaceAligner.central_face
    monkeypatch.setattr(
        FaceAligner, "central_face", lambda *args: looked_at.append(1) or find(*args)
    )
    counts = extract_json(call, *words)
    assert counts["embedded now"] + counts["no face found"] == 12
    assert 0 < len(looked_at) <= 8


def test_several_backbones_share_the_pass(call, cache, people_csv, tmp_path):
    shutil.copytree(cache, tmp_path / "copy")
    names = ("--backbone", "dlib-resnet", "--backbone", "dlib-resnet:embedding", "--limit", 2)
    counts = extract_json(call, "csv", people_csv, "--cache", tmp_path / "copy", *names)
    assert (counts["embedded now"], counts["embedded before"]) == (2, 0)
    again = extract_json(call, "csv", people_csv, "--cache", tmp_path / "copy", *names)
    assert (again["embedded now"], again["embedded before"]) == (0, 2)


def test_a_weights_file_belongs_to_one_backbone(call, cache, people_csv):
    names = ("--backbone", "dlib-resnet", "--backbone", "resnet18", "--weights", "w.pth")
    result = call("extract", "csv", people_csv, "--cache", cache, *names)
    assert result.exit_code == 1
    assert "--weights names the file of one backbone" in result.stderr
