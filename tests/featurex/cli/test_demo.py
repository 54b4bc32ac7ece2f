import json
from dataclasses import replace

import pytest

from featurex import datasets
from featurex.cli import demo
from featurex.cli.demo import RENDERED, SET_ASIDE, set_aside
from featurex.saved_models.files import load_model


@pytest.fixture(scope="module")
def people():
    return datasets.read("people")


@pytest.mark.parametrize("seed", range(5))
def test_the_person_set_aside_is_in_no_training_row(people, seed):
    rest, photo = set_aside(people, seed)
    subject = photo.name.split("_")[0]
    assert photo.is_file()
    assert subject in set(people.table["subject_id"])
    assert subject not in set(rest.table["subject_id"])
    assert not rest.table["path"].str.contains(subject).any()
    assert rest.dropped == {SET_ASIDE: 3}
    assert rest.found == people.found


def test_the_same_seed_sets_the_same_person_aside(people):
    assert set_aside(people, 1)[1] == set_aside(people, 1)[1] != set_aside(people, 2)[1]


@pytest.fixture(scope="module")
def few(people):
    """13 people of two age groups."""
    table = people.table
    wanted = table["age_group"].isin(["4-6", "48-53"])
    subjects = table.loc[wanted, "subject_id"].drop_duplicates().head(13)
    rows = table[table["subject_id"].isin(subjects)].reset_index(drop=True)
    return replace(people, table=rows)


def test_the_demo_goes_all_the_way(call, few, tmp_path, monkeypatch):
    """On few people with the quick models; the whole demo is a step of CI of its own."""
    monkeypatch.setattr(datasets, "read", lambda name: few)
    monkeypatch.setattr(demo, "DEFAULT_MODELS", ["majority", "svm"])
    monkeypatch.setattr(demo, "FOLDS", 2)
    monkeypatch.setenv("LOKY_MAX_CPU_COUNT", "1")  # starting processes would take longest
    folder = tmp_path / "my demo"
    result = call("demo", "--out", folder)
    assert result.exit_code == 0, result.stderr
    assert "\x1b" not in result.stdout + result.stderr
    assert " ".join(RENDERED.split()) in " ".join(result.stdout.split())
    assert "Comparison (rendered people)" in result.stdout
    estimators, metadata = load_model(folder / "svm.featurex")
    assert list(estimators) == ["age-group", "gender", "age"]
    assert 30 < metadata["training"]["gender"]["n_faces"] <= 36
    card = (folder / "svm.card.md").read_text(encoding="utf-8")
    assert all(f"### {task}\n" in card for task in ("age-group", "gender", "age"))
    record = json.loads((folder / "comparison" / "run.json").read_text(encoding="utf-8"))
    assert record["photos"]["dropped"] == {SET_ASIDE: 3}
    assert len(list((folder / "predictions").iterdir())) == 1
