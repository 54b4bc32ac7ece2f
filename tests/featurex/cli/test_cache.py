import json
import shutil

import numpy as np
import pytest

COMMANDS = ["info", "verify", "repair", "compact"]


@pytest.fixture
def copy(cache, tmp_path):
    folder = tmp_path / "cache"
    shutil.copytree(cache, folder)
    return folder


@pytest.fixture
def damaged(copy):
    """A copy of the cache, one shard of which has a flipped byte; returns it and the shard."""
    shard = next(copy.glob("embeddings-*/shards/*.h5"))
    data = bytearray(shard.read_bytes())
    data[len(data) // 2] ^= 0xFF
    shard.write_bytes(data)
    return copy, shard


@pytest.fixture
def ask(call):
    """Return a function that runs a command with --json and returns what it says."""

    def ask(*words, code=0):
        result = call("cache", *words, "--json")
        assert result.exit_code == code, result.stderr
        return json.loads(result.stdout)

    return ask


def test_info_lists_the_spaces_and_the_photos_without_a_face(call, ask, cache):
    shown = call("cache", "info", cache).stdout
    assert "embeddings-dlib-resnet-pyramid" in shown
    assert "no face" in shown
    assert "dlib-bin" in shown
    rows = {row["kind"].split("-")[0]: row for row in ask("info", cache)}
    assert {kind: row["rows"] for kind, row in rows.items()} == {
        "faces": 24,
        "chips": 24,
        "embeddings": 24,
    }
    assert (rows["faces"]["no_face"], rows["faces"]["unreadable"]) == (0, 0)
    assert rows["chips"]["no_face"] is None


def test_info_says_so_where_nothing_is_yet(call, ask, tmp_path):
    assert "no spaces yet" in call("cache", "info", tmp_path).stdout
    assert ask("info", tmp_path) == []


def test_a_sound_cache_is_sound(call, ask, cache):
    result = call("cache", "verify", cache)
    assert result.exit_code == 0
    assert "sound" in result.stdout
    assert ask("verify", cache) == []


def test_what_a_killed_run_leaves_is_named_and_sound(call, ask, copy):
    leftover = next(copy.glob("chips-*/shards")) / ".0123456789abcdef.h5.1-00ff00ff.tmp"
    leftover.touch()
    result = call("cache", "verify", copy)
    assert result.exit_code == 0
    assert "harmless" in result.stdout
    assert "sound" in result.stdout
    assert [(p["path"], p["harmless"]) for p in ask("verify", copy)] == [(str(leftover), True)]


def test_a_damaged_cache_is_named_and_mended(call, ask, damaged):
    folder, shard = damaged
    result = call("cache", "verify", folder)
    assert result.exit_code == 1
    assert "DAMAGE" in result.stdout
    assert str(shard) in {p["path"] for p in ask("verify", folder, code=1)}
    done = ask("repair", folder)
    assert "kept 23 of 24 rows" in {r["path"]: r["what"] for r in done}[str(shard)]
    assert call("cache", "verify", folder).exit_code == 0
    assert "nothing to repair" in call("cache", "repair", folder).stdout


def test_what_is_not_mended_is_told_and_fails(call, copy):
    (next(copy.glob("chips-*")) / "notes.txt").touch()
    result = call("cache", "repair", copy)
    assert result.exit_code == 1
    assert "move it away" in result.stdout


def test_a_damaged_shard_is_one_line_where_it_is_read(fails, damaged, people_csv, tmp_path):
    folder, shard = damaged
    line = fails(
        *("compare", "csv", people_csv, "--cache", folder, "--out", tmp_path / "out"),
        *("--model", "majority", "--folds", 2),
    )
    assert shard.name in line
    assert "cache repair" in line


def test_compact_tells_what_it_merged(call, ask, copy):
    assert "shards before" in call("cache", "compact", copy).stdout
    assert {(c["shards_after"], c["doubled"]) for c in ask("compact", copy)} == {(1, 0)}


def test_drop_deletes_one_space(call, fails, ask, copy):
    assert "beginning of several" not in fails("cache", "drop", copy, "--space", "hat")
    assert "Deleted chips-" in call("cache", "drop", copy, "--space", "chips").stdout
    assert ask("drop", copy, "--space", "faces")["rows"] == 24
    assert [row["kind"].split("-")[0] for row in ask("info", copy)] == ["embeddings"]


def test_dropped_chips_come_back_when_they_are_needed(call, ask, people_csv, copy, tmp_path):
    def n_chips():
        return sum(row["rows"] for row in ask("info", copy) if row["kind"].startswith("chips"))

    call("cache", "drop", copy, "--space", "chips")
    words = ("fit", "csv", people_csv, "--cache", copy, "--task", "gender", "--no-evaluate")
    svm = call(*words, "--model", "svm", "--jobs", 1, "--out", tmp_path / "svm.featurex")
    assert svm.exit_code == 0, svm.stderr
    assert n_chips() == 0
    epoch = ("--model", "finetuned", "--epochs", 1, "--out", tmp_path / "net.featurex")
    network = call(*words, *epoch)
    assert network.exit_code == 0, network.stderr
    assert "Cut out 24 faces again that the cache had lost." in network.stderr
    assert n_chips() == 24


def test_export_writes_one_space(call, fails, ask, cache, tmp_path):
    out = tmp_path / "faces.csv"
    words = ("export", cache, "--space", "faces", "--out", out)
    assert "Wrote 24 rows" in call("cache", *words).stdout
    assert len(out.read_text().splitlines()) == 25
    out = tmp_path / "embeddings.npy"
    assert ask("export", cache, "--space", "emb", "--out", out) == {"path": str(out), "rows": 24}
    assert np.load(out).shape == (24, 736)
    line = fails("cache", "export", cache, "--space", "faces", "--out", tmp_path / "a.npy")
    assert "--column" in line


@pytest.mark.parametrize("command", COMMANDS)
def test_a_folder_that_is_not_there_is_an_error(fails, command, tmp_path):
    assert "none" in fails("cache", command, tmp_path / "none")
