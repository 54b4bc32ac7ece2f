import base64
import io
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from PIL import Image

from featurex.audit import page as module
from featurex.audit.auditing import AuditOptions, audit
from featurex.audit.page import audit_page
from featurex.comparison.face_table import FaceTable
from featurex.manifest import COPY_COLUMNS

OPTIONS = AuditOptions()
HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>\u202egpj.\n{{ 7*7 }}&amp;"


class Page(HTMLParser):
    """What a browser would see: tags with their attributes, and the text."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.text = [], ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_data(self, data):
        self.text += data

    def all(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture
def found(rng, plant):
    return audit(plant(rng)[0], OPTIONS)


def test_without_the_flag_no_face_is_in_the_page(found):
    html = audit_page(found)
    assert not Page(html).all("img")
    assert "data:image" not in html
    assert "0.jpg" in html
    assert "<code>--faces</code>" in html


def test_with_the_flag_every_pair_is_seen(found):
    images = Page(audit_page(found, show_faces=True)).all("img")
    duplicates, people = 3, min(module.MOST_SHOWN, len(found.pairs) - 3)
    assert len(images) == 2 * (duplicates + people) + len(found.labels)
    for image in images:
        assert image["alt"].startswith("Face in ")
        kind, data = image["src"].split(",")
        assert kind == "data:image/jpeg;base64"
        assert Image.open(io.BytesIO(base64.b64decode(data))).size == (112, 112)


def test_nothing_is_loaded_from_anywhere(found):
    html = audit_page(found, show_faces=True)
    page = Page(html)
    assert not page.all("script")
    assert not page.all("link")
    for tag, attributes in page.tags:
        for name in ("src", "href"):
            assert attributes.get(name, "#").startswith(("#", "data:image/jpeg")), tag
        assert not any(name.startswith("on") for name in attributes)
    assert "http" not in html.replace("http-equiv", "")
    assert re.search(r"Content-Security-Policy.{1,20}default-src 'none'", html)


@pytest.mark.parametrize("show_faces", [False, True])
def test_hostile_names_and_labels_are_text(rng, plant, show_faces):
    faces, _ = plant(rng, names=[f"/photos/{row}{HOSTILE}.jpg" for row in range(123)])
    table = faces.manifest.table.assign(race=HOSTILE)
    copies = table.head(2).assign(image_id="a", subject_id=HOSTILE, fold=1, fate="kept")
    copies = copies[list(COPY_COLUMNS)]
    manifest = replace(faces.manifest, table=table, copies=copies, dataset=HOSTILE)
    found = audit(FaceTable(manifest, faces.cache), OPTIONS)
    page = Page(audit_page(found, show_faces=show_faces))
    assert not page.all("script")
    assert all("onerror" not in attributes for _, attributes in page.tags)
    assert len(page.all("img")) == (206 + len(found.labels) if show_faces else 0)
    assert "<script>alert(1)</script>" in page.text
    assert r"\u202egpj.\n{{ 7*7 }}&amp;" in page.text
    assert "\u202e" not in page.text


def test_contradictions_come_first_and_what_is_left_out_is_counted(found, monkeypatch):
    monkeypatch.setattr(module, "MOST_SHOWN", 2)
    text = " ".join(Page(audit_page(found)).text.split())
    assert "3 pairs. 2 are shown" in text
    assert text.index("labels contradict: age") < text.rindex("Likely the same person")


def test_equal_files_say_whose_and_in_which_fold_they_are(found):
    table = found.faces.manifest.table.head(2)
    copies = table.assign(image_id="a", subject_id=["ann", "bea"], fold=[0, 1], fate="kept")
    manifest = replace(found.faces.manifest, copies=copies[list(COPY_COLUMNS)])
    page = Page(audit_page(replace(found, faces=FaceTable(manifest, found.faces.cache))))
    assert "subject ann, own fold 0" in page.text
    assert "subject bea, own fold 1" in page.text


def test_one_pair_is_no_pairs(found):
    text = " ".join(Page(audit_page(replace(found, pairs=found.pairs.head(1)))).text.split())
    assert "1 pair." in text
    assert "1 pairs" not in text


def test_every_link_leads_to_a_section(found):
    page = Page(audit_page(found))
    targets = {attributes["id"] for _, attributes in page.tags if "id" in attributes}
    links = {link["href"].removeprefix("#") for link in page.all("a")}
    assert links == targets
    assert len(links) == 8


def test_a_data_set_without_faults_makes_a_page(rng, plant):
    options = AuditOptions(same_person=1e-6, cluster=1e-6)
    text = Page(audit_page(audit(plant(rng)[0], options))).text
    assert text.count("None.") == 4
