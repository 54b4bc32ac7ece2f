"""A process that forks jobs which may be killed: torch and dlib are imported once for all of them.

Reads a JSON request a line: ``start`` forks a job and answers its pid, ``wait`` answers how it
ended.  A job tells in a named pipe what it does: every append, and every file that it opens for
writing, renames or deletes.  With ``die_at`` it kills itself right before the thing of that number.
"""

import ctypes
import json
import os
import resource
import signal
import sys
from pathlib import Path

import numpy as np
import torch
from torch import nn

from cache import Store, compact, drop, repair, verify
from featurex.backbones.base import Backbone
from featurex.extraction.alignment import Photo
from featurex.extraction.extracting import extract
from featurex.extraction.face_cache import FaceCache
from featurex.faces.aligner import Face, FaceAligner

SIDE = 64
_CLONE_NEWNS, _MS_RDONLY, _MS_REMOUNT, _MS_BIND, _MS_REC, _MS_PRIVATE = (
    0x20000, 1, 32, 4096, 16384, 1 << 18
)  # fmt: skip
_CHANGES = {"os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.link"}


class Corner(nn.Module):
    def forward(self, chips):
        return chips[:, :, 0, 0].repeat(1, 20)


class CornerBackbone(Backbone):
    """The colour of a chip's first pixel, twenty times: exact, whatever else is in the batch."""

    name, layer, chip_size, padding = "corner", "pixel", SIDE, 0.25
    preprocessing, weights_file = {}, Path(__file__)

    def untrained(self):
        return Corner()

    def build(self):
        return Corner()


def central_face(self, photo):
    landmarks = np.array([[12, 5], [10, 5], [4, 5], [6, 5], [8, 9]], np.int32)
    box = np.array([2, 2, 14, 14], np.int32)
    return Face(box, landmarks, 1.0) if photo.scaled(1).any() else None


def chip(self, photo, face, size, padding):
    return np.full((size, size, 3), photo.scaled(1)[0, 0], np.uint8)


class Job:
    """One forked job: tells what it does, and dies where it was told to."""

    def __init__(self, events, die_at):
        self.events = os.open(events, os.O_WRONLY)
        self.die_at = die_at
        self.told = 0

    def tell(self, event, **more):
        if self.told == self.die_at:
            os.kill(os.getpid(), signal.SIGKILL)
        self.told += 1
        os.write(self.events, (json.dumps({"event": event} | more) + "\n").encode())

    def watch(self, root):
        append = Store.append

        def told(store, keys, columns):
            self.tell("begin")
            append(store, keys, columns)
            self.tell("end", space=store.path.name, keys=list(keys))

        def hook(event, arguments):
            writes = event == "open" and isinstance(arguments[2], int) and arguments[2] & 3
            if (writes or event in _CHANGES) and str(arguments[0]).startswith(root):
                self.tell(event, path=str(arguments[0]))

        Store.append = told
        sys.addaudithook(hook)


def run_extract(root, photos, threads=2, block_rows=6):
    cache = FaceCache(root, CornerBackbone(), device="cpu", batch_size=4)
    report = extract([Photo(*p) for p in photos], cache, threads=threads, block_rows=block_rows)
    return report.counts()


def run_compact_while(root, busy, target_bytes):
    """Compact again and again while the file `busy` is there."""
    while Path(busy).exists():
        compact(root, target_bytes)


def run_read_only(root, photos):
    """Extract into a folder that can't be written."""
    if os.geteuid() == 0:  # root writes where it has no permission: only a mount stops it
        _mount_privately()
        _mount(root, root, None, _MS_BIND, "")
        _mount(root, root, None, _MS_BIND | _MS_REMOUNT | _MS_RDONLY, "")
    else:
        for path in [Path(root), *Path(root).rglob("*")]:
            path.chmod(path.stat().st_mode & ~0o222)
    return run_extract(root, photos)


def run_full_disk(root, photos, sizes):
    """Extract onto a disk of a few kilobytes that grows; return what was said, and damage."""
    _mount_privately()
    Path(root).mkdir()
    _mount("none", root, "tmpfs", 0, f"size={sizes[0]}k")
    said, damage = [], []
    for size in sizes:
        _mount("none", root, "tmpfs", _MS_REMOUNT, f"size={size}k")
        try:
            said.append(run_extract(root, photos))
        except Exception as error:
            said.append(f"{type(error).__name__}: {error}")
        damage += [f"{p.path}: {p.what}" for p in verify(root) if not p.harmless]
    rows = {folder: len(Store.open_existing(root, folder)) for folder in os.listdir(root)}  # noqa: PTH208
    return {"said": said, "damage": damage, "rows": sorted(rows.values())}


JOBS = {
    "extract": run_extract,
    "compact": lambda root, target_bytes: len(compact(root, target_bytes)),
    "compact_while": run_compact_while,
    "repair": lambda root: [r.what for r in repair(root)],
    "drop": lambda root, space: drop(root, space).rows,
    "read_only": run_read_only,
    "full_disk": run_full_disk,
}


class NoMountError(Exception):
    """The system lets this process mount nothing."""


def _mount_privately():
    libc = ctypes.CDLL(None, use_errno=True)
    if os.geteuid() or libc.unshare(_CLONE_NEWNS):
        raise NoMountError
    _mount("none", "/", None, _MS_REC | _MS_PRIVATE, "")


def _mount(source, target, kind, flags, options):
    libc = ctypes.CDLL(None, use_errno=True)
    kind = kind.encode() if kind else None
    if libc.mount(source.encode(), target.encode(), kind, flags, options.encode()):
        raise NoMountError(os.strerror(ctypes.get_errno()))


def run_job(job, root, events, die_at=None, max_file_bytes=None, **more):
    """Run a job in a forked process; return the exit code."""
    running = Job(events, die_at)
    try:
        if max_file_bytes is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (max_file_bytes, max_file_bytes))
        running.watch(root)
        result = JOBS[job](root, **more)
    except Exception as error:
        running.die_at = None
        running.tell("failed", kind=type(error).__name__, message=str(error))
        return 1
    running.die_at = None
    running.tell("done", result=result)
    return 0


def answer(value):
    sys.stdout.write(f"{value}\n")
    sys.stdout.flush()


def main():
    torch.set_num_threads(1)  # threads of the parent would be missing in its children
    FaceAligner.central_face, FaceAligner.chip = central_face, chip
    answer("ready")
    for line in sys.stdin:
        request = json.loads(line)
        if request.pop("do") == "wait":
            _, status = os.waitpid(request["pid"], 0)
            answer(os.waitstatus_to_exitcode(status))
            continue
        pid = os.fork()
        if pid == 0:
            os._exit(run_job(**request))
        answer(pid)


if __name__ == "__main__":
    main()
