import subprocess
import sys


def test_the_import_is_light_and_keeps_to_its_own_side():
    """Workers of a search and `featurex --help` import this package: seconds would count."""
    code = (
        "import sys, pipelines; "
        "print(sorted({'torch', 'dlib', 'h5py', 'featurex', 'cache', 'skops', 'matplotlib'}"
        " & set(sys.modules)))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"
