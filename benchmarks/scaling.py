"""What extraction costs as the photos grow in number: time a photo, peak memory, and reruns.

    python benchmarks/scaling.py --folder UTKFACE [--counts 1000 4000 16000]

Every line is a process of its own, so that its peak memory is its own. Its time is that of hashing
the files and of the extraction into the cache; loading the network, the same for any number of
photos, stands in a column of its own. Runs of different size take different photos of the same
folder. After the largest: 1 % more photos into the same cache, then nothing new, and beside it what
reading the files' bytes costs.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from timing import timed

ENDINGS = (".jpg", ".jpeg", ".png")
SEED = 0


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--counts", type=int, nargs="+", default=[1000, 4000, 16000])
    parser.add_argument("--backbone", default="dlib-resnet")
    parser.add_argument("--run", nargs=2, metavar=("LIST", "CACHE"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.run:
        measure(*map(Path, options.run), options.backbone)
        return
    if options.folder is None:
        parser.error("Give a --folder of photos.")
    photos = sorted(p for p in options.folder.iterdir() if p.suffix.lower() in ENDINGS)
    order = np.random.default_rng(SEED).permutation(len(photos))
    photos = [photos[row] for row in order]
    if len(photos) < max(options.counts) * 1.01:
        parser.error(f"{options.folder} has {len(photos)} photos: give smaller --counts.")
    with tempfile.TemporaryDirectory() as folder:
        table(photos, options.counts, options.backbone, Path(folder))


def table(photos: list[Path], counts: list[int], backbone: str, folder: Path) -> None:
    """Measure run after run and print a line for each."""
    print(f"{'':24}{'photos':>8}{'new':>8}{'load s':>8}{'seconds':>9}{'ms/photo':>10}{'peak':>10}")

    def line(name: str, part: list[Path], cache: str) -> None:
        made = run(part, folder / cache, backbone, folder)
        each = 1000 * made["seconds"] / len(part)
        print(
            f"{name:24}{len(part):8}{made['new']:8}{made['load']:8.1f}"
            f"{made['seconds']:9.1f}{each:10.2f}{made['peak_mib']:6.0f} MiB",
            flush=True,
        )

    for count in counts:
        line("first run", photos[-count:], str(count))
    largest = max(counts)
    more = photos[-(largest + largest // 100) :]
    line("1 % more", more, str(largest))
    line("nothing new", more, str(largest))
    seconds, n_bytes = timed(lambda: sum(len(path.read_bytes()) for path in more))
    print(
        f"{'reading the bytes':24}{len(more):8}{'':16}{seconds:9.1f}  ({n_bytes / 2**20:.0f} MiB)"
    )


def run(part: list[Path], cache: Path, backbone: str, folder: Path) -> dict[str, float]:
    """Extract in a process of its own; return what it measured."""
    listed = folder / "list.csv"
    listed.write_text("path\n" + "".join(f"{path.resolve()}\n" for path in part))
    words = ["--backbone", backbone, "--run", str(listed), str(cache)]
    done = subprocess.run([sys.executable, __file__, *words], check=True, stdout=subprocess.PIPE)
    return json.loads(done.stdout)


def measure(listed: Path, folder: Path, backbone: str) -> None:
    """Extract what a list names; print how long it took, and the peak memory."""
    from featurex.backbones import get_backbone
    from featurex.extraction.alignment import Photo
    from featurex.extraction.extracting import extract
    from featurex.extraction.face_cache import FaceCache
    from featurex.photos.hashing import hash_files

    paths = listed.read_text().splitlines()[1:]
    begun = time.perf_counter()
    cache = FaceCache(folder, get_backbone(backbone))
    if len(cache.faces) < len(paths):  # else nothing is new, and no network is needed
        cache.embedder  # noqa: B018
    started = time.perf_counter()
    ids = [str(found) for found in hash_files(paths)]
    report = extract([Photo(*pair) for pair in zip(ids, paths, strict=True)], cache)
    ended = time.perf_counter()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    seconds = {"load": started - begun, "seconds": ended - started}
    print(json.dumps({"new": report.n_new, "peak_mib": peak, **seconds}))


if __name__ == "__main__":
    main()
