import os
import subprocess
import sys

import pytest

from featurex.machine.cores import core_count, tell_openmp


@pytest.fixture
def one_core_given(monkeypatch):
    """A machine of four cores, of which one is ours."""
    monkeypatch.setenv("LOKY_MAX_CPU_COUNT", "1")
    monkeypatch.setattr(os, "cpu_count", lambda: 4)


@pytest.fixture
def untold(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "")  # so that it is put back, whatever a test sets
    monkeypatch.delenv("OMP_NUM_THREADS")


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no CPU masks")
def test_a_cpu_mask_is_kept():
    code = "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))}); "
    code += "from featurex.machine.cores import core_count; print(core_count())"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert printed.stdout == "1\n", printed.stderr


def test_openmp_is_told_of_fewer_cores_than_the_machine_has(one_core_given, untold):
    tell_openmp()
    assert os.environ["OMP_NUM_THREADS"] == "1"
    assert core_count() == 1


def test_what_the_user_told_openmp_stays(one_core_given, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    tell_openmp()
    assert os.environ["OMP_NUM_THREADS"] == "3"


def test_all_cores_need_no_word(untold, monkeypatch):
    n_cores = core_count()
    monkeypatch.setattr(os, "cpu_count", lambda: n_cores)
    tell_openmp()
    assert "OMP_NUM_THREADS" not in os.environ
