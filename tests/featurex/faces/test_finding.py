import os
import signal
import subprocess
import sys
from multiprocessing.connection import wait

import numpy as np
import pytest
from PIL import Image

from featurex.exceptions import FeaturexError
from featurex.faces import finding, hog_processes
from featurex.faces.aligner import ChipFormat, Face, FaceAligner
from featurex.faces.finding import find, find_each
from featurex.machine import paced
from featurex.machine.core_workers import core_workers
from featurex.machine.paced import Paced

FORMAT = ChipFormat(64, 0.25)
EYES_AND_NOSE = np.array([[60, 30], [50, 30], [20, 30], [30, 30], [40, 50]], np.int32)


@pytest.fixture
def many_cores(monkeypatch):
    """Let two workers and two photos be enough for processes; return those that were started."""
    monkeypatch.setattr(hog_processes, "MOST_THREADS", 1)
    monkeypatch.setattr(hog_processes, "PHOTOS_A_PROCESS", 1)
    start, started = finding.start_processes, []

    def noted(n_workers):
        started.append(start(n_workers))
        return started[-1]

    monkeypatch.setattr(finding, "start_processes", noted)
    return started


@pytest.fixture
def photos(tmp_path, clear_portraits, portraits):
    """Files with one face, three faces and none, one that is no photo, none, and pixels."""
    crowd = np.concatenate(clear_portraits[:3], axis=1)
    pictures = [portraits[0], crowd, np.zeros((90, 90, 3), np.uint8), *portraits[1:4]]
    files = [tmp_path / f"{number}.png" for number in range(len(pictures))]
    for file, picture in zip(files, pictures, strict=True):
        Image.fromarray(picture).save(file)
    (tmp_path / "bad.png").write_bytes(b"x")
    return [*files[:3], crowd, str(files[3]), tmp_path / "bad.png", tmp_path / "none", *files[4:]]


def find_all(photos, aligner, n_workers=2):
    with core_workers(2) as pool:
        return list(find_each(Paced(photos), aligner, FORMAT, pool, n_workers, 4))


def check(found, photos, aligner):
    for one, photo in zip(found, photos, strict=True):
        expected = find(photo, aligner, FORMAT)
        assert one.photo is photo
        assert one.size == expected.size
        assert str(one.error) == str(expected.error)
        assert len(one.faces) == len(expected.faces) == len(one.chips)
        for face, same in zip(one.faces, expected.faces, strict=True):
            np.testing.assert_array_equal(face.landmarks, same.landmarks)
        for chip, same in zip(one.chips, expected.chips, strict=True):
            np.testing.assert_array_equal(chip, same)


@pytest.mark.parametrize("detector", ["dlib-hog", "hog+cnn"])
@pytest.mark.parametrize("known", [True, False])
def test_processes_find_what_threads_find(many_cores, photos, detector, known):
    aligner = FaceAligner(detector, "cpu")
    check(find_all(photos if known else (photo for photo in photos), aligner), photos, aligner)
    assert len(many_cores) == 1


def test_the_cnn_looks_at_what_hog_finds_nothing_in(many_cores, photos, monkeypatch):
    aligner, looked = FaceAligner("hog+cnn", "cpu"), []
    scan = FaceAligner.scan

    def noting(self, photo):
        looked.append((self.detector, photo.size))
        return scan(self, photo)

    monkeypatch.setattr(FaceAligner, "scan", noting)  # in this process
    assert [len(found.faces) for found in find_all(photos, aligner)][:4] == [1, 3, 0, 3]
    # The blank photo, and the pixels, which are not sent to a process.
    assert sorted(looked) == [("dlib-cnn", (90, 90)), ("hog+cnn", (768, 256))]


@pytest.mark.parametrize("by_hog", [True, False])
def test_a_lone_face_of_hog_comes_before_one_of_the_cnn(tmp_path, monkeypatch, by_hog):
    """As in `FaceAligner.faces`: HOG's small copies are looked at before the CNN's."""
    Image.fromarray(np.full((90, 90, 3), 99, np.uint8)).save(tmp_path / "photo.png")
    of_hog, of_cnn = (Face(np.zeros(4, int), EYES_AND_NOSE + i, 1.0) for i in (0, 1))
    cnn = FaceAligner("dlib-cnn", "cpu")
    monkeypatch.setattr(cnn, "scan", lambda picture: [])
    monkeypatch.setattr(cnn, "lone", lambda picture: [of_cnn])
    seen = [of_hog] if by_hog else []
    found = finding._find_by_cnn(tmp_path / "photo.png", cnn, seen, FORMAT)
    assert found.faces == [of_hog if by_hog else of_cnn]
    assert len(found.chips) == 1


@pytest.mark.parametrize(("n_workers", "detector"), [(1, "dlib-hog"), (2, "dlib-cnn")])
def test_threads_where_processes_would_not_pay(many_cores, photos, n_workers, detector):
    aligner = FaceAligner(detector, "cpu")
    check(find_all(photos[:2], aligner, n_workers), photos[:2], aligner)
    assert not many_cores


def test_what_is_no_file_is_looked_at_beside_the_processes(many_cores, photos, tmp_path):
    with os.scandir(os.fsencode(tmp_path)) as entries:  # their paths are bytes
        (entry,) = (entry for entry in entries if entry.name == b"0.png")
    mixed = [None, photos[0].read_bytes(), photos[3].astype(float), entry, photos[0]]
    aligner = FaceAligner("dlib-hog")
    found = find_all(mixed, aligner)
    check(found, mixed, aligner)
    assert [len(one.faces) for one in found] == [0, 1, 0, 1, 1]
    assert len(many_cores) == 1


def test_photos_that_come_slowly_are_looked_at_as_they_come(many_cores, photos, monkeypatch):
    monkeypatch.setattr(paced, "_SLOW_SECONDS", 0)
    monkeypatch.setattr(paced, "_PATIENT_SECONDS", 0)
    monkeypatch.setattr(paced, "_PATIENCE", 1e9)
    drawn = []
    source = Paced(drawn.append(photo) or photo for photo in photos)
    with core_workers(2) as pool:
        for number, _ in enumerate(find_each(source, FaceAligner("dlib-hog"), FORMAT, pool, 2, 4)):
            assert len(drawn) == number + 1
    assert len(many_cores) == 1


def test_few_photos_start_no_process(many_cores, photos):
    assert len(find_all((photo for photo in photos[:2]), FaceAligner("dlib-hog"))) == 2
    assert find_all([], FaceAligner("dlib-hog")) == []
    assert not many_cores


def test_a_process_that_is_killed_is_told_of(many_cores, photos):
    with core_workers(2) as pool:
        found = find_each(Paced(photos[:1] * 200), FaceAligner("dlib-hog"), FORMAT, pool, 2, 4)
        next(found)
        for process in many_cores[0]._processes.values():
            os.kill(process.pid, signal.SIGKILL)
        with pytest.raises(FeaturexError, match="LOKY_MAX_CPU_COUNT"):
            list(found)


def test_a_process_that_finds_faces_loads_no_torch():
    names = "sys, featurex.faces.finding, featurex.extraction.aligning"
    code = f"import {names}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_who_stops_reading_ends_the_processes(many_cores, photos):
    with core_workers(2) as pool:
        found = find_each(Paced(photos[:1] * 200), FaceAligner("dlib-hog"), FORMAT, pool, 2, 4)
        next(found)
        processes = list(many_cores[0]._processes.values())
        found.close()
    # `exitcode` is None for a moment where the pool's own thread is told of the end first.
    sentinels = [process.sentinel for process in processes]
    while sentinels and (ended := wait(sentinels, timeout=60)):
        sentinels = [sentinel for sentinel in sentinels if sentinel not in ended]
    assert not sentinels
