import importlib
import re
import sys
from pathlib import Path

import pytest

import featurex
from featurex.backbones import dlib_import
from featurex.exceptions import BackboneError

IMPORT = r"^ *(import|from) dlib\b"


def test_without_dlib_one_line_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "dlib", None)
    with pytest.raises(BackboneError, match=r"^dlib can't be imported .*'pip install dlib-bin'\.$"):
        importlib.reload(dlib_import)


def test_dlib_is_imported_in_that_place_alone():
    sources = Path(featurex.__file__).parent.rglob("*.py")
    found = [path for path in sources if re.search(IMPORT, path.read_text("utf-8"), re.MULTILINE)]
    assert found == [Path(dlib_import.__file__)]
