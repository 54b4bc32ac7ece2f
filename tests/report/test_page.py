import itertools
import re
from html.parser import HTMLParser

import pandas as pd
import pytest

from pipelines.report import FORMS, Mistake, Run, render
from pipelines.report.page import SECTIONS, TEMPLATES

HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>{{ 7*7 }}&amp;"
VOID = {"meta", "img", "br", "link"}


class Page(HTMLParser):
    """What a browser would see: tags with their attributes, the text, and what is left open."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.text, self.open = [], "", []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if not {"style", "script"} & set(self.open):
            self.text += data

    def all(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


def test_the_page_is_whole_and_in_the_asked_order(run):
    page = Page(render(run, version="1.2"))
    assert page.open == []
    headings = [a.get("id") for tag, a in page.tags if tag == "h2"]
    assert headings == [name for name, _ in SECTIONS]
    assert "featurex 1.2" in page.text
    assert "Left out, since they would put faces of people" in page.text
    assert page.text.count("Left out") == 1


def test_the_title_names_tasks_and_models(run):
    text = " ".join(Page(render(run)).text.split())
    assert "Age group and age from faces: 3 models compared on planted" in text
    assert "How well do 3 models tell age group and age from 120 faces of 40 people" in text


def test_one_is_not_plural(record, tables):
    table, curves, faces = tables["table"], tables["curves"], tables["map"]
    alone = table[table["model"] == "finetuned"].head(1)
    few = {
        "table": alone.assign(n_rows=2.0, n_subjects=1.0, n_folds=1.0),
        "curves": curves[(curves["fold"] == 0) & (curves["epoch"] == 1)],
        "map": faces.drop_duplicates("age_group"),
    }
    record["photos"]["faces"] = 2
    html = render(Run(record, few))
    text = " ".join(Page(html).text.split())
    assert "Age group from faces: 1 model compared on planted" in text
    assert "How well does 1 model tell age group from 2 faces of 1 person in" in text
    assert "age-group: 2 faces, 1 person, 1 fold." in text
    assert "1 fold; after 1 epoch training" in text
    assert "25-32: 1 face" in text
    assert not re.search(r"\b1 (faces|people|folds|epochs|models|photos)\b", text)


def test_headings_never_skip_a_level(run):
    levels = [int(tag[1]) for tag, _ in Page(render(run)).tags if re.fullmatch(r"h\d", tag)]
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))


def test_a_screen_reader_is_told_what_everything_is(run):
    html = render(run)
    page = Page(html)
    assert [len(page.all(tag)) for tag in ("main", "nav", "header", "footer")] == [1, 1, 1, 1]
    assert page.all("a")[0] == {"class": "skip", "href": "#main"}
    assert len(page.all("table")) == len(page.all("caption")) > 5
    assert all("scope" in cell for cell in page.all("th"))
    drawings = re.findall(r"<svg[^>]*>.{0,40}", html)
    assert len(drawings) > 10
    assert all('role="img"' in drawing and "<title>" in drawing for drawing in drawings)
    assert html.count("<desc>") == len(drawings)
    targets = [a["id"] for _, a in page.tags if "id" in a]
    assert len(targets) == len(set(targets))
    assert {a["href"][1:] for a in page.all("a")} <= set(targets)


def test_nothing_is_loaded_from_anywhere(run):
    html = render(run)
    page = Page(html)
    for tag, attributes in page.tags:
        assert tag not in ("link", "iframe", "object", "base", "form")
        for name in ("src", "href", "xlink:href"):
            assert attributes.get(name, "#").startswith("#"), tag
    assert "http" not in html.replace("http-equiv", "")
    assert "@import" not in html
    assert "url(" not in html


def test_best_and_tied_are_words_not_colours_alone(run):
    html = render(run)
    rows = dict(
        re.findall(r'<tr><th scope="row" data-value="(.*?)">.*?</th>(.*?)</tr>', html, re.S)
    )
    assert "★ best" in rows["finetuned"]  # age: 4.40 years, not told apart from 5.70
    assert "≈ tied" in rows["svm"]
    assert not re.search("best|tied", rows["majority"])


def test_the_worst_group_is_told_in_a_sentence(run):
    text = " ".join(Page(render(run)).text.split())
    assert "svm: worst on 25-32, 66.0 %, 10.0 points worse than on 0-2 (95 %: 2.0 to 20.0)." in text
    assert "Too few people to be judged (fewer than 20): 60+." in text


def test_what_was_dropped_and_the_command_are_there(run):
    text = Page(render(run)).text
    assert "left out: duplicate4" in text
    assert "left out: no face found6" in text
    assert "featurex compare planted '/home/some one/faces'" in text
    assert "abc123" in text


def test_only_scores_that_the_run_has_are_explained(record, tables):
    both = Page(render(Run(record, tables))).text
    assert "share of faces whose answer is right" in both
    assert "mean absolute error in years" in both
    assert "harmonic mean" not in both
    table = tables["table"]
    years = tables | {"table": table[table["task"] == "age"]}
    assert "whose answer is right" not in Page(render(Run(record, years))).text


def test_a_protocol_that_leaks_is_warned_of(record, tables):
    more = {"protocol": "random", "warning": "12 of 60 test photos show people in training."}
    text = " ".join(Page(render(Run(record | more, tables))).text.split())
    assert "Warning. Folds were made of photos" in text
    assert "Warning. 12 of 60 test photos show people in training." in text


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, "Every photo was tested once, by a model that had seen no photo of that person: "),
        ({"n_repeats": 3}, "Every photo was tested 3 times, by a model that had seen no photo of "),
        (
            {"unnamed_faces": 12},
            "tested once, those of named people by a model that had seen no photo of that person",
        ),
        ({"unnamed_faces": 12}, "gender. 12 photos that name nobody counted as one each."),
        ({"unnamed_faces": 1}, "1 photo that names nobody counted as a person of its own."),
        (
            {"protocol": "holdout", "n_repeats": 2},
            "trained on the rest. This was done 2 times, each time with another draw.",
        ),
        (
            {"protocol": "random", "unnamed_faces": 9},
            "Folds were made of photos at random. The same person may be on both sides",
        ),
    ],
)
def test_who_was_tested_how_often_is_told(record, tables, more, expected):
    text = " ".join(Page(render(Run(record | more, tables))).text.split())
    assert expected in text
    assert "{" not in text


def test_a_range_of_ages_is_told(record, tables):
    text = " ".join(Page(render(Run(record | {"ages": "21-60"}, tables))).text.split())
    assert "Ages 21-60 only:" in text
    assert "only:" not in " ".join(Page(render(Run(record, tables))).text.split())


def test_folds_of_people_are_no_warning(run):
    assert "Warning" not in Page(render(run)).text


@pytest.mark.parametrize("name", sorted(set(FORMS) - {"table", "recall", "folds"}))
def test_a_table_that_is_not_there_is_said_or_not_missed(record, tables, name):
    del tables[name]
    page = Page(render(Run(record, tables)))
    assert [a["id"] for tag, a in page.tags if tag == "h2"] == [part for part, _ in SECTIONS]
    expected = 1 if name in ("pairs", "calibration", "reliability") else 2
    assert page.text.count("Left out") == expected


def test_the_least_a_run_can_be_makes_a_page(tables):
    page = Page(render(Run({}, {"table": tables["table"]})))
    assert "does not say how people were kept apart" in page.text


def test_hostile_names_are_text(record, tables):
    for name, table in tables.items():
        words = [word for word in FORMS[name].words if table[word].ne("").any()]
        kept = {"metric", "question", "few_subjects", "worst", "different"}
        renamed = {word: table[word] + HOSTILE for word in words if word not in kept}
        tables[name] = table.assign(**renamed)
    record |= {"dataset": HOSTILE, "notes": [HOSTILE], "command": [HOSTILE], "space": HOSTILE}
    record["photos"]["dropped"] = {HOSTILE: 3}
    page = Page(render(Run(record, tables)))
    assert not page.all("img")
    assert len(page.all("script")) == 1
    assert not any(name.startswith("on") for _, a in page.tags for name in a)
    assert HOSTILE in page.text
    assert page.open == []


@pytest.mark.parametrize("value", [None, 3, "x", [], {}, [{}], {"a": {"b": {"c": [1]}}}])
def test_a_record_of_any_shape_makes_a_page(record, tables, value):
    for name in (*record, "machine", "backbone"):
        assert Page(render(Run(record | {name: value}, tables))).open == []


def test_models_without_probabilities_or_times_are_shown(record, tables):
    alone = tables["table"].assign(fit_seconds=float("nan"), ms_per_face=float("nan"))
    text = Page(render(Run(record, {"table": alone}))).text
    assert "the time of fewer than two models is known" in text
    assert "no model gives probabilities" in text


def test_faces_are_shown_only_where_they_are_given(record, tables):
    face = Mistake("age-group", "svm", "0-2", "60+", 0.98, "data:image/jpeg;base64,AAAA")
    page = Page(render(Run(record, tables, [face])))
    assert page.all("img")[0]["alt"] == "A face: labelled 0-2, taken for 60+"
    assert "This page holds faces of people" in page.text


def luminance(colour):
    digits = "".join(2 * d for d in colour) if len(colour) == 3 else colour
    shares = [int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    linear = [s / 12.92 if s <= 0.03928 else ((s + 0.055) / 1.055) ** 2.4 for s in shares]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(first, second):
    light, dark = sorted((luminance(first), luminance(second)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", [0, 1])
def test_contrasts_are_enough_in_both_themes(theme):
    css = (TEMPLATES / "report.css").read_text(encoding="utf-8")
    block = re.findall(r":root \{(.*?)\}", css, re.S)[theme]
    c = dict(re.findall(r"--([\w-]+): #(\w+);", block))
    for ink in ("ink", "faint", "link"):
        assert contrast(c[ink], c["paper"]) >= 4.5, ink
    assert contrast(c["alarm"], c["alarm-paper"]) >= 4.5
    assert contrast(c["good"], c["good-paper"]) >= 4.5
    for number in range(7):
        assert contrast(c[f"m{number}"], c["paper"]) >= 3
        assert contrast(c[f"m{number}"], c["on-mark"]) >= 4.5, number
    for number in range(11):
        ink = "deep-ink" if number > 5 else "shade-ink"
        assert contrast(c[f"s{number}"], c[ink]) >= 4.5, number
    for number in range(8):
        assert contrast(c[f"v{number}"], c["paper"]) >= 3, number


def test_the_page_is_the_same_every_time(run):
    assert render(run) == render(run)


def test_faces_without_an_answer_are_a_last_column_of_their_confusion(run):
    confusion = run.tables["confusion"]
    silent = confusion[(confusion["model"] == "svm") & (confusion["true"] == "0-2")].head(1)
    silent = silent.assign(predicted="no answer", count=10.0)
    run.tables["confusion"] = pd.concat([silent, confusion], ignore_index=True)
    tables = re.findall(r'<table class="matrix">.*?</table>', render(run), re.DOTALL)
    columns = [re.findall(r'<th scope="col">(.*?)</th>', table)[1:] for table in tables]
    shy = [names for names in columns if "no answer" in names]
    assert shy == [[*(name for name in columns[0] if name != "no answer"), "no answer"]]
    assert len(columns) > 1
    (table,) = (table for table in tables if "no answer" in table)
    assert '<th scope="row">no answer' not in table
    assert '<th scope="row">0-2<small>n = 50</small>' in table
    assert "20<small>10</small>" in table
