import json

import pytest

from cache import CacheError, Column, SchemaError, Store


def test_other_columns_are_a_schema_error_that_names_them(filled, columns):
    store, _, _ = filled
    other = [Column("embedding", "float16", (5,)), columns[1], Column("chips", "u1", (2, 2))]
    with pytest.raises(SchemaError) as caught:
        Store.open(store.path.parent, store.space, other)
    message = str(caught.value)
    assert "space.json" in message
    assert "embedding: float32 (5,) on disk, float16 (5,) asked for" in message
    assert "chips: none on disk" in message
    assert "reason: S20 () on disk, none asked for" in message
    assert "found" not in message


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"{}", b"\xff\xfe", b"[" * 100_000, b"1" * 5000]
)
def test_a_broken_description_is_named(filled, columns, content):
    store, _, _ = filled
    (store.path / "space.json").write_bytes(content)
    with pytest.raises(CacheError, match=r"space\.json"):
        Store.open(store.path.parent, store.space, columns)


@pytest.mark.parametrize(
    ("field", "value"),
    [("kind", "../../etc"), ("settings", []), ("columns", []), ("columns", [{"name": "a"}]),
     ("columns", [{"name": "a", "dtype": "O", "shape": []}]), ("columns", 3), ("made_by", {"a": 1}),
     ("columns", [{"name": "a", "dtype": "f4", "shape": 7}]), ("kind", None),
     ("columns", [{"name": "a", "dtype": ",", "shape": []}]), ("settings", {"a": 2})],
)  # fmt: skip
def test_a_hostile_description_is_named(filled, field, value):
    store, _, _ = filled
    path = store.path / "space.json"
    content = json.loads(path.read_text()) | {field: value}
    del content["crc32"]  # which would tell first
    path.write_text(json.dumps(content))
    with pytest.raises(CacheError, match=r"space\.json"):
        Store.open_existing(store.path.parent, store.path.name)


def test_a_description_of_another_version_or_too_large_is_refused(filled):
    store, _, _ = filled
    path = store.path / "space.json"
    content = path.read_text()
    newer = json.loads(content) | {"schema_version": 2}
    del newer["crc32"]
    path.write_text(json.dumps(newer))
    with pytest.raises(SchemaError, match="schema version 2, this program reads 1"):
        Store.open_existing(store.path.parent, store.path.name)
    path.write_text(content + " " * 2**20)
    with pytest.raises(CacheError, match="larger than"):
        Store.open_existing(store.path.parent, store.path.name)


@pytest.mark.parametrize("folder", ["", ".", "..", "a/b", "/etc", "../a"])
def test_a_folder_is_a_plain_name(tmp_path, folder):
    with pytest.raises(ValueError, match="plain name"):
        Store.open_existing(tmp_path, folder)


def test_what_is_not_there_is_said(tmp_path, space, columns):
    with pytest.raises(CacheError, match="no such file"):
        Store.open_existing(tmp_path, "nothing")
    (tmp_path / "file").touch()
    with pytest.raises(CacheError, match="can't be made"):
        Store.open(tmp_path / "file", space, columns)


def test_the_first_maker_of_a_space_is_noted(tmp_path, space, columns):
    first = Store.open(tmp_path, space, columns, made_by={"featurex": "1"})
    second = Store.open(tmp_path, space, columns, made_by={"featurex": "2"})
    assert first.made_by == second.made_by == {"featurex": "1"}
    assert first.created == second.created
    with pytest.raises(ValueError, match="text to text"):
        Store.open(tmp_path, space, columns, made_by={"featurex": 1})


def test_a_space_needs_columns_of_different_names(tmp_path, space):
    for columns in ([], [Column("a", "f4"), Column("a", "f8")]):
        with pytest.raises(ValueError, match="different names"):
            Store.open(tmp_path, space, columns)
