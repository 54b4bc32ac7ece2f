import dataclasses
import hashlib

import numpy as np
import pandas as pd
import pytest
from markdown_it import MarkdownIt

from featurex.comparison.design import Design
from featurex.comparison.experiment import run
from featurex.comparison.face_table import FaceTable
from featurex.exceptions import RunError
from featurex.extraction.embedding_options import EmbeddingOptions
from featurex.extraction.face_cache import FaceCache
from featurex.models.options import ModelOptions
from featurex.report.files import write_result
from featurex.saved_models.card import card_path, write_card
from featurex.saved_models.card_scores import group_scores, scores_section
from featurex.saved_models.files import save_model
from featurex.saved_models.fitting import fit_models
from featurex.saved_models.out_of_fold import from_folder, from_result
from featurex.tasks import AGE, AGE_GROUP, GENDER
from pipelines import score_groups

OPTIONS = ModelOptions("tiny", n_jobs=1)
TASKS = [GENDER, AGE]
DESIGN = Design(TASKS, ["majority", "svm"], n_folds=3, options=OPTIONS)
PARSER = MarkdownIt("commonmark").enable("table")


@pytest.fixture(scope="module")
def result(colour_faces):
    return run(colour_faces, DESIGN)


@pytest.fixture(scope="module")
def fitted(colour_faces):
    return fit_models(colour_faces, TASKS, "majority", OPTIONS)


@pytest.fixture
def make_card(tmp_path, fitted, colour_faces, result):
    """Return a function that saves the model and its card, and returns the card's text."""

    def make(name="m.featurex", faces=colour_faces, *, measured=True, command=(), **metadata):
        path = tmp_path / name
        estimators, said = fitted
        save_model(path, estimators, said | metadata)
        known = from_result(result, TASKS, "majority", "in a test") if measured else None
        return write_card(path, said | metadata, faces, known, command).read_text("utf-8")

    return make


def tables(text):
    """Return every table of a Markdown text as rows of cells."""
    found, row = [], None
    for token in PARSER.parse(text):
        if token.type == "table_open":
            found.append([])
        elif token.type == "table_close":
            row = None
        elif token.type == "tr_open":
            row = []
            found[-1].append(row)
        elif token.type == "inline" and row is not None:
            row.append("".join(child.content for child in token.children))
    return found


def test_the_card_is_beside_the_model_and_holds_its_hash(make_card, tmp_path):
    text = make_card()
    assert card_path(tmp_path / "m.featurex") == tmp_path / "m.card.md"
    assert hashlib.sha256((tmp_path / "m.featurex").read_bytes()).hexdigest() in text
    headings = [line for line in text.splitlines() if line.startswith("## ")]
    assert headings == [
        *("## What it is", "## Data", "## Scores", "## Limits", "## Intended use", "## Misuse"),
        *("## How to use it", "## How to reproduce it"),
    ]


def test_the_scores_are_those_of_the_predictions(make_card, result):
    groups = score_groups(result.predictions, [GENDER], result.groups)
    wanted = groups[
        (groups["model"] == "majority")
        & (groups["metric"] == "accuracy")
        & (groups["column"] == "gender")
    ]
    found = next(rows for rows in tables(make_card()) if rows[0][0] == "Gender")
    assert [row[0] for row in found[1:]] == wanted["group"].tolist()
    assert [row[1] for row in found[1:]] == [str(n) for n in wanted["n_rows"]]
    for row, score in zip(found[1:], wanted["score"], strict=True):
        assert row[3].split(" ")[0] == f"{100 * score:.1f}"
    rows = result.predictions.query("task == 'gender' and model == 'majority'")
    right = (rows["p_male"] > rows["p_female"]) == (rows["y_true"] == "male")
    overall = next(rows for rows in tables(make_card()) if rows[0][0].startswith("All 70 faces"))
    assert overall[1][1].split(" ")[0] == f"{100 * right.mean():.1f}"


def test_nothing_vanishes_from_the_data(make_card, colour_faces):
    manifest = dataclasses.replace(
        colour_faces.manifest, dropped={"duplicate": 3, "conflicting | labels": 1}
    )
    (rows,) = (
        rows
        for rows in tables(make_card(faces=FaceTable(manifest, colour_faces.cache)))
        if rows[0] == ["Rows", "Count"]
    )
    counts = dict(rows[1:])
    assert counts["dropped: conflicting | labels"] == "1"
    dropped = sum(int(n) for name, n in counts.items() if name.startswith("dropped"))
    assert int(counts["found"]) == dropped + int(counts["faces trained on"])
    assert counts["faces trained on"] == "70"


def test_every_row_of_every_table_has_its_cells(make_card):
    for rows in tables(make_card()):
        assert len(rows) > 1
        assert {len(row) for row in rows} == {len(rows[0])}


def test_without_an_evaluation_the_card_claims_nothing(make_card):
    text = make_card(measured=False)
    assert "**Nothing was measured.**" in text
    assert "out of fold" not in text.lower()


def test_a_task_that_was_not_measured_is_named(fitted, result, colour_faces, tmp_path):
    path = tmp_path / "m"
    save_model(path, *fitted)
    measured = from_result(result, [GENDER], "majority", "in a test")
    text = write_card(path, fitted[1], colour_faces, measured).read_text("utf-8")
    assert "Nothing was measured for the task age." in text


def test_markup_from_files_stays_text(make_card, colour_faces):
    evil = "<img src=x onerror=alert(1)> **x** | [y](http://z) `\n\n# Approved"
    manifest = dataclasses.replace(colour_faces.manifest, notes=(evil,), dataset=evil)
    faces = FaceTable(manifest, colour_faces.cache)
    name = "a`b|c*d# <i>.featurex"
    text = make_card(name, faces, command=["featurex", "fit", evil], dataset=evil, model=evil)
    tokens = PARSER.parse(text)
    kinds = {t.type for t in tokens} | {c.type for t in tokens for c in t.children or ()}
    assert not kinds & {"html_inline", "html_block", "link_open", "image"}
    headings = [
        tokens[number + 1].content for number, t in enumerate(tokens) if t.type == "heading_open"
    ]
    assert "Approved" not in headings
    assert len(headings) == 11
    assert {t.info for t in tokens if t.type == "fence"} == {"sh", "python"}


def test_people_who_may_be_on_both_sides_are_a_warning(make_card, result):
    assert "No person is in two folds." in make_card()
    unnamed = from_result(result, TASKS, "majority", "x")
    table = unnamed.predictions.copy()
    nobody = dataclasses.replace(unnamed, predictions=table.assign(subject_id=None))
    text = scores_section(nobody, group_scores(nobody, 0))
    assert "a person may be in training and in test" in text
    assert " people" not in next(iter(tables(text)))[0][0]
    assert not any("People" in rows[0] for rows in tables(text))
    assert any("People" in rows[0] for rows in tables(make_card()))
    assert not dataclasses.replace(
        unnamed, predictions=table.assign(subject_id=None)
    ).keeps_people_apart
    table["subject_id"] = "the same"
    assert not dataclasses.replace(unnamed, predictions=table).keeps_people_apart


def test_repeats_keep_people_apart(result):
    once = from_result(result, TASKS, "majority", "x")
    table = once.predictions
    twice = pd.concat([table.assign(repeat=0), table.assign(repeat=1, fold=table["fold"] + 3)])
    repeated = dataclasses.replace(once, predictions=twice, n_folds=6)
    assert repeated.keeps_people_apart
    text = scores_section(repeated, group_scores(once, 0))
    assert "6 folds of 2 repeats" in text
    assert "No person is in two folds of a repeat." in text


def test_photos_at_random_are_the_reason_where_people_are_named(result):
    known = from_result(result, TASKS, "majority", "x")
    table = known.predictions.assign(subject_id="the same")
    leaky = dataclasses.replace(known, predictions=table, protocol="random")
    text = scores_section(leaky, group_scores(known, 0))
    assert "Photos were put into folds at random: a person may be in training and in test" in text
    nobody = dataclasses.replace(leaky, predictions=table.assign(subject_id=None))
    assert "The data do not name everybody" in scores_section(nobody, group_scores(known, 0))


@pytest.fixture(scope="module")
def folder(result, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "run"
    write_result(result, DESIGN, folder)
    return folder


def test_a_folder_gives_the_scores_of_its_comparison(folder, colour_faces, result):
    measured = from_folder(folder, colour_faces, TASKS, "svm", OPTIONS)
    table = result.comparison.table
    expected = table.loc[table["model"] == "svm", ["accuracy_pooled", "mae_low"]]
    found = measured.comparison.table[["accuracy_pooled", "mae_low"]]
    np.testing.assert_allclose(found.to_numpy(), expected.to_numpy())


def test_a_folder_of_something_else_is_refused(folder, colour_faces):
    table = colour_faces.manifest.table.copy()
    table.loc[0, "age"] += 1
    other = FaceTable(dataclasses.replace(colour_faces.manifest, table=table), colour_faces.cache)
    with pytest.raises(ValueError, match="other faces or labels"):
        from_folder(folder, other, TASKS, "svm", OPTIONS)
    with pytest.raises(ValueError, match="has no mlp, but majority, svm"):
        from_folder(folder, colour_faces, TASKS, "mlp", OPTIONS)
    with pytest.raises(ValueError, match="lacks the task age-group"):
        from_folder(folder, colour_faces, [AGE_GROUP], "svm", OPTIONS)


@pytest.mark.parametrize("damage", [b"[]", b"{}", b"no json", b'{"protocol": 3}', b"\xff"])
def test_a_damaged_record_is_refused(tmp_path, colour_faces, damage):
    (tmp_path / "run.json").write_bytes(damage)
    with pytest.raises((ValueError, RunError), match=r"run\.json(: no| is not|: not) "):
        from_folder(tmp_path, colour_faces, TASKS, "svm", OPTIONS)


def test_predictions_that_were_changed_are_refused(folder, colour_faces, tmp_path):
    for name in ("run.json", "predictions.csv"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    lines = (tmp_path / "predictions.csv").read_text("utf-8").splitlines(keepends=True)
    gone = next(n for n, line in enumerate(lines) if ",gender,svm," in line)
    (tmp_path / "predictions.csv").write_text("".join(lines[:gone] + lines[gone + 1 :]), "utf-8")
    with pytest.raises(ValueError, match="other faces or labels than the rows for 'gender'"):
        from_folder(tmp_path, colour_faces, TASKS, "svm", OPTIONS)


def test_a_comparison_of_other_embeddings_is_refused(folder, colour_faces, tiny_backbone, tmp_path):
    mirrored = EmbeddingOptions(mirror=True)
    cache = FaceCache(tmp_path, tiny_backbone, device="cpu", options=mirrored)
    ids = colour_faces.table["image_id"].tolist()
    cache.embeddings.append(ids, {"embedding": colour_faces.cache.embedding_column(ids)[:]})
    other = FaceTable(colour_faces.manifest, cache)
    with pytest.raises(ValueError, match=r"it is of other embeddings \(space "):
        from_folder(folder, other, TASKS, "svm", OPTIONS)


@pytest.fixture
def of_network(folder, tmp_path):
    """The comparison as if its SVM were a network, trained with a setting of its own."""
    for name in ("run.json", "predictions.csv"):
        text = (folder / name).read_text("utf-8").replace("svm", "finetuned")
        text = text.replace('"training": []', '"training": ["mirror=0"]')
        (tmp_path / name).write_text(text, "utf-8")
    return tmp_path


SAME = dataclasses.replace(OPTIONS, training=("mirror=0",))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"epochs": 3}, "its networks have epochs 12, here 3"),
        ({"batch_size": 8}, "its networks have batch_size 64, here 8"),
        ({"training": ()}, r"its networks have training \['mirror=0'\], here \[\]"),
    ],
    ids=["epochs", "batch_size", "training"],
)
def test_a_network_that_was_trained_otherwise_is_refused(of_network, colour_faces, change, told):
    other = dataclasses.replace(SAME, **change)
    with pytest.raises(ValueError, match=told):
        from_folder(of_network, colour_faces, TASKS, "finetuned", other)


def test_only_what_trains_a_network_is_compared(folder, of_network, colour_faces):
    elsewhere = dataclasses.replace(SAME, device="cpu", n_jobs=2)
    measured = from_folder(of_network, colour_faces, TASKS, "finetuned", elsewhere)
    assert measured.model == "finetuned"
    other = dataclasses.replace(OPTIONS, epochs=3, batch_size=8, training=("mirror=0",))
    assert from_folder(folder, colour_faces, TASKS, "svm", other).model == "svm"
