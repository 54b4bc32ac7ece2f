import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from pipelines.tables.markdown import code, escape, table

PARSER = MarkdownIt("commonmark").enable("table")
NASTY = (
    *(
        "# heading",
        "a | b",
        "*bold*",
        "_it_",
        "`code`",
        "[a](http://b)",
        "<script>",
        "1. one",
        "- x",
    ),
    *(
        "+ y",
        "---",
        "===",
        "&amp;",
        "![i](j)",
        "~~gone~~",
        "$x$",
        "a\n\nb",
        "> said",
        "\\",
        "a\\|b",
    ),
)


def shown(markdown):
    """Return the text that a reader sees, and the kinds of tokens that it is made of."""
    tokens = PARSER.parse(markdown)
    inline = [child for token in tokens if token.children for child in token.children]
    text = "".join(token.content for token in inline)
    return text, {token.type for token in tokens} | {token.type for token in inline}


@pytest.mark.parametrize("text", NASTY)
def test_markup_is_shown_as_it_is(text):
    plain = text.replace("\n", "\\n")
    seen, kinds = shown(f"- {escape(text)}")
    assert seen == plain
    assert kinds <= {
        *("bullet_list_open", "bullet_list_close", "list_item_open", "list_item_close"),
        *("paragraph_open", "paragraph_close", "inline", "text", "text_special"),
    }


@given(st.text(min_size=1).filter(lambda text: text.isprintable() and text == text.strip()))
def test_any_text_comes_back(text):
    assert shown(f"- {escape(text)}")[0] == text


@given(st.lists(st.text(max_size=8), min_size=3, max_size=3))
def test_a_row_has_its_cells_whatever_they_hold(cells):
    text = table(["a", "b", "c"], [[escape(cell) for cell in cells]])
    tokens = PARSER.parse(text)
    assert sum(token.type == "td_open" for token in tokens) == 3
    assert len(text.splitlines()) == 3


@pytest.mark.parametrize("text", ["plain.txt", "a`b", "a|b", "``", " "])
def test_code_spans_end_where_they_should(text):
    row = table(["x"], [[code(text)]])
    tokens = PARSER.parse(row)
    cell = tokens[[token.type for token in tokens].index("td_open") + 1]
    assert "".join(child.content for child in cell.children or ()) == text.strip()


def test_a_row_of_another_length_is_refused():
    with pytest.raises(ValueError, match="must have 2 cells"):
        table(["a", "b"], [["1"]])
