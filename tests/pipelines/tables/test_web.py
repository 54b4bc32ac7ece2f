import re

import pytest

from pipelines import compare, predictions


@pytest.fixture
def comparison(predict_gender, tasks):
    table = predictions.concat([predict_gender("good", 1), predict_gender("<b>bad", 6)])
    facts = {"dataset": "<i>mine", "warning": "people are on both sides"}
    return compare(table, tasks, notes=["a & b"], facts=facts)


def test_a_notebook_shows_scores_notes_and_the_warning(comparison):
    page = comparison._repr_html_()
    assert page.count("<table>") == 1
    assert "<caption>gender (12 photos, 3 folds)</caption>" in page
    assert re.search(r"<td>good</td><td><b>91\.7 ± 14\.4</b></td>", page)
    assert "<li>Warning: people are on both sides</li>" in page
    assert "<li>a &amp; b</li>" in page


def test_names_stay_text(comparison):
    page = comparison._repr_html_()
    assert "<b>bad" not in page
    assert "<i>" not in page
    assert "Dataset: &lt;i&gt;mine." in page


def test_printed_it_is_the_table(comparison):
    lines = str(comparison).splitlines()
    assert lines[0] == "gender (12 photos, 3 folds)"
    assert lines[2].split()[:4] == ["good", "91.7", "±", "14.4"]
    assert "- a & b" in lines
    assert lines[-1].endswith("best of a task with *.")


def test_every_task_has_a_table_of_its_own(predict_gender, tasks):
    once = predict_gender("good", 1)
    ages = once.assign(task="age", y_true=None, years_true=30.0, years_pred=33.0)
    ages = ages.drop(columns=["p_female", "p_male"]).head(10)
    page = compare(predictions.concat([once, ages]), tasks)._repr_html_()
    captions = re.findall(r"<table><caption>(.*?)</caption>", page)
    assert captions == ["gender (12 photos, 3 folds)", "age (10 photos, 3 folds)"]
    assert page.count("</table>") == 2
    gender, age = page.split("</table>")[:2]
    assert "<th>Accuracy (%)</th>" in gender
    assert "<th>Accuracy (%)</th>" not in age
    assert "<td>good</td><td><b>3.00 ± 0.00</b></td>" in age
