"""24 photos of 12 bundled people with awkward names, extracted once."""

import csv
import shutil
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from featurex.cli import app
from featurex.datasets.people import people_root

GROUPS = ("4-6", "48-53")  # HOG finds a face in every photo of theirs
PEOPLE_A_KIND = 3  # of every group and gender


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    """So few chips are embedded sooner by one thread than by two that wait for each other."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def call():
    """Return a function that runs a command; the result has exit_code, stdout and stderr."""

    def call(*words):
        return CliRunner().invoke(app, [str(word) for word in words])

    return call


@pytest.fixture(scope="session")
def fails(call):
    """Return a function that runs a command and returns the one line with which it fails."""

    def fails(*words):
        result = call(*words)
        assert result.exit_code == 1, (result.stdout, result.stderr)
        lines = result.stderr.splitlines()
        assert lines, result.stdout
        assert lines[-1].startswith("featurex: "), result.stderr
        assert not any("Traceback" in line for line in lines)
        return lines[-1]

    return fails


def choose(rows):
    """Return two photos each of a few people of every group and gender."""
    kinds, people = {}, {}
    for row in rows:
        if row["age_group"] in GROUPS:
            chosen = kinds.setdefault((row["age_group"], row["gender"]), [])
            if row["subject_id"] not in chosen and len(chosen) < PEOPLE_A_KIND:
                chosen.append(row["subject_id"])
            if row["subject_id"] in chosen:
                people.setdefault(row["subject_id"], []).append(row)
    return [row for rows in people.values() for row in rows[:2]]


def write_csv(path, rows):
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


@pytest.fixture(scope="session")
def people_csv(tmp_path_factory):
    """A CSV file and its photos; some names have spaces, umlauts or line breaks."""
    folder = tmp_path_factory.mktemp("data")
    with (people_root() / "people.csv").open(encoding="utf-8") as file:
        rows = choose(csv.DictReader(file))
    for number, row in enumerate(rows):
        name = ("{}.jpg", "mein photo {}.jpg", "größe {}.jpg", "two\nlines {}.jpg")[number % 4]
        shutil.copy(people_root() / row["path"], folder / name.format(number))
        row["path"] = name.format(number)
    assert len(rows) == 24
    return write_csv(folder / "people.csv", rows)


@pytest.fixture(scope="session")
def write_rows(people_csv):
    """Return a function that writes rows of that file to another one, their photos beside it."""

    def write_rows(path, rows):
        for row in rows:
            shutil.copy(people_csv.parent / row["path"], path.parent)
        return write_csv(path, rows)

    return write_rows


@pytest.fixture(scope="session")
def photos(people_csv):
    """The 24 photos' files, in the order of the CSV file."""
    with people_csv.open(newline="", encoding="utf-8") as file:
        return [people_csv.parent / row["path"] for row in csv.DictReader(file)]


@pytest.fixture(scope="session")
def extracted(call, people_csv, tmp_path_factory):
    """A cache with the embeddings of these photos, which no test changes."""
    folder = tmp_path_factory.mktemp("extracted")
    result = call("extract", "csv", people_csv, "--cache", folder, "--device", "cpu")
    assert result.exit_code == 0, result.stderr
    return folder


@pytest.fixture(scope="module")
def cache(extracted, tmp_path_factory):
    """A copy of that cache for the tests of one file: what they add, no other file counts."""
    return shutil.copytree(extracted, tmp_path_factory.mktemp("module") / "cache")


@pytest.fixture(scope="session")
def model(call, people_csv, extracted, tmp_path_factory):
    """An SVM for gender and age."""
    path = tmp_path_factory.mktemp("models") / "svm.featurex"
    tasks = ("--task", "gender", "--task", "age", "--jobs", 1, "--no-evaluate")
    result = call("fit", "csv", people_csv, "--cache", extracted, "--out", path, *tasks)
    assert result.exit_code == 0, result.stderr
    return path


@pytest.fixture
def unreadable(tmp_path):
    """A file that is no photo, of a name with a line break."""
    path = Path(tmp_path) / "no\nphoto.jpg"
    path.write_bytes(b"not a photo")
    return path
