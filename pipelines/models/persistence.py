"""Saving and loading models without pickle.

A model file is a zip archive as skops writes it, with one more member, ``header.json``, that
says what the file is. Nothing in it is run: `load` builds the types of an explicit list only.

skops is imported where it is used: it imports every library that scikit-learn knows of, for
seconds.
"""

import io
import json
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipelines.errors import ModelFileError
from pipelines.files import replacing
from pipelines.models.trusted import (
    TRUSTED_FUNCTIONS,
    TRUSTED_TYPES,
    check_indices,
    untrusted_names,
)

FORMAT = "pipelines.model"
VERSION = 1

HEADER = "header.json"
SCHEMA = "schema.json"

# Limits on what a file may unpack to, in bytes and in members.
MAX_BYTES = 4 << 30
MAX_TEXT_BYTES = 256 << 20
MAX_MEMBERS = 100_000


def save(
    path: str | os.PathLike[str], estimators: Mapping[str, Any], metadata: Mapping[str, Any]
) -> None:
    """Write fitted estimators to one file.

    Parameters
    ----------
    path : path
        The file appears complete or not at all.
    estimators : mapping of str to estimator
        Fitted scikit-learn estimators by name, such as ``tuned.estimator_`` by task.
    metadata : mapping of str to JSON value
        What a user of the model must know.

    Raises
    ------
    ValueError
        If there is no estimator, one has a type that `load` would refuse, or the metadata
        is not JSON.
    """
    content = _pack(dict(estimators), dict(metadata))
    with replacing(Path(path)) as part:
        part.write_bytes(content)


def load(path: str | os.PathLike[str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Read estimators from a file written by `save`.

    Parameters
    ----------
    path : path

    Returns
    -------
    estimators : dict of str to estimator
    metadata : dict

    Raises
    ------
    ModelFileError
        If the file is missing, damaged, too large, of another format, or holds a type that
        is not on the list of `pipelines.models.trusted`.
    """
    path = Path(path)
    with _Archive(path) as archive:
        metadata = archive.metadata()
        untrusted = untrusted_names(archive.json(SCHEMA))
    if untrusted:
        raise ModelFileError(
            f"{path} holds types that a model file may not: {', '.join(untrusted)}. "
            "Do not use the file unless you know who made it."
        )
    return _build(path), metadata


class _Archive:
    """A zip file opened with limits; whatever is wrong with it is a ModelFileError."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __enter__(self) -> "_Archive":
        if not self.path.is_file():
            raise ModelFileError(f"{self.path}: no such file.")
        try:
            self.zip = zipfile.ZipFile(self.path)
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
            raise ModelFileError(f"{self.path} is not a model file: {error}.") from error
        self._check_limits()
        return self

    def __exit__(self, *_: object) -> None:
        self.zip.close()

    def _check_limits(self) -> None:
        members = self.zip.infolist()
        size = sum(member.file_size for member in members)
        if size > MAX_BYTES or len(members) > MAX_MEMBERS:
            self.zip.close()
            raise ModelFileError(
                f"{self.path} unpacks to {size} bytes in {len(members)} parts. "
                f"The limits are {MAX_BYTES} bytes and {MAX_MEMBERS} parts."
            )

    def metadata(self) -> dict[str, Any]:
        header = self.json(HEADER)
        if not isinstance(header, dict) or header.get("format") != FORMAT:
            raise ModelFileError(f"{self.path} is not a model file of this program.")
        if header.get("version") != VERSION:
            raise ModelFileError(
                f"{self.path} has format version {header.get('version')!r}; this program reads "
                f"version {VERSION}. Fit the model again or use a matching version."
            )
        metadata = header.get("metadata")
        if not isinstance(metadata, dict):
            raise ModelFileError(f"{self.path} is damaged: its metadata is not a JSON object.")
        return metadata

    def json(self, name: str) -> Any:
        try:
            if self.zip.getinfo(name).file_size > MAX_TEXT_BYTES:
                raise ModelFileError(f"{self.path}: {name} is larger than {MAX_TEXT_BYTES} bytes.")
            return json.loads(self.zip.read(name))
        except KeyError as error:
            raise ModelFileError(f"{self.path} is not a model file: no {name} in it.") from error
        except ModelFileError:
            raise
        except Exception as error:  # zipfile and zlib raise many kinds on damaged data
            raise _damaged(self.path, error) from error


def _pack(estimators: dict[str, Any], metadata: dict[str, Any]) -> bytes:
    if not estimators:
        raise ValueError("There are no estimators to save.")
    header = _header(metadata)
    import skops.io

    buffer = io.BytesIO()
    skops.io.dump(estimators, buffer, compression=zipfile.ZIP_DEFLATED, compresslevel=3)
    with zipfile.ZipFile(buffer, "a", compression=zipfile.ZIP_DEFLATED) as archive:
        untrusted = untrusted_names(json.loads(archive.read(SCHEMA)))
        if untrusted:
            raise ValueError(
                f"A model file may not hold {', '.join(untrusted)}. Save the plain scikit-learn "
                "estimator: the estimator_ of a tuned one."
            )
        archive.writestr(HEADER, header)
    return buffer.getvalue()


def _header(metadata: dict[str, Any]) -> str:
    header = {"format": FORMAT, "version": VERSION, "metadata": metadata}
    try:
        return json.dumps(header, indent=1, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise ValueError(f"The 'metadata' of a model must be JSON: {error}.") from error


def _build(path: Path) -> dict[str, Any]:
    import skops.io

    try:
        estimators = skops.io.load(path, trusted=sorted(TRUSTED_TYPES | TRUSTED_FUNCTIONS))
        if not isinstance(estimators, dict):
            raise ValueError("it holds no named estimators")
        check_indices(estimators)
    except Exception as error:  # a crafted file can make any step of the building fail
        raise _damaged(path, error) from error
    return estimators


def _damaged(path: Path, error: Exception) -> ModelFileError:
    lines = str(error).splitlines() or [type(error).__name__]
    return ModelFileError(f"{path} is damaged: {lines[0]}. Fit the model again.")
