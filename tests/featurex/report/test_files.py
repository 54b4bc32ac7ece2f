import json
from dataclasses import replace

import pandas as pd
import pytest
from PIL import Image

from featurex.comparison.design import Design
from featurex.comparison.experiment import run
from featurex.comparison.face_table import FaceTable
from featurex.models.options import ModelOptions
from featurex.report import files as report_files
from featurex.report.files import write_result
from featurex.tasks import AGE, GENDER
from pipelines import curves, predictions

DESIGN = Design(
    [GENDER, AGE], ["majority", "svm"], n_folds=2, options=ModelOptions("tiny", n_jobs=1)
)


@pytest.fixture(scope="module")
def result(colour_faces):
    return run(colour_faces, DESIGN)


@pytest.fixture(scope="module")
def written(result, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "a new" / "földer"
    return folder, write_result(result, DESIGN, folder)


def test_every_file_named_is_there_and_no_other(written):
    folder, files = written
    assert sorted(files) == sorted(folder.iterdir())
    assert {file.name for file in files} == {
        *("table.csv", "table.md", "table.tex", "predictions.csv", "run.json"),
        *("pairs.csv", "by_group.csv", "recall.csv", "calibration.csv", "selective.csv"),
        "confusion.csv",
        *("reliability.csv", "reliability-gender-majority.png", "reliability-gender-svm.png"),
        *("confusion-gender-majority.png", "confusion-gender-svm.png"),
    }


def test_the_numbers_are_read_back_exactly(written, result):
    folder, _ = written
    table = pd.read_csv(folder / "table.csv")
    expected = result.comparison.table
    pd.testing.assert_frame_equal(table, expected, check_dtype=False, rtol=1e-14)
    again = predictions.read(folder / "predictions.csv")
    pd.testing.assert_frame_equal(again, result.predictions)


def test_the_statistics_are_of_these_faces_and_people(written, result):
    folder, _ = written
    pairs = pd.read_csv(folder / "pairs.csv")
    assert set(pairs["n_subjects"]) == {24}
    assert set(pairs["task"]) == {"gender", "age"}
    groups = pd.read_csv(folder / "by_group.csv")
    genders = groups[(groups["column"] == "gender") & (groups["metric"] == "accuracy")]
    assert genders.groupby("model")["n_rows"].sum().to_dict() == {"majority": 70, "svm": 70}
    assert {"gender", "age_group"} == set(groups["column"])
    calibration = pd.read_csv(folder / "calibration.csv")
    assert calibration["model"].tolist() == ["majority", "majority", "svm", "svm"]
    assert len(pd.read_csv(folder / "recall.csv")) == 4


def test_a_task_without_classes_has_no_calibration(colour_faces, tmp_path):
    design = Design([AGE], ["majority"], n_folds=2, options=ModelOptions("tiny", n_jobs=1))
    files = write_result(run(colour_faces, design), design, tmp_path)
    assert {file.name for file in files} == {
        *("table.csv", "table.md", "table.tex", "predictions.csv", "run.json"),
        *("pairs.csv", "by_group.csv"),
    }
    assert pd.read_csv(tmp_path / "pairs.csv").empty


def test_the_record_is_json_of_the_standard(written):
    def refuse(name):
        raise AssertionError(f"{name} is no JSON")

    folder, _ = written
    text = (folder / "run.json").read_text(encoding="utf-8")
    record = json.loads(text, parse_constant=refuse)
    assert (record["dataset"], record["n_folds"], record["options"]["seed"]) == ("colours", 2, 0)
    nothing_chosen = [p for p in record["parameters"] if p["model"] == "majority"]
    assert {p["inner_score"] for p in nothing_chosen} == {None}


def test_a_command_with_names_that_are_no_utf_8_is_recorded(result, tmp_path):
    command = ["featurex", "compare", "csv", "caf\udce9.csv"]
    write_result(replace(result, record=result.record | {"command": command}), DESIGN, tmp_path)
    assert json.loads((tmp_path / "run.json").read_text())["command"] == command


def test_the_pictures_are_pictures(written):
    folder, _ = written
    with Image.open(folder / "confusion-gender-svm.png") as picture:
        assert min(picture.size) > 200


def test_a_second_run_replaces_the_first(written, result):
    folder, files = written
    assert write_result(result, DESIGN, folder) == files
    assert len(list(folder.iterdir())) == len(files)


def write_ages(result, folder):
    """Write a comparison without classes and networks."""
    ages = result.predictions[result.predictions["task"] == "age"].reset_index(drop=True)
    of_ages = replace(result, predictions=ages, record=result.record | {"parameters": []})
    return write_result(of_ages, replace(DESIGN, tasks=[AGE]), folder)


def test_what_only_an_earlier_run_wrote_is_deleted_and_nothing_else(result, tmp_path):
    earlier = {
        *("curves.csv", "curves-gender.png", "confusion-age-group-mlp.png"),
        *("reliability.csv", "reliability-gender-mlp.png", "confusion.csv", "recall.csv"),
        *("calibration.csv", "selective.csv", "run.json"),
    }
    others = {"report.html", "notes.csv", "my-curves.csv", "confusion.png", "curves-age.pdf"}
    for name in earlier | others:
        (tmp_path / name).touch()
    (tmp_path / "fits").mkdir()
    (tmp_path / "fits" / "curves.csv").touch()
    files = write_ages(result, tmp_path)
    kept = {path.name for path in tmp_path.iterdir()}
    assert kept == others | {"fits"} | {path.name for path in files}
    assert (tmp_path / "fits" / "curves.csv").is_file()


def test_in_a_folder_without_a_comparison_nothing_is_deleted(result, tmp_path):
    mine = {"calibration.csv", "confusion-him-her.png", "curves.csv"}
    for name in mine:
        (tmp_path / name).touch()
    write_ages(result, tmp_path)
    assert mine <= {path.name for path in tmp_path.iterdir()}


def test_a_folder_that_is_a_file_is_an_os_error(result, tmp_path):
    path = tmp_path / "file"
    path.touch()
    with pytest.raises(OSError, match="file"):
        write_result(result, DESIGN, path)


def test_networks_leave_their_curves(colour_faces, tiny, tmp_path):
    options = ModelOptions("tiny", epochs=2, batch_size=16, device="cpu", n_jobs=1)
    models = ["majority", "finetuned"]
    design = Design([GENDER, AGE], models, n_folds=2, options=options)
    files = write_result(run(colour_faces, design), design, tmp_path)
    names = {file.name for file in files}
    assert {"curves.csv", "curves-gender.png", "curves-age.png"} <= names
    assert sorted(files) == sorted(tmp_path.iterdir())
    table = pd.read_csv(tmp_path / "curves.csv")
    facts = ["dataset", "protocol", "ages", "warning"]
    assert list(table.drop(columns=facts)) == list(curves.COLUMNS)
    keys = table[["task", "model", "fold", "epoch"]].to_numpy().tolist()
    assert keys == [
        [task, "finetuned", fold, epoch]
        for task in ("gender", "age")
        for fold in (0, 1)
        for epoch in (1, 2)
    ]
    assert table[list(curves.COLUMNS)].notna().all(axis=None)
    assert table.loc[table["task"] == "gender", "valid_score"].between(0, 1).all()


TABLES = ["table", "pairs", "by_group", "recall", "calibration", "selective", "reliability"]


@pytest.fixture(scope="module")
def leaky(colour_faces, tmp_path_factory):
    """A random split of people with several photos, restricted to some ages."""
    manifest = replace(colour_faces.manifest, ages="0-70")
    folder, titles = tmp_path_factory.mktemp("runs"), []
    with pytest.MonkeyPatch.context() as patch:
        for name in ("draw_confusion", "draw_reliability"):
            patch.setattr(report_files, name, lambda table, title, path: titles.append(title))
        design = replace(DESIGN, protocol="random", tasks=[GENDER])
        write_result(run(FaceTable(manifest, colour_faces.cache), design), design, folder)
    return folder, titles


@pytest.mark.parametrize("name", TABLES)
def test_every_table_names_data_protocol_and_ages_in_each_row_and_the_warning(leaky, written, name):
    table = pd.read_csv(leaky[0] / f"{name}.csv")
    assert table["dataset"].eq("colours").all()
    assert table["protocol"].eq("random").all()
    assert table["ages"].eq("0-70 only").all()
    assert table["warning"].str.contains("people may be on both sides: 95.7% of the 70").all()
    honest = pd.read_csv(written[0] / f"{name}.csv")
    assert honest["protocol"].eq("subject").all()
    assert honest[["ages", "warning"]].isna().all(axis=None)


def test_the_predictions_name_their_protocol(leaky, written):
    for (folder, _), protocol in ((leaky, "random"), (written, "subject")):
        assert predictions.read(folder / "predictions.csv")["protocol"].eq(protocol).all()


def test_captions_and_titles_carry_the_warning(leaky, written):
    folder, titles = leaky
    text = (folder / "table.md").read_text(encoding="utf-8")
    told = ("Dataset: colours.", "Protocol: random.", "Ages: 0-70 only.")
    assert text.startswith(f"{' '.join(told)}\n\n**Warning: photos were put into")
    assert "\n- Warning: " in text
    latex = (folder / "table.tex").read_text(encoding="utf-8")
    for caption in latex.split(r"\caption{")[1:]:
        for words in (*told, "Warning: ", "both sides: 95.7\\%"):
            assert words in caption
    assert len(titles) == 4
    for title in titles:
        assert title.endswith(f"(colours, random, ages 0-70 only){report_files.LEAKY_TITLE}")
    honest = (written[0] / "table.md").read_text(encoding="utf-8")
    assert honest.startswith("Dataset: colours. Protocol: subject.\n\n**gender** (70 photos")
    assert "arning" not in honest


def test_the_record_has_the_counted_leak(leaky, written):
    record = json.loads((leaky[0] / "run.json").read_text(encoding="utf-8"))
    assert record["shared_people"] == {
        "n_photos": 70,
        "n_named": 70,
        "share": pytest.approx(67 / 70),
    }
    assert "people may be on both sides" in record["warning"]
    honest = json.loads((written[0] / "run.json").read_text(encoding="utf-8"))
    assert honest["warning"] is honest["shared_people"] is None
    assert honest["protocol_note"].startswith("2 stratified folds")
