from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from featurex.audit.auditing import N_STEPS, AuditOptions, audit
from featurex.audit.files import write_audit
from featurex.audit.findings import cluster_quality, findings, notes
from featurex.audit.match_rates import OTHER_GENDER
from featurex.audit.pairs import DUPLICATE, PERSON
from featurex.comparison.face_table import FaceTable
from featurex.datasets.subject_files import with_subjects, write_subjects

# As `plant` has them: 30 people with four photos, and three copies.
N_PEOPLE, N_EACH = 30, 4
OPTIONS = AuditOptions()


@pytest.fixture
def planted(rng, plant):
    """30 people with four photos each, and three copies."""
    return plant(rng)


@pytest.fixture
def found(planted):
    return audit(planted[0], OPTIONS)


def finding(audit, words):
    table = findings(audit)
    rows = table[table["finding"].str.contains(words, regex=False)]
    assert len(rows) == 1, table["finding"].tolist()
    return int(rows["count"].iloc[0]), rows["detail"].iloc[0]


def test_planted_copies_are_found_and_their_ages_contradict(found):
    copies = found.pairs[found.pairs["kind"] == DUPLICATE]
    assert set(zip(copies["first"], copies["second"], strict=True)) == {
        (row, N_PEOPLE * N_EACH + row) for row in range(3)
    }
    assert (copies["likeness"] > 0.95).all()
    assert copies["conflict"].tolist() == ["age"] * 3
    assert finding(found, "near-duplicate pairs") == (3, "6 photos")


def test_only_chips_of_likely_one_person_are_read(planted, rng, plant):
    faces, _ = plant(rng, copies=0)
    X = faces.cache.X
    X[4:] = rng.normal(size=(len(X) - 4, 128))  # everybody but the first is alone
    audit(faces, OPTIONS)
    assert len(faces.cache.read) == 4


def test_planted_people_are_found(found, planted):
    _, who = planted
    pairs = found.pairs
    assert (who[pairs["first"]] == who[pairs["second"]]).all()
    groups = pd.Series(who).groupby(who)
    assert len(pairs) == sum(len(g) * (len(g) - 1) // 2 for _, g in groups)
    assert (pairs.loc[pairs["kind"] == PERSON, "conflict"] == "").all()
    np.testing.assert_array_equal(found.clusters, who)


def test_a_wrong_gender_contradicts_the_others_of_the_person(planted):
    faces, _ = planted
    table = faces.manifest.table.copy()
    table.loc[50, "gender"] = "male" if table.loc[50, "gender"] == "female" else "female"
    found = audit(FaceTable(replace(faces.manifest, table=table), faces.cache), OPTIONS)
    wrong = found.pairs[found.pairs["conflict"] == "gender"]
    assert len(wrong) == N_EACH - 1
    assert ((wrong["first"] == 50) | (wrong["second"] == 50)).all()
    assert found.labels["path"].tolist() == ["/photos/50.jpg"]
    assert finding(found, "labels to look at: gender")[0] == 1
    assert finding(found, "other pairs of likely one person")[0] > 100


def test_an_undefined_gender_contradicts_none(planted):
    faces, _ = planted
    dtype = pd.CategoricalDtype(["female", "male", "undefined"])
    genders = faces.manifest.table["gender"].astype(object)
    genders[50] = "undefined"
    table = faces.manifest.table.assign(gender=genders.astype(dtype))
    found = audit(FaceTable(replace(faces.manifest, table=table), faces.cache), OPTIONS)
    assert not found.pairs["conflict"].str.contains("gender").any()


def test_an_age_group_is_doubted_only_where_the_likely_one_is_not_next_to_it(planted):
    faces, who = planted
    groups = np.array(["15-20", "60+"])[who % 2]  # what the planted embeddings tell apart
    groups[50], groups[60] = "60+", "25-32"
    groups[70:80:2] = "25-32"  # enough of them, and next to 15-20
    dtype = faces.manifest.table["age_group"].dtype
    table = faces.manifest.table.assign(age=np.nan, age_group=pd.Categorical(groups, dtype=dtype))
    found = audit(FaceTable(replace(faces.manifest, table=table), faces.cache), OPTIONS)
    doubted = found.labels[found.labels["task"] == "age-group"]
    assert "/photos/50.jpg" in set(doubted["path"])
    pairs = set(zip(doubted["given"], doubted["suggested"], strict=True))
    assert not pairs & {("25-32", "15-20"), ("15-20", "25-32")}


def test_labels_that_no_split_of_people_can_check_are_told_and_stop_nothing(planted):
    """An album of three people, of whom each age group shows two."""
    faces, who = planted
    groups = np.array([["0-2", "4-6"], ["0-2", "8-13"], ["4-6", "8-13"]])[who % 3, who // 3 % 2]
    dtype = faces.manifest.table["age_group"].dtype
    table = faces.manifest.table.assign(
        age=np.nan,
        age_group=pd.Categorical(groups, dtype=dtype),
        gender="female",
        subject_id=np.array(["A", "B", "C"])[who % 3],
    )
    manifest = replace(faces.manifest, table=table)
    found = audit(FaceTable(manifest, faces.cache), AuditOptions(n_folds=2))
    assert found.labels.empty
    assert "No split of 3 subjects" in found.unchecked["age-group"]
    assert any(note.startswith("Labels of age-group were not checked") for note in notes(found))


def test_random_folds_leak_nearly_every_photo(found):
    leaks = found.leaks().set_index("fold")
    assert leaks["photos"].drop("all").sum() == leaks.loc["all", "photos"] == 123
    assert leaks.loc["all", "share"] > 0.9
    across = found.fold[found.pairs["first"]] != found.fold[found.pairs["second"]]
    assert leaks.loc["all", "pairs"] == across.sum() > 100
    assert leaks["pairs"].drop("all").sum() == 2 * across.sum()


def test_folds_by_the_written_subjects_leak_nothing(found, planted, tmp_path):
    faces, _ = planted
    path = tmp_path / "who.csv"
    write_subjects(path, faces.table["image_id"].tolist(), found.subject_ids())
    faces = FaceTable(with_subjects(faces.manifest, path), faces.cache)
    again = audit(faces, AuditOptions(subjects_known=False))
    assert again.leaks()["leaking"].sum() == 0
    assert set(again.pairs["subjects"]) == {""}  # clusters are no judges of themselves
    assert cluster_quality(again) is None
    assert set(again.rates["basis"]) == {OTHER_GENDER}
    assert "no person is in two" in again.fold_note
    said = "audited clusters: who.csv names 123 of the 123 photos, in 30 clusters"
    assert any(said in note for note in notes(again))


def test_names_of_clusters_do_not_depend_on_the_order(found, planted):
    faces, _ = planted
    table = faces.manifest.table.iloc[::-1].reset_index(drop=True)
    backwards = audit(FaceTable(replace(faces.manifest, table=table), faces.cache), OPTIONS)
    assert backwards.subject_ids()[::-1] == found.subject_ids()


def test_known_subjects_judge_pairs_and_clusters(rng, plant):
    faces, who = plant(rng, subjects=True)
    found = audit(faces, OPTIONS)
    assert set(found.pairs["subjects"]) == {"same"}
    assert cluster_quality(found) == (1.0, 1.0)
    assert "precision 100.0%, recall 100.0%" in finding(found, "clusters of two")[1]
    table = faces.manifest.table.copy()
    table.loc[8:9, "subject_id"] = "somebody else"  # two of a person's four photos
    found = audit(FaceTable(replace(faces.manifest, table=table), faces.cache), OPTIONS)
    assert (found.pairs["subjects"] == "different").sum() == 4
    precision, recall = cluster_quality(found)
    sizes = np.bincount(who)
    n_pairs = (sizes * (sizes - 1) // 2).sum()
    assert (precision, recall) == (pytest.approx((n_pairs - 4) / n_pairs), 1.0)


def test_clusters_too_small_are_missed_pairs(rng, plant):
    faces, _ = plant(rng, subjects=True)
    found = audit(faces, AuditOptions(same_person=0.2, cluster=0.2))
    _, recall = cluster_quality(found)
    assert recall < 0.5


def test_own_folds_that_split_a_subject_are_a_finding_and_no_error(rng, plant):
    faces, _ = plant(rng, subjects=True, fold=[row % 3 for row in range(123)])
    found = audit(faces, OPTIONS)
    assert found.fold_note == "the data set's own 3 folds"
    assert finding(found, "named subjects in more than one fold")[0] == N_PEOPLE


def test_what_the_reader_dropped_is_told(planted):
    faces, _ = planted
    copies = faces.manifest.table.head(3)[
        ["image_id", "path", "age", "age_group", "gender", "race"]
    ]
    copies = copies.assign(image_id=["a", "a", "b"], fate=["kept", "duplicate", "kept"])
    manifest = replace(faces.manifest, copies=copies)
    found = audit(FaceTable(manifest, faces.cache), OPTIONS)
    count, detail = finding(found, "equal byte by byte")
    assert (count, detail) == (3, "of 2 photos; dropped as copies: 1, for conflicting labels: 0")


def test_balance_counts_every_class_also_those_that_are_missing(found):
    balance = found.balance.set_index(["label", "value"])
    assert balance.loc["gender"]["count"].to_dict() == {"female": 63, "male": 60}
    assert balance.loc[("age_group", "60+"), "count"] == 0
    assert balance.loc[("gender, age_group", "male, 25-32"), "count"] == 60
    assert balance.groupby("label")["share"].sum().tolist() == pytest.approx([1, 1, 1])


def test_a_label_that_is_missing_is_counted_as_none(planted):
    faces, _ = planted
    table = faces.manifest.table.copy()
    table.loc[:9, "gender"] = None
    found = audit(FaceTable(replace(faces.manifest, table=table), faces.cache), OPTIONS)
    balance = found.balance.set_index(["label", "value"])["count"]
    assert balance["gender", "none"] == balance["gender, age_group", "none"] == 10


def test_without_labels_there_is_nothing_to_check(planted):
    faces, _ = planted
    table = faces.manifest.table.assign(gender=None, age=np.nan, age_group=None)
    table = table.astype(faces.manifest.table.dtypes)
    found = audit(FaceTable(replace(faces.manifest, table=table), faces.cache), OPTIONS)
    assert found.labels.empty
    assert found.balance.empty
    assert (found.pairs["conflict"] == "").all()
    assert any("no two people apart" in note for note in notes(found))


def test_steps_are_told(planted):
    steps = []
    audit(planted[0], OPTIONS, steps.append)
    assert len(steps) == N_STEPS


@pytest.mark.parametrize(("person", "cluster"), [(0.5, 0.4), (0.0, 0.4), (-1, -1)])
def test_distances_that_make_no_sense_are_refused(person, cluster):
    with pytest.raises(ValueError, match="Distances must be positive"):
        AuditOptions(person, cluster)


def test_the_files_hold_what_was_found(found, planted, tmp_path):
    _, who = planted
    files = write_audit(found, tmp_path / "out")
    names = ["findings", "identical", "pairs", "folds", "rates", "labels", "balance", "clusters"]
    assert [path.name for path in files] == [*(f"{name}.csv" for name in names), "audit.html"]
    tables = {name: pd.read_csv(tmp_path / "out" / f"{name}.csv") for name in names[2:4]}
    first = tables["pairs"].iloc[0]
    assert (first["kind"], first["conflict"]) == (DUPLICATE, "age")
    assert first["path_b"] == f"/photos/{120 + int(first['path_a'][8:-4])}.jpg"
    assert first["age_b"] == first["age_a"] + 1
    assert (first["fold_a"] != first["fold_b"]) == first["across"]
    clusters = pd.read_csv(tmp_path / "out" / "clusters.csv")
    assert clusters["photos"].is_monotonic_decreasing
    assert clusters.groupby("subject_id")["image_id"].nunique().sum() == len(who)
    assert clusters["subject_id"].nunique() == N_PEOPLE


def test_names_that_are_no_text_can_be_written(rng, plant, tmp_path):
    names = [f"/photos/\udcff{row}.jpg" for row in range(123)]
    faces, _ = plant(rng, names=names)
    write_audit(audit(faces, OPTIONS), tmp_path)
    assert r"\udcff0.jpg" in (tmp_path / "clusters.csv").read_text(encoding="utf-8")
    assert r"\udcff0.jpg" in (tmp_path / "audit.html").read_text(encoding="utf-8")
