"""The stages that several commands go through, with their progress bars and tables."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from featurex.cli.screen import counted, first_names, out, print_table, progress, say, table_width
from featurex.detectors import DEFAULT_DETECTOR

if TYPE_CHECKING:
    import pandas as pd

    from featurex.comparison.design import Design
    from featurex.comparison.experiment import Result
    from featurex.comparison.face_table import FaceTable
    from featurex.comparison.kept import Kept
    from featurex.extraction.extracting import ExtractionReport
    from featurex.extraction.face_cache import FaceCache
    from featurex.manifest import Manifest
    from featurex.models.options import ModelOptions
    from pipelines import Comparison


def open_cache(
    root: Path,
    backbone: str,
    weights: Path | None = None,
    device: str = "auto",
    *,
    detector: str = DEFAULT_DETECTOR,
    precision: str = "float32",
    mirror: bool = False,
) -> FaceCache:
    """Open the cache for a backbone."""
    return open_caches(
        root, [backbone], weights, device, detector=detector, precision=precision, mirror=mirror
    )[0]


def open_caches(
    root: Path,
    backbones: Sequence[str],
    weights: Path | None = None,
    device: str = "auto",
    *,
    detector: str = DEFAULT_DETECTOR,
    precision: str = "float32",
    mirror: bool = False,
) -> list[FaceCache]:
    """Open the cache for several backbones, and tell what must be told of them."""
    from featurex.extraction import opening

    caches = opening.open_caches(
        root, backbones, weights, device, detector=detector, precision=precision, mirror=mirror
    )
    for notice in filter(None, (cache.backbone.notice for cache in caches)):
        say(notice)
    return caches


def fill(
    manifest: Manifest,
    *caches: FaceCache,
    quiet: bool,
    threads: int | None = None,
    complete: bool = True,
) -> ExtractionReport:
    """Bring a manifest's embeddings into the cache, and print what became of its rows.

    The last two are as `featurex.extraction.extracting.extract` takes them.
    """
    if not quiet:
        print_table(manifest.summary(), f"Data set {manifest.dataset}")
    report = run_extraction(manifest, *caches, threads=threads, complete=complete)
    if not quiet:
        print_report(report)
    return report


def run_extraction(
    manifest: Manifest,
    *caches: FaceCache,
    threads: int | None = None,
    complete: bool = True,
) -> ExtractionReport:
    """Bring the manifest's embeddings into the cache, those of all backbones in one pass."""
    from featurex.extraction.alignment import photos_of
    from featurex.extraction.extracting import extract

    photos = photos_of(manifest)
    labels = ", ".join(cache.label for cache in caches)
    with progress(f"Embedding {labels}", len(photos)) as update:

        def on_photo(n_settled: int, n_skipped: int) -> None:
            update(n_settled, f"{n_skipped} without a face", "photos")

        report = extract(photos, caches, threads=threads, complete=complete, on_photo=on_photo)
    if report.n_new:
        from featurex.machine.devices import device_label

        say(f"Embedded on {device_label(caches[0].embedder.device)}.")
    if report.n_restored:
        say(f"Cut out {counted(report.n_restored, 'face')} again that the cache had lost.")
    return report


def print_report(report: ExtractionReport) -> None:
    """Print what became of every photo."""
    import pandas as pd

    from featurex.extraction.report import NO_FACE

    examples = {NO_FACE: report.without_face} | report.unusable
    rows = [
        (what, count, first_names(examples.get(what, [])))
        for what, count in report.counts().items()
    ]
    speed = report.n_new / report.seconds if report.n_new else 0.0
    pace = f", {speed:.0f} embedded a second" if speed else ""
    print_table(
        pd.DataFrame(rows, columns=["photos", "count", "examples"]),
        f"{counted(report.n_photos, 'photo')} in {report.seconds:.1f} s{pace}",
    )


def advise(models: Sequence[str], faces: FaceTable, options: ModelOptions) -> None:
    """Say which training settings are made for so many faces."""
    from featurex.models.options import settings_advice

    if better := settings_advice(models, len(faces.table), options):
        names = " and ".join(better)
        say(f"Try {names}: settings for as many as {len(faces.table)} faces, and half the epochs.")


def run_comparison(
    faces: FaceTable,
    design: Design,
    checkpoints: Path | None = None,
    kept: Kept | None = None,
) -> Result:
    """Cross-validate every model on every task; what was finished before is taken from `kept`."""
    from featurex.comparison.experiment import run

    n_models = sum(len(design.fitted_for(task)) for task in design.tasks)
    folds = faces.folds(design)
    if folds.warning:
        say(f"Warning: {folds.warning}")
    n_fits = n_models * folds.n_folds
    with progress("Comparing", n_fits) as update:
        steps = Steps(update)
        result = run(
            faces, design, steps.next, on_epoch=steps.tell, checkpoints=checkpoints, kept=kept
        )
    if kept and result.n_before:
        say(f"{result.n_before} of {n_fits} fits were finished before: taken from {kept.folder}.")
    return result


def print_comparison(comparison: Comparison, title: str) -> None:
    """Print the scores, the best with a star, their intervals, and the notes."""
    _print_cells(comparison.format(lambda text: f"{text} *"), title)
    _print_cells(comparison.format_intervals(), "95 % intervals")
    for note in (*comparison.notes, comparison.marks_note("with *")):
        out.print(f"- {note}", markup=False, soft_wrap=True)


def _print_cells(cells: pd.DataFrame, title: str) -> None:
    """Print a table a task, its columns in as many blocks as the terminal needs."""
    from pipelines.tables.layout import by_task, in_width

    for part in by_task(cells):
        for number, block in enumerate(in_width(part.cells, table_width())):
            print_table(block, None if number else f"{title}, {part.task} ({part.counts})")


class Steps:
    """Counts the steps of a progress bar, and shows a line beside it.

    Parameters
    ----------
    update : callable
        As `featurex.cli.screen.progress` gives it.
    """

    def __init__(self, update: Callable[..., None]) -> None:
        self._update = update
        self._done = 0

    def next(self, line: str) -> None:
        """Move on by one step."""
        self._done += 1
        self.tell(line)

    def tell(self, line: str) -> None:
        """Show a line, without a step."""
        self._update(self._done, line)
