import pandas as pd
import pytest

from featurex.exceptions import RunError
from featurex.report.audited_faces import audited_faces
from featurex.report.page import write_report
from pipelines.report import AuditedFaces

FACES = [f"{number:064x}" for number in range(6)]


@pytest.fixture
def folders(tmp_path):
    """Return a function that makes a run of some faces, and an audit of some."""

    def make(compared, audited):
        run, audit = tmp_path / "run", tmp_path / "audit"
        for folder in (run, audit):
            folder.mkdir()
        (run / "run.json").write_text('{"protocol": "subject"}')
        table = {"task": ["gender"], "model": ["svm"], "n_rows": [1], "n_folds": [2]}
        table |= {"accuracy_mean": [0.5], "accuracy_pooled": [0.5]}
        pd.DataFrame(table).to_csv(run / "table.csv", index=False)
        if compared is not None:  # two tasks and models name each face twice
            rows = pd.DataFrame({"task": "gender", "image_id": [*compared, *compared]})
            rows.to_csv(run / "predictions.csv", index=False)
            forms = pd.DataFrame(columns=["task", "model", "true", "predicted", "count"])
            forms.to_csv(run / "confusion.csv", index=False)
        findings = {"finding": ["near-duplicate pairs"], "count": [1], "detail": [""]}
        pd.DataFrame(findings).to_csv(audit / "findings.csv", index=False)
        folds = pd.DataFrame(columns=["fold", "photos", "leaking", "share", "pairs"])
        folds.to_csv(audit / "folds.csv", index=False)
        clusters = pd.DataFrame({"image_id": audited, "path": "a, \udcff.jpg"})
        clusters.to_csv(audit / "clusters.csv", index=False, errors="backslashreplace")
        return run, audit

    return make


def page_of(folders):
    run, audit = folders
    write_report(run, run / "page.html", audit=audit)
    return (run / "page.html").read_text(encoding="utf-8")


def test_an_audit_of_other_faces_is_refused(folders):
    run, audit = folders(FACES[:3], FACES[3:])
    with pytest.raises(RunError, match="is an audit of other data: of its 3 faces none is among"):
        write_report(run, run / "page.html", audit=audit)
    assert not (run / "page.html").exists()


def test_an_audit_of_all_the_data_is_one_of_a_part_too(folders):
    assert audited_faces(*folders(FACES[:2], FACES)) == AuditedFaces(6, 2, 2)


def test_the_page_says_how_many_of_its_faces_were_looked_at(folders):
    page = page_of(folders(FACES, FACES[3:]))
    assert "The audit looked at 3 faces, among them only 3 of the 6 tested here." in page


def test_the_page_says_that_all_were_looked_at(folders):
    page = page_of(folders(FACES[:2], FACES))
    assert "The audit looked at 6 faces, among them all 2 tested here." in page


def test_a_run_that_names_no_faces_is_told(folders):
    page = page_of(folders(None, FACES))
    assert "Whether the audit looked at the faces tested here is not known." in page


@pytest.mark.parametrize(("text", "reason"), [(None, "no such file"), ("a,b\n1,2\n", "no table")])
def test_an_audit_without_its_faces_is_named(folders, text, reason):
    run, audit = folders(FACES, FACES)
    (audit / "clusters.csv").unlink()
    if text:
        (audit / "clusters.csv").write_text(text)
    with pytest.raises(RunError, match=rf"clusters.csv: {reason}.* Run 'featurex audit' again"):
        audited_faces(run, audit)
