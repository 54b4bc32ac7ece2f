import json
import shutil

import pytest


@pytest.fixture
def damaged(cache, tmp_path):
    """A copy of the cache, one shard of which has a flipped byte; returns it and the shard."""
    copy = tmp_path / "cache"
    shutil.copytree(cache, copy)
    shard = next(copy.glob("embeddings-*/shards/*.h5"))
    data = bytearray(shard.read_bytes())
    data[len(data) // 2] ^= 0xFF
    shard.write_bytes(data)
    return copy, shard


def test_info_lists_the_spaces(call, cache):
    assert "embeddings-dlib-resnet-pyramid" in call("cache", "info", cache).stdout
    rows = json.loads(call("cache", "info", cache, "--json").stdout)
    assert {row["kind"].split("-")[0]: row["rows"] for row in rows} == {
        "faces": 24,
        "chips": 24,
        "embeddings": 24,
    }


def test_a_sound_cache_is_sound(call, cache):
    result = call("cache", "verify", cache)
    assert result.exit_code == 0
    assert "sound" in result.stdout
    assert json.loads(call("cache", "verify", cache, "--json").stdout) == []


def test_a_damaged_cache_is_named(call, damaged):
    folder, shard = damaged
    result = call("cache", "verify", folder)
    assert result.exit_code == 1
    result = call("cache", "verify", folder, "--json")
    assert result.exit_code == 1
    assert str(shard) in {problem["path"] for problem in json.loads(result.stdout)}


def test_a_damaged_shard_is_one_line_where_it_is_read(fails, damaged, people_csv, tmp_path):
    folder, shard = damaged
    line = fails(
        *("compare", "csv", people_csv, "--cache", folder, "--out", tmp_path / "out"),
        *("--model", "majority", "--folds", 2),
    )
    assert shard.name in line
    assert "cache verify" in line


@pytest.mark.parametrize("command", ["info", "verify"])
def test_a_folder_that_is_not_there_is_an_error(fails, command, tmp_path):
    assert "none" in fails("cache", command, tmp_path / "none")
