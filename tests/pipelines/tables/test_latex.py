import re

import matplotlib
import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import TextPath

from pipelines.tables.latex import escape, tables
from pipelines.tables.layout import BOLD, BOLD_END

COLUMN_PT, SIZE_PT, GAP_PT = 240, 8, 6  # a two-column article; \footnotesize; twice \tabcolsep
SCORES = pd.DataFrame(
    {
        "Task": ["age-group"] * 3,
        "Model": ["svm", "random-forest", "svm+finetuned"],
        "Photos": ["22885"] * 3,
        "Folds": ["5"] * 3,
        "Accuracy (%)": [f"{BOLD}76.4 ± 0.6{BOLD_END}", "70.1 ± 0.5", "76.2 ± 0.5 ≈"],
        "One-off (%)": ["96.5 ± 0.2", "95.0 ± 0.3", "96.6 ± 0.1"],
        "Balanced acc. (%)": ["70.0 ± 1.0"] * 3,
        "Macro F1 (%)": ["70.0 ± 1.0"] * 3,
        "QW kappa": ["0.93 ± 0.01", "0.90 ± 0.01", "–"],
        "MAE (years)": ["5.03 ± 0.11"] * 3,
        "CS@5 (%)": ["66.6 ± 10.6"] * 3,
        "Fit (s)": ["1234.5"] * 3,
        "Predict (ms/face)": ["12.34"] * 3,
    }
)
INTERVALS = SCORES[["Task", "Model", "Photos"]].assign(
    **{"Subjects": "22885", "QW kappa": "-0.00 [-0.03, 0.03]", "MAE (years)": "19.2 [16.9, 21.6]"}
)
FACTS = {"dataset": "a_b", "protocol": "subject", "ages": None, "warning": "Some leak."}
NOTES = ["Data set a_b: 22,885 faces & 5 % more", "5 folds; no person is in two of them"]


@pytest.fixture(scope="module")
def text():
    marks = "Mean ± standard deviation over folds; best bold."
    return tables(SCORES, INTERVALS, marks, NOTES, FACTS)


def rows_of(text):
    """Return the rows of every tabular, as lists of cells."""
    bodies = re.findall(r"\\begin\{tabular\}\{@\{\}(\w+)@\{\}\}\n(.*?)\\end\{tabular\}", text, re.S)
    assert bodies
    for columns, body in bodies:
        lines = [line for line in body.splitlines() if not line.startswith("\\")]
        assert all(line.endswith(r" \\") for line in lines)
        yield columns, [line.removesuffix(r" \\").split(" & ") for line in lines]


def test_every_row_has_its_cells(text):
    for columns, rows in rows_of(text):
        assert {len(row) for row in rows} == {len(columns)}


def test_groups_and_environments_are_closed(text):
    bare = re.sub(r"\\[{}]", "", text)
    assert bare.count("{") == bare.count("}")
    opened = re.findall(r"\\begin\{(\w+)\}", text)
    assert sorted(opened) == sorted(re.findall(r"\\end\{(\w+)\}", text))
    assert bare.count("$") % 2 == 0


def test_only_known_commands_are_used(text):
    assert set(re.findall(r"\\([a-zA-Z]+)", text)) <= {
        *("begin", "end", "centering", "caption", "label", "footnotesize", "setlength", "ref"),
        *("tabcolsep", "toprule", "midrule", "bottomrule", "textbf", "pm", "approx", "usepackage"),
        *("par", "medskip", "parbox", "columnwidth", "scriptsize", "belowcaptionskip"),
    }
    assert text.isascii()


def test_the_notes_stand_below_the_first_table_and_the_others_refer_to_it(text):
    first, second = re.findall(r"\\caption\{(.*)\}\n", text)
    assert first == (
        r"Age group: scores (22885 photos, 5 folds). Mean $\pm$ standard deviation over folds; "
        r"best bold. Dataset: a\_b. Protocol: subject. Warning: Some leak."
    )
    (below,) = re.findall(r"\\parbox\{\\columnwidth\}\{\\scriptsize (.*)\}\n", text)
    assert below == (
        r"Data set a\_b: 22,885 faces \& 5 \% more. 5 folds; no person is in two of them."
    )
    assert text.index(below) < text.index(r"\end{table}")
    assert r"Dataset: a\_b. Protocol: subject. Warning: Some leak. Notes" in second
    assert r"Table~\ref{tab:age-group-a-b-subject-scores}" in second
    assert labels_of(text) == [
        "tab:age-group-a-b-subject-scores",
        "tab:age-group-a-b-subject-intervals",
    ]


def labels_of(text):
    return re.findall(r"\\label\{(.*)\}", text)


@pytest.mark.parametrize(
    "other", [{"dataset": "c"}, {"protocol": "train on a, test on c"}, {"ages": "18–60 only"}]
)
def test_the_tables_of_two_comparisons_fit_into_one_paper(text, other):
    labels = labels_of(tables(SCORES, INTERVALS, "Marks.", NOTES, FACTS | other))
    assert len({*labels, *labels_of(text)}) == 4
    assert all(re.fullmatch("tab:[a-z0-9-]+", label) for label in labels)


def test_names_are_those_of_a_paper_and_units_are_in_the_header(text):
    _, rows = next(iter(rows_of(text)))
    assert rows[0][:3] == ["Model", "Accuracy", "One-off"]
    assert rows[1][:3] == ["", r"(\%)", r"(\%)"]
    assert [row[0] for row in rows[2:5]] == ["SVM", "Random forest", "SVM + finetuned"]
    assert r"\textbf{76.4 $\pm$ 0.6}" in rows[2]
    assert r"76.2 $\pm$ 0.5 $\approx$" in rows[4]


def test_signs_are_those_of_numbers(text):
    assert r"$-$0.00 {[}$-$0.03, 0.03{]}" in text
    assert " -- " in text
    assert escape("one-off, 8-13 and dlib-resnet at -5") == "one-off, 8-13 and dlib-resnet at $-$5"


def width_pt(cell):
    """Return the width of a cell in Computer Modern, the font that LaTeX has by default."""
    folder, face = matplotlib.get_data_path(), "cmb10" if "textbf" in cell else "cmr10"
    cell = re.sub(r"\\textbf\{(.*)\}", r"\1", cell).replace("{[}", "[").replace("{]}", "]")
    cell = cell.replace(r"$\pm$", "+").replace(r"$\approx$", "=").replace("$-$", "+")
    shown = cell.replace("\\", "")
    if not shown:
        return 0.0
    font = FontProperties(fname=f"{folder}/fonts/ttf/{face}.ttf")
    # Spaces are measured by hand: the font file has none.
    spaces = SIZE_PT / 3 * shown.count(" ")
    return TextPath((0, 0), shown.replace(" ", ""), SIZE_PT, prop=font).get_extents().width + spaces


def test_a_table_fits_the_column_of_a_two_column_page(text):
    for _, rows in rows_of(text):
        columns = [max(map(width_pt, column)) + GAP_PT for column in zip(*rows, strict=True)]
        assert sum(columns) - GAP_PT < COLUMN_PT
        assert len(columns) > 2  # and not a column a block


@given(st.text(max_size=30))
@example("---")
def test_no_text_is_a_command(text):
    escaped = escape(text.replace(BOLD, "").replace(BOLD_END, ""))
    known = (
        r"\\(textbackslash|textasciitilde|textasciicircum|textless|textgreater|textbar|dots)\{\}"
    )
    rest = re.sub(r"\$(\\pm|\\approx|-)\$", "", re.sub(known, "", escaped))
    rest = re.sub(r"\{[][]\}|(?<=-)\{\}(?=-)", "", rest)  # and two hyphens are no dash
    assert not re.search(r"(?<!\\)[{}&%$#_~^<>|\[\]]", rest)
    assert not re.search(r"\\(?![{}&%$#_])", rest)
    assert "\n" not in escaped


def test_without_notes_nothing_refers_to_them():
    text = tables(SCORES, INTERVALS, "Marks.", [], FACTS)
    assert "Notes" not in text
    assert "parbox" not in text
