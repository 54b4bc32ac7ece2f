"""The model card: what a saved model is, how right it is and for whom, and what it is not for.

After Mitchell et al., "Model cards for model reporting" (FAT* 2019). All numbers are computed, and
whatever comes from files is escaped: a card says nothing but what was measured.
"""

from __future__ import annotations

import hashlib
import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from featurex.comparison.face_table import FaceTable
from featurex.files import replacing
from featurex.printable import printable
from featurex.saved_models import age_bounds, rejection
from featurex.saved_models.card_data import data_section, thin_ages
from featurex.saved_models.card_scores import group_scores, scores_section, weak_spots
from featurex.saved_models.out_of_fold import OutOfFold
from pipelines.scoring.age_intervals import AgeIntervals
from pipelines.tables.markdown import code, escape, table

_NOT_MEASURED = """## Scores

**Nothing was measured.** The model was fitted without an evaluation, so how right it is, and for
whom, is unknown. The inner score above is of faces that were set aside while its settings were
chosen: a hint, not a test. `featurex fit` without `--no-evaluate`, or `featurex compare`,
measures it."""

_USE = """## Intended use

Research and teaching; statistics over many photos of people like those it was measured on, with
the errors above in mind; sorting one's own photos, where a person looks at the result.

## Misuse

- No decisions about individuals: not for age checks, access, prices, hiring, policing or
  advertising that is aimed at one person.
- Gender here is a label that other people gave to a photo. The model tells how a face is presented
  and perceived, not a person's gender identity; its classes leave people out.
- Age is how old a face looks to the model. It is not a proof of age, least of all for children.
- Not identification: it does not say who somebody is, and must not be used to find out.
- No photos of people without a right to them; laws on biometric data may apply.
- Other cameras, poses, lighting, make-up, masks or peoples than those of the training data: the
  scores above don't hold there. Measure anew."""

_DECLINES = """The thresholds were chosen on the out-of-fold predictions of all faces, for faces
like those; of other faces the answers can be less right. Probabilities and years are always given.
`--no-reject` answers always, `--threshold` sets another probability (`reject=` in Python)."""


def card_path(model_file: Path) -> Path:
    """Return where a model file's card is: ``svm.featurex`` has ``svm.card.md`` beside it."""
    return model_file.with_name(f"{model_file.stem}.card.md")


def write_card(
    model_file: Path,
    metadata: Mapping[str, Any],
    faces: FaceTable,
    measured: OutOfFold | None = None,
    command: Sequence[str] = (),
) -> Path:
    """Write the card of a saved model beside it, complete or not at all.

    Parameters
    ----------
    model_file : Path
        Already written: the card holds its SHA-256.
    metadata : mapping
        As `featurex.saved_models.fitting.fit_models` gives it.
    faces : FaceTable
        What the model was trained on.
    measured : OutOfFold, optional
        Without it the card says that nothing was measured.
    command : sequence of str
        The words of the command that made the model.

    Returns
    -------
    Path
        See `card_path`.

    Raises
    ------
    OSError
        The model file can't be read, or the card not written.
    """
    sections = [
        _head(metadata),
        _identity(model_file, metadata),
        data_section(faces),
        *_measurements(metadata, faces, measured),
        _USE,
        _usage(model_file, _needed_again(metadata, command)),
        _reproduction(faces, command),
    ]
    path = card_path(model_file)
    with replacing(path) as part:
        part.write_text("\n\n".join(sections) + "\n", encoding="utf-8")
    return path


def _head(metadata: Mapping[str, Any]) -> str:
    tasks = ", ".join(map(escape, metadata["training"]))
    model, dataset = escape(metadata["model"]), escape(metadata["dataset"])
    return (
        f"# Model card: {tasks} from faces, {model} on {dataset}\n\n"
        "A model of featurex. It answers for every face that it finds in a photo; what it says is "
        "how a face looks to it, with the errors that are told below."
    )


def _identity(model_file: Path, metadata: Mapping[str, Any]) -> str:
    backbone, embedding = metadata["backbone"], metadata["embedding"]
    mirror = ", mean of face and mirror image" if embedding["mirror"] else ""
    rows = [
        ["File", f"{code(model_file.name)}, {model_file.stat().st_size:,} bytes"],
        ["SHA-256", code(_sha256(model_file))],
        ["Tasks", ", ".join(map(escape, metadata["training"]))],
        ["Model", escape(metadata["model"])],
        ["Backbone", f"{escape(backbone['name'])}, {_settings(backbone['settings'])}"],
        ["Embedding", escape(f"{embedding['precision']}{mirror}")],
        ["Faces", f"{_settings(metadata['aligner'])}, chips of {backbone['chip_size']} pixels"],
        ["Seed", escape(str(metadata.get("seed", "unknown")))],
        ["Fitted", escape(str(metadata.get("created", "unknown")))],
        ["Versions", _settings(metadata.get("versions", {}))],
    ]
    fits = [
        [escape(told["model"]), escape(task), str(summary["n_faces"]), _inner(summary)]
        for told in metadata.get("parts", [metadata])
        for task, summary in told["training"].items()
    ]
    trained = table(["Model", "Task", "Faces", "Inner score"], fits)
    return f"## What it is\n\n{table(['', ''], rows)}\n\n{trained}"


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _settings(settings: Mapping[str, Any]) -> str:
    return ", ".join(f"{escape(str(key))} {escape(str(value))}" for key, value in settings.items())


def _inner(summary: Mapping[str, Any]) -> str:
    name = next((name for name in summary if name.startswith("inner_")), None)
    if name is None or summary[name] is None:
        return "unknown"
    return f"{escape(name.removeprefix('inner_').replace('_', ' '))} {summary[name]:.3f}"


def _measurements(
    metadata: Mapping[str, Any], faces: FaceTable, measured: OutOfFold | None
) -> Iterator[str]:
    limits = [*thin_ages(faces.table)]
    if measured is None:
        yield _NOT_MEASURED
    else:
        seed = int(metadata["seed"])
        groups = group_scores(measured, seed)
        yield scores_section(measured, groups)
        known = [task.name for task in measured.tasks]
        limits = [*weak_spots(measured, groups, seed), *limits]
        limits += [
            f"Nothing was measured for the task {escape(task)}."
            for task in metadata["training"]
            if task not in known
        ]
    if provenance := faces.cache.backbone.provenance:
        limits.append(escape(provenance))
    total = len(faces.table) + faces.n_without_face
    limits.append(
        f"Photos without a face that is found are in no score: {faces.n_without_face} of {total} "
        "here. A face that is not found is not answered."
    )
    if intervals := age_bounds.intervals_of(metadata):
        yield _ages_section(intervals)
    if lines := [
        f"- {escape(line)}" for line in rejection.describe(rejection.options_of(metadata))
    ]:
        yield "\n".join(["## When it declines to answer", "", *lines, "", _DECLINES])
    yield "\n".join(["## Limits", "", *(f"- {limit}" for limit in limits)])


def _ages_section(intervals: AgeIntervals) -> str:
    rows = [
        [str(age), f"{low:.1f} to {high:.1f}"] for age, low, high in age_bounds.examples(intervals)
    ]
    said = (
        f"{escape(age_bounds.describe(intervals))} It depends on the predicted age. Of faces "
        "unlike those fewer lie inside; and of ages that the model is drawn away from, such as the "
        "highest, fewer than of others."
    )
    title = "## How sure its ages are"
    return "\n\n".join([title, said, table(["Predicted age", "Interval"], rows)])


def _needed_again(metadata: Mapping[str, Any], command: Sequence[str]) -> str:
    """Say which file a prediction needs beside the model's; nothing where it needs none."""
    file = metadata["backbone"].get("file")
    if file is not None and "embeddings" in metadata["input"]:
        what = f"The backbone is the network in {code(file)}, which is"
    elif "--weights" in command:
        what = "The backbone's weights were given by file, and are"
    else:
        return ""
    how = "`--weights FILE`, or `weights=` in Python. The SHA-256 is checked."
    return f"\n\n{what} needed again: {how}"


def _usage(model_file: Path, needed_again: str) -> str:
    name = model_file.name
    shell = printable(f"featurex predict photo.jpg --model {shlex.quote(name)}")
    return (
        f"## How to use it\n\n```sh\n{shell}\n```\n\n```python\nfrom featurex import Predictor\n\n"
        f"predictor = Predictor.load({name!a})\nfor face in predictor.predict('photo.jpg'):\n"
        "    print(face.gender, face.age_group, face.age, face.probabilities)\n```"
        f"{needed_again}"
    )


def _reproduction(faces: FaceTable, command: Sequence[str]) -> str:
    words = printable(shlex.join(command)) if command else ""
    how = f"```sh\n{words}\n```" if words else "It was fitted from Python."
    return (
        f"## How to reproduce it\n\n{how}\n\nwith the versions above, on data whose SHA-256 is "
        "that above. Photos of other bytes, or another number of cores or another device, may "
        f"change the last digits. Embeddings: space `{faces.cache.space.id}`."
    )
