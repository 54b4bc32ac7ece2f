import os
import signal

import numpy as np
import pytest

from featurex.exceptions import FeaturexError
from featurex.extraction.aligning import Aligning, AlignJob
from featurex.extraction.alignment import align
from featurex.faces import hog_processes
from featurex.faces.aligner import ChipFormat, FaceAligner

FORMATS = (ChipFormat(150, 0.25), ChipFormat(64, 0.4))


@pytest.fixture
def many_cores(monkeypatch):
    """Let two workers and two photos be enough for processes."""
    monkeypatch.setattr(hog_processes, "MOST_THREADS", 1)
    monkeypatch.setattr(hog_processes, "PHOTOS_A_PROCESS", 1)


@pytest.fixture
def jobs(write_photo, portraits):
    """Six faces, a photo without one, and what is no photo."""
    photos = [write_photo(f"{i}.png", photo) for i, photo in enumerate(portraits[:6])]
    photos += [
        write_photo("blank.png", np.zeros((90, 90, 3), np.uint8)),
        write_photo("bad.png", b"x"),
    ]
    return [AlignJob(photo, FORMATS, None) for photo in photos]


def check(alignments, jobs, aligner):
    for alignment, job in zip(alignments, jobs, strict=True):
        expected = align(job.photo, aligner, job.formats)
        assert (alignment.photo, alignment.status, alignment.reason) == (
            (job.photo, expected.status, expected.reason)
        )
        if expected.face is not None:
            np.testing.assert_array_equal(alignment.face.landmarks, expected.face.landmarks)
        for format, chip in expected.chips.items():
            np.testing.assert_array_equal(alignment.chips[format], chip)


@pytest.mark.parametrize("detector", ["dlib-hog", "hog+cnn"])
def test_processes_do_what_threads_do(many_cores, jobs, detector):
    aligner = FaceAligner(detector, "cpu")
    with Aligning(aligner, 2, len(jobs)) as pool:
        alignments = [answer() for answer in pool.submit(jobs)]
        assert pool._processes is not None
    check(alignments, jobs, aligner)


def test_the_cnn_looks_at_what_hog_finds_nothing_in(many_cores, jobs, monkeypatch):
    aligner, looked = FaceAligner("hog+cnn", "cpu"), []
    central_face = FaceAligner.central_face

    def noting(self, photo):
        looked.append(self.detector)
        return central_face(self, photo)

    monkeypatch.setattr(FaceAligner, "central_face", noting)  # in this process
    with Aligning(aligner, 2, len(jobs)) as pool:
        statuses = [answer().status for answer in pool.submit(jobs)]
    assert looked == ["dlib-cnn"]  # HOG has looked already
    assert statuses == [0] * 6 + [1, 2]


@pytest.mark.parametrize(
    ("n_workers", "n_photos", "detector"),
    [(5, 10**6, "dlib-hog"), (16, 1000, "dlib-hog"), (16, 10**6, "dlib-cnn")],
)
def test_threads_where_processes_would_not_pay(jobs, n_workers, n_photos, detector):
    aligner = FaceAligner(detector, "cpu")
    with Aligning(aligner, n_workers, n_photos) as pool:
        alignments = [answer() for answer in pool.submit(jobs[:1])]
        assert pool._processes is None
    check(alignments, jobs[:1], aligner)


def test_nothing_to_align_starts_no_process(many_cores):
    with Aligning(FaceAligner("dlib-hog"), 2, 10**6) as pool:
        assert pool.submit([]) == []
        assert pool._processes is None


def test_a_process_that_is_killed_is_told_of(many_cores, jobs):
    with Aligning(FaceAligner("dlib-hog"), 2, len(jobs)) as pool:
        pool.submit(jobs[:1])[0]()
        for process in pool._processes._processes.values():
            os.kill(process.pid, signal.SIGKILL)
        with pytest.raises(FeaturexError, match="run the same command again with fewer --threads"):
            [answer() for answer in pool.submit(jobs)]
