"""Extractions that may be killed, and what the cache must hold after them."""

import functools
import hashlib
import io
import itertools
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import cache as cache_package
from cache import repair, spaces, verify

N_PHOTOS, BLOCK_ROWS = 24, 6
KINDS = ("faces", "chips", "embeddings")


class Job:
    """A running job: what it told, one event a line, and how it ended."""

    def __init__(self, worker, pid, pipe):
        self.worker, self.pid, self.pipe = worker, pid, pipe
        self.events = []

    def follow(self, n_events=None):
        """Read events until there are so many, or the job is over."""
        while n_events is None or len(self.events) < n_events:
            if not (line := self.pipe.readline()):
                break
            self.events.append(json.loads(line))
        return self.events

    def kill(self):
        os.kill(self.pid, signal.SIGKILL)

    def wait(self):
        """Return the exit code, the signal's number below zero, after all events were read."""
        self.follow()
        self.pipe.close()
        return int(self.worker.ask(do="wait", pid=self.pid))

    def result(self):
        """Wait for a job that must succeed, and return what it gave back."""
        assert self.wait() == 0, self.events[-1:]
        return self.events[-1]["result"]

    def error(self):
        """Wait for a job that must fail, and return its error as one line."""
        assert self.wait() == 1, self.events[-1:]
        return f"{self.events[-1]['kind']}: {self.events[-1]['message']}"

    def finished(self):
        """Return the keys of every append that came back, by space."""
        rows = {}
        for event in self.events:
            if event["event"] == "end":
                rows.setdefault(event["space"], set()).update(event["keys"])
        return rows


class Worker:
    """The process that forks jobs."""

    def __init__(self, folder):
        self.folder, self.numbers = folder, itertools.count()
        self.process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("worker.py"))],
            cwd=Path(cache_package.__file__).parents[1],
            env=os.environ | {"PYTHONPATH": str(Path(cache_package.__file__).parents[1])},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout.readline() == "ready\n"

    def ask(self, **request):
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline()

    def start(self, job, root, **more):
        events = self.folder / f"events{next(self.numbers)}"
        os.mkfifo(events)
        pid = int(self.ask(do="start", job=job, root=str(root), events=str(events), **more))
        return Job(self, pid, events.open())

    def run(self, job, root, **more):
        return self.start(job, root, **more).result()

    def close(self):
        self.process.stdin.close()
        self.process.wait()


@pytest.fixture(scope="session")
def worker(tmp_path_factory):
    if not hasattr(os, "fork"):
        pytest.skip("needs fork and named pipes")
    worker = Worker(tmp_path_factory.mktemp("worker"))
    yield worker
    worker.close()


def png(colour):
    buffer = io.BytesIO()
    Image.fromarray(np.full((16, 16, 3), colour, np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture(scope="session")
def photos(tmp_path_factory):
    """24 photos as (id, path): one without a face, one that is no image, the others of a colour."""
    folder = tmp_path_factory.mktemp("photos")
    contents = [png((i + 1, 2 * i + 1, 200 - i)) for i in range(N_PHOTOS - 2)]
    contents[3:3] = [png((0, 0, 0)), b"no image"]
    found = []
    for number, content in enumerate(contents):
        path = folder / f"{number:02}.png"
        path.write_bytes(content)
        found.append((hashlib.sha256(content).hexdigest(), str(path)))
    return found


def rows_of(root):
    """Read everything: space, then column, then key, to the value's bytes."""
    return {
        store.path.name: {
            column.name: {
                key: value.tobytes()
                for key, value in zip(store.keys(), store.column(column.name)[:], strict=True)
            }
            for column in store.columns
        }
        for store in spaces(root)
    }


@pytest.fixture(scope="session")
def whole(worker, photos, tmp_path_factory):
    """A cache that nothing disturbed; to be copied, not changed."""
    root = tmp_path_factory.mktemp("whole") / "cache"
    worker.run("extract", root, photos=photos, block_rows=BLOCK_ROWS)
    assert verify(root) == []
    return root


@pytest.fixture(scope="session")
def expected(whole):
    rows = rows_of(whole)
    assert sorted(len(next(iter(columns.values()))) for columns in rows.values()) == [22, 22, 24]
    return rows


@pytest.fixture
def extract(worker, photos):
    """Return a function that extracts all photos into a cache; nothing may go wrong."""

    def extract(root):
        return worker.run("extract", root, photos=photos, block_rows=BLOCK_ROWS)

    return extract


@pytest.fixture
def check(expected):
    """Return a function that checks: no damage, and no row that is not as it was expected.

    None is missing in the spaces of the kinds `complete`, and those in `finished` are there.
    """

    def check(root, finished=None, complete=(), doubled=False):
        problems = verify(root)
        assert [p for p in problems if not p.harmless] == []
        assert doubled or not any("its keys are also in" in p.what for p in problems)
        rows = rows_of(root)
        for space, columns in rows.items():
            for column, values in columns.items():
                known = expected[space][column]
                assert values == {key: known[key] for key in values}
        for space in expected:
            if space.startswith(tuple(complete)):
                assert rows[space] == expected[space]
        for space, keys in (finished or {}).items():
            assert keys <= next(iter(rows[space].values())).keys()

    return check


@pytest.fixture
def check_whole(check):
    """Return a function that checks: every row is there and right, and stored once."""
    return functools.partial(check, complete=KINDS)


@pytest.fixture
def tidy(monkeypatch):
    """Return a function that repairs a cache as if a minute had passed; nothing may be refused."""

    def tidy(root):
        monkeypatch.setattr("cache.maintenance.QUIET_SECONDS", -1)
        assert not any(repaired.refused for repaired in repair(root))
        assert [p for p in verify(root) if "its keys are also in" not in p.what] == []

    return tidy
