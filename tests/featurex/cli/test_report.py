import pytest


@pytest.fixture(scope="module")
def made(call, people_csv, cache, tmp_path_factory):
    """A run of a model and a half, and its page."""
    out = tmp_path_factory.mktemp("runs")
    words = ("--model", "majority", "--task", "gender", "--folds", 2, "--jobs", 1, "--cache", cache)
    pages = out / "pages"
    result = call("compare", "csv", people_csv, *words, "--out", out / "run", "--report", pages)
    assert result.exit_code == 0, result.stderr
    return out / "run", pages / "report.html", result


def test_compare_writes_the_page_at_once(made):
    _, page, result = made
    html = page.read_text(encoding="utf-8")
    assert f"Wrote {page}" in result.stderr
    assert "majority" in html
    assert "Map of the embeddings" in html
    assert "PCA (axes hold " in html
    assert "data:image/jpeg" not in html


def test_report_makes_the_same_page_of_the_folder(made, call, tmp_path):
    run, page, _ = made
    assert call("report", run, "--out", tmp_path / "page.html").exit_code == 0
    assert (tmp_path / "page.html").read_bytes() == page.read_bytes()


def test_faces_are_shown_with_a_warning_only_when_asked(made, call, cache, tmp_path):
    run, _, _ = made
    page = tmp_path / "page.html"
    result = call("report", run, "--out", page, "--show-faces", "--cache", cache)
    assert result.exit_code == 0, result.stderr
    assert "The page holds faces of people" in result.stderr
    assert 0 < page.read_text(encoding="utf-8").count("data:image/jpeg;base64,") <= 12


def test_what_is_wrong_is_one_line(made, fails, tmp_path):
    run, _, _ = made
    out = ("--out", tmp_path / "page.html")
    assert "run.json: no such file" in fails("report", tmp_path, *out)
    nowhere = tmp_path / "nowhere"
    assert "no such cache" in fails("report", run, *out, "--show-faces", "--cache", nowhere)
    assert not nowhere.exists()
    assert "findings.csv" in fails("report", run, *out, "--audit", tmp_path)
    assert not (tmp_path / "page.html").exists()


def test_compare_refuses_an_audit_of_other_data_before_it_looks_for_faces(
    fails, people_csv, tmp_path
):
    audit, nowhere = tmp_path / "audit", tmp_path / "cache"
    audit.mkdir()
    (audit / "findings.csv").write_text("finding,count,detail\ncopies,1,\n")
    (audit / "folds.csv").write_text("fold,photos,leaking,share,pairs\nall,9,0,0,0\n")
    (audit / "clusters.csv").write_text("image_id,path\n00ff,a.jpg\n")
    words = ("--cache", nowhere, "--out", tmp_path / "out", "--report", tmp_path, "--audit", audit)
    line = fails("compare", "csv", people_csv, *words, "--model", "majority")
    assert "is an audit of other data: of its 1 face none is among the 24 to compare" in line
    assert not nowhere.exists()


def test_a_cache_without_the_faces_is_named(made, fails, tmp_path):
    run, _, _ = made
    other = tmp_path / "other"
    other.mkdir()
    line = fails("report", run, "--out", tmp_path / "p.html", "--show-faces", "--cache", other)
    assert "faces to show" in line
    assert list(other.iterdir()) == []
