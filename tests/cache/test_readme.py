"""The examples of README.md and of the docstrings run as they are printed."""

import doctest
import re
from pathlib import Path

import pytest

import cache
from cache import space, store

README = Path(cache.__file__).with_name("README.md")


def test_readme_runs_as_printed(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert doctest.testfile(str(README), module_relative=False).failed == 0
    plain_h5py = re.search(r"```python\n(import h5py.*?)```", README.read_text(), re.DOTALL)
    exec(plain_h5py[1], {})
    assert capsys.readouterr().out == "3 1\n"


@pytest.mark.parametrize("module", [space, store])
def test_docstrings_run_as_printed(module):
    results = doctest.testmod(module)
    assert results.attempted
    assert not results.failed
