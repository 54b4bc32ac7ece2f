"""``featurex audit``: copies, people on both sides of a fold, wrong labels, class balance."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from featurex.cli.guard import guarded
from featurex.cli.options import (
    AgeKind,
    AgePolicy,
    Ages,
    CacheDir,
    Dataset,
    DetectorName,
    Device,
    Json,
    Limit,
    Photos,
    Root,
    Seed,
    Subjects,
)
from featurex.cli.screen import out, print_json, print_table, progress, say
from featurex.detectors import DEFAULT_DETECTOR
from featurex.files import ready_folder

if TYPE_CHECKING:
    import pandas as pd

    from featurex.audit.auditing import Audit

_MOST_LABELS = 10  # on the screen


@guarded
def audit(
    dataset: Dataset,
    root: Root = None,
    cache: CacheDir = Path("face-cache"),
    out_dir: Annotated[Path, typer.Option("--out", help="Folder for the tables and the page.")] = (
        Path("audit")
    ),
    write_to: Annotated[
        Path | None,
        typer.Option(
            "--write-subjects",
            help="CSV file for the clusters as subjects: what --subjects takes.",
        ),
    ] = None,
    faces: Annotated[
        bool, typer.Option("--faces", help="Put face chips into the page, and not only names.")
    ] = False,
    same_person: Annotated[
        float | None,
        typer.Option(
            "--same-person",
            help="Photos count as one person's that lie at most so many times as far apart as "
            "their 50th nearest photos do; 0.75 by default.",
        ),
    ] = None,
    folds: Annotated[int, typer.Option(min=2, help="Number of folds.")] = 5,
    detector: DetectorName = DEFAULT_DETECTOR,
    device: Device = "auto",
    age_policy: AgePolicy = "strict",
    photos: Photos = None,
    age_kind: AgeKind = None,
    ages: Ages = None,
    limit: Limit = None,
    subjects: Subjects = None,
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """Look for copies, people on both sides of a fold, labels that look wrong, rare classes."""
    from featurex.audit.auditing import BACKBONE, CLUSTER, N_STEPS, AuditOptions
    from featurex.audit.auditing import audit as run_audit
    from featurex.audit.crowds import SAME_PERSON
    from featurex.audit.files import write_audit
    from featurex.cli import stages
    from featurex.comparison.face_table import FaceTable
    from featurex.datasets.reading import read_dataset
    from featurex.datasets.subject_files import write_subjects

    radius = SAME_PERSON if same_person is None else same_person
    options = AuditOptions(
        radius, max(radius, CLUSTER), n_folds=folds, seed=seed, subjects_known=subjects is None
    )
    manifest = read_dataset(
        dataset,
        root,
        age_policy=age_policy,
        photos=photos,
        age_kind=age_kind,
        ages=ages,
        limit=limit,
        seed=seed,
        subjects=subjects,
    )
    ready_folder(out_dir)
    if write_to:
        ready_folder(write_to.parent)
    face_cache = stages.open_cache(cache, BACKBONE, None, device, detector=detector)
    stages.fill(manifest, face_cache, quiet=json)
    with progress("Auditing", N_STEPS) as update:
        found = run_audit(FaceTable(manifest, face_cache), options, stages.Steps(update).next)
    files = write_audit(found, out_dir, show_faces=faces)
    if write_to:
        write_subjects(write_to, found.faces.table["image_id"].tolist(), found.subject_ids())
    _print(found, json)
    say(f"Wrote {len(files)} files into {out_dir}{f', and {write_to}' if write_to else ''}.")


def _print(audit: Audit, json: bool) -> None:
    from featurex.audit.findings import findings, notes

    if json:
        tables = {"findings": findings(audit), "folds": audit.leaks(), "rates": audit.rates}
        print_json({name: _records(t) for name, t in tables.items()} | {"notes": notes(audit)})
        return
    print_table(findings(audit), "Findings")
    print_table(_percent(audit.leaks()), "Photos whose likely person is in another fold too")
    basis = audit.rates["basis"].iloc[0] or "none can be told apart"
    print_table(
        audit.rates.drop(columns="basis"),
        f"Pairs within a distance, and those of different people among them ({basis})",
    )
    if len(audit.labels):
        shown = audit.labels.groupby("task", sort=False).head(_MOST_LABELS)
        shown = shown.assign(photo=[Path(path).name for path in shown["path"]])
        columns = ["task", "photo", "given", "suggested", "p_given", "p_suggested"]
        print_table(shown[columns].round(4), "Labels to look at first")
    print_table(_percent(audit.balance), "Balance")
    for note in notes(audit):
        out.print(f"- {note}", markup=False, soft_wrap=True)


def _percent(table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(share=[f"{share:.1%}" for share in table["share"]])


def _records(table: pd.DataFrame) -> list[dict[str, object]]:
    return table.astype(object).where(table.notna(), None).to_dict("records")
