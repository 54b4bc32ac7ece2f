import csv
import json
import shutil

import pandas as pd
import pytest
from PIL import Image

from featurex.audit.crowds import CROWD, SAME_PERSON


@pytest.fixture(scope="module")
def audited_csv(people_csv, photos, tmp_path_factory):
    """The 24 photos of 12 people as strangers; one copied, and one saved again at another age."""
    folder = tmp_path_factory.mktemp("audited")
    with people_csv.open(newline="", encoding="utf-8") as file:
        rows = [row | {"subject_id": ""} for row in csv.DictReader(file)]
    for photo in photos:
        shutil.copy(photo, folder / photo.name)
    shutil.copy(photos[0], folder / "copy.jpg")
    with Image.open(photos[4]) as photo:
        photo.save(folder / "again.png")
    rows.append(rows[0] | {"path": "copy.jpg"})
    age = str(float(rows[4]["age"]) + 1)
    rows.append(rows[4] | {"path": "again.png", "age": age, "age_group": ""})
    path = folder / "people.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


@pytest.fixture(scope="module")
def audited(call, audited_csv, cache, tmp_path_factory):
    """The result of an audit, its folder, and the file of subjects."""
    out = tmp_path_factory.mktemp("audits") / "my audit"
    subjects = out.parent / "new" / "who.csv"
    words = ("--cache", cache, "--out", out, "--write-subjects", subjects, "--folds", 2)
    return call("audit", "csv", audited_csv, *words, "--device", "cpu"), out, subjects


def test_the_findings_are_on_the_screen_with_their_notes(audited):
    result, out, subjects = audited
    assert result.exit_code == 0, result.stderr
    assert "\x1b" not in result.stdout + result.stderr
    for words in (
        "near-duplicate pairs",
        "files equal byte by byte to another",
        "Balance",
        "99.38%",
        "Northcutt",
    ):
        assert words in result.stdout
    assert str(out) in result.stderr
    assert str(subjects) in result.stderr


def test_the_planted_copies_are_in_the_files(audited, photos):
    _, out, _ = audited
    identical = pd.read_csv(out / "identical.csv")
    assert sorted(identical["fate"]) == ["duplicate", "kept"]
    assert identical["path"].str.endswith("copy.jpg").sum() == 1
    pairs = pd.read_csv(out / "pairs.csv")
    copies = pairs[pairs["kind"] == "near-duplicate"]
    named = copies["path_a"].str.endswith("again.png") | copies["path_b"].str.endswith("again.png")
    assert copies[named]["conflict"].tolist() == ["age"]
    names = copies[named][["path_a", "path_b"]].iloc[0].tolist()
    assert any(name.endswith(photos[4].name) for name in names)


def test_faces_are_in_the_page_only_when_asked_for(audited, call, audited_csv, cache, tmp_path):
    _, out, _ = audited
    assert "<img" not in (out / "audit.html").read_text(encoding="utf-8")
    words = ("--cache", cache, "--out", tmp_path, "--folds", 2, "--faces", "--json")
    result = call("audit", "csv", audited_csv, *words)
    assert result.exit_code == 0, result.stderr
    assert 'src="data:image/jpeg' in (tmp_path / "audit.html").read_text(encoding="utf-8")
    assert set(json.loads(result.stdout)) == {"findings", "folds", "rates", "notes"}


def test_compare_and_fit_take_the_written_subjects(audited, call, audited_csv, cache, tmp_path):
    _, _, subjects = audited
    data = ("csv", audited_csv, "--cache", cache, "--subjects", subjects)
    result = call(
        *("compare", *data, "--out", tmp_path, "--folds", 2, "--jobs", 1),
        *("--task", "gender", "--model", "majority"),
    )
    assert result.exit_code == 0, result.stderr
    assert "Subjects are audited clusters" in result.stdout
    assert "no person is in two of them" in result.stdout
    record = json.loads((tmp_path / "run.json").read_text(encoding="utf-8"))
    assert record["protocol"] == "subject"
    predictions = pd.read_csv(tmp_path / "predictions.csv").set_index("image_id")["fold"]
    written = pd.read_csv(subjects).set_index("image_id")["subject_id"]
    assert (predictions.groupby(written).nunique() == 1).all()
    assert len(predictions) == len(written) == 25
    model = tmp_path / "majority.featurex"
    fitted = call("fit", *data, "--out", model, "--model", "majority", "--json")
    assert fitted.exit_code == 0, fitted.stderr
    assert any("audited clusters" in note for note in json.loads(fitted.stdout)["notes"])


def test_the_help_names_the_limit_of_one_person(call):
    words = " ".join(call("audit", "--help").stdout.split())
    assert f"their {CROWD}th nearest photos do; {SAME_PERSON} by default" in words


def test_wrong_arguments_are_one_line(fails, audited_csv, people_csv, cache, tmp_path):
    words = ("--cache", cache, "--out", tmp_path)
    line = fails("audit", "csv", audited_csv, *words, "--same-person", "-1")
    assert "Distances must be positive" in line
    line = fails("audit", "csv", audited_csv, *words, "--subjects", tmp_path / "none.csv")
    assert "none.csv can't be read" in line
    line = fails("compare", "csv", people_csv, *words, "--subjects", people_csv)
    assert "'csv' names its subjects" in line
