import sys
from pathlib import Path

import pytest

from pipelines.report import Run, render

sys.path.insert(0, str(Path(__file__).parent))
from browser import Browser, find_chromium
from conftest import RECORD, make_tables

CHROMIUM = find_chromium()
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed here")

ENTER, SPACE, TAB = ("Enter", 13, "\r"), (" ", 32, " "), ("Tab", 9)
HEADING = "document.querySelectorAll('table.sortable')[0].tHead.rows[0].cells"
MODELS = (
    "[...document.querySelectorAll('table.sortable')[0].tBodies[0].rows]"
    ".map(row => row.cells[0].textContent)"
)
# What reaches over the page's right edge and is not in a box that scrolls.
OVERFLOWING = """
[...document.body.querySelectorAll('*')].filter(e => !e.closest('.scroll, .skip')
  && e.getBoundingClientRect().right > document.documentElement.clientWidth + 1)
  .map(e => e.outerHTML.slice(0, 80))
"""
LONG = "finetuned@student-20x256-of-a-very-long-name+svm-and-random-forest-and-others"


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    browser = Browser(CHROMIUM, tmp_path_factory.mktemp("profile"))
    yield browser
    browser.close()


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(render(Run(RECORD, make_tables())), encoding="utf-8")
    return path


def test_a_click_sorts_and_another_turns_it_around(browser, page):
    browser.open(page, 1400)
    assert browser.ask(MODELS) == ["majority", "svm", "finetuned"]
    button = f"{HEADING}[1].querySelector('button')"
    browser.click(button)
    assert browser.ask(MODELS) == ["svm", "finetuned", "majority"]
    assert browser.ask(f"{HEADING}[1].getAttribute('aria-sort')") == "descending"
    browser.click(button)
    assert browser.ask(MODELS) == ["majority", "finetuned", "svm"]
    assert browser.ask(f"{HEADING}[1].getAttribute('aria-sort')") == "ascending"
    assert browser.errors == []


@pytest.mark.parametrize("key", [ENTER, SPACE])
def test_the_keyboard_sorts(browser, page, key):
    browser.open(page, 1400)
    browser.ask(f"{HEADING}[0].querySelector('button').focus()")
    browser.press(*key)
    assert browser.ask(MODELS) == ["finetuned", "majority", "svm"]
    browser.press(*TAB)
    browser.press(*key)
    assert browser.ask(MODELS) == ["svm", "finetuned", "majority"]
    marks = browser.ask(f"[...{HEADING}].map(cell => cell.getAttribute('aria-sort'))")
    assert marks[:2] == [None, "descending"]
    assert not any(marks[2:])
    assert "Accuracy" in browser.ask("document.getElementById('said').textContent")
    assert browser.errors == []


def test_the_first_stop_of_the_keyboard_skips_to_the_content(browser, page):
    browser.open(page, 1400)
    browser.press(*TAB)
    assert browser.ask("document.activeElement.className") == "skip"
    assert browser.ask("document.activeElement.getBoundingClientRect().left") >= 0
    browser.press(*ENTER)
    assert browser.ask("document.activeElement.id") == "main"


@pytest.mark.parametrize("width", [400, 1400])
@pytest.mark.parametrize("named", ["svm", LONG])
def test_nothing_overflows(browser, tmp_path, width, named):
    tables = {
        name: table.replace({"svm": named, "25-32": named}) for name, table in make_tables().items()
    }
    page = tmp_path / "report.html"
    page.write_text(render(Run(RECORD | {"dataset": named}, tables)), encoding="utf-8")
    browser.open(page, width)
    browser.ask("document.querySelectorAll('details').forEach(part => { part.open = true; })")
    assert browser.ask("document.documentElement.scrollWidth") <= width
    assert browser.ask(OVERFLOWING) == []
    assert browser.errors == []


def test_another_script_does_not_run(browser, tmp_path):
    page = tmp_path / "report.html"
    html = render(Run(RECORD, make_tables()))
    page.write_text(html.replace("</main>", "<script>window.evil = 1</script></main>"), "utf-8")
    browser.open(page, 1400)
    assert browser.ask("window.evil") is None
    assert "Content Security Policy" in str(browser.errors)
