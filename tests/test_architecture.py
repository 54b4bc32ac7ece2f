"""The arrows of the design: who may import whom, what stays unloaded, and who may print."""

import ast
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from configparser import ConfigParser
from graphlib import TopologicalSorter
from pathlib import Path

import pytest
import typer

import featurex
from featurex.cli import app

ROOT = Path(__file__).parents[1]
INIT = ROOT / "featurex" / "__init__.py"
README = ROOT / "README.md"
MAY_IMPORT = {
    "cache": {"numpy", "h5py", "isal"},
    "pipelines": {
        *("numpy", "pandas", "scipy", "sklearn", "sklearnex", "joblib", "threadpoolctl"),
        *("skops", "matplotlib", "jinja2"),
    },
}
PACKAGES = ("cache", "pipelines", "featurex")
HEAVY = {
    "numpy",
    "torch",
    "torchvision",
    "dlib",
    "sklearn",
    "pandas",
    "h5py",
    "skops",
    "matplotlib",
}


def sources(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


def imports(path: Path) -> Iterator[str]:
    """Yield every module that a file imports, anywhere in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} has a relative import"
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield inner if is_module(inner) else str(node.module)


def is_module(name: str) -> bool:
    path = ROOT / Path(*name.split("."))
    return path.with_suffix(".py").is_file() or (path / "__init__.py").is_file()


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_a_leaf_imports_only_what_it_may(package):
    files = sources(package)
    assert len(files) > 10
    for path in files:
        roots = {name.split(".")[0] for name in imports(path)}
        unexpected = roots - {package} - MAY_IMPORT[package] - set(sys.stdlib_module_names)
        assert not unexpected, f"{path} imports {unexpected}"


@pytest.mark.parametrize("package", PACKAGES)
def test_imports_inside_a_package_go_one_way(package):
    graph = {module_name(path): set(imports(path)) - {package} for path in sources(package)}
    TopologicalSorter(graph).prepare()  # CycleError names the circle


@pytest.mark.parametrize("package", ["pipelines", "featurex"])
def test_folders_know_only_those_that_are_listed_before_them(package):
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    listed = re.findall(rf"`{package}/(\w+)/`", text.partition("## Where things are")[2])
    place = {folder: number for number, folder in enumerate(listed)}
    assert len(place) == len(listed)
    assert set(place) == {room(package, module_name(path)) for path in sources(package)} - {None}
    for path in sources(package):
        own = room(package, module_name(path))
        for name in imports(path) if own else ():
            known = room(package, name)
            assert known is None or place[known] <= place[own], f"{path} imports {name}"


def room(package: str, name: str) -> str | None:
    """Return in which folder of a package a module is; None for those in none."""
    top, _, rest = name.partition(".")
    folder = rest.partition(".")[0]
    return folder if top == package and folder and (ROOT / package / folder).is_dir() else None


def test_only_the_command_line_knows_the_command_line():
    for path in sources("featurex"):
        if "cli" not in path.parts and path.name != "__main__.py":
            assert not any(name.startswith("featurex.cli") for name in imports(path)), path


@pytest.mark.parametrize("package", PACKAGES)
def test_only_the_command_line_prints(package):
    for path in sources(package):
        if "cli" in path.parts:
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        streams = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        assert "print" not in names, path
        assert not {"stdout", "stderr"} & streams, path
        assert not any(name.split(".")[0] in ("rich", "typer") for name in imports(path)), path


def loaded_after(code: str) -> set[str]:
    """Return which heavy libraries a fresh interpreter has loaded after some code."""
    tail = f"\nimport sys\nprint('loaded:', *({HEAVY!r} & set(sys.modules)))"
    result = subprocess.run(
        [sys.executable, "-c", code + tail], capture_output=True, text=True, check=True
    )
    return set(result.stdout.splitlines()[-1].removeprefix("loaded:").split())


def test_importing_featurex_loads_nothing_heavy():
    assert loaded_after("import featurex; dir(featurex)") == set()


def test_asking_for_help_loads_nothing_heavy():
    code = """
import sys
from featurex.cli import main
for words in COMMANDS:
    sys.argv = ["featurex", *words, "--help"]
    try:
        main()
    except SystemExit as stop:
        assert stop.code == 0, words
"""
    assert loaded_after(code.replace("COMMANDS", repr([[], *map(list, commands())]))) == set()


def test_a_light_import_can_be_told_from_a_heavy_one():
    assert "pandas" in loaded_after("import featurex; featurex.Manifest")


def test_public_names_are_sorted_and_importable():
    names = [name for name in featurex.__all__ if name != "__version__"]
    assert names == sorted(names)
    assert all(getattr(featurex, name) is not None for name in featurex.__all__)
    assert dir(featurex) == sorted(featurex.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = featurex.nothing


def test_type_checkers_see_every_public_name():
    (block,) = (node for node in ast.parse(INIT.read_text()).body if isinstance(node, ast.If))
    imported = [node for node in block.body if isinstance(node, ast.ImportFrom)]
    seen = {alias.asname: node.module for node in imported for alias in node.names}
    assert seen == featurex._PUBLIC


@pytest.mark.parametrize("package", PACKAGES)
def test_types_are_installed_with_each_package(package):
    settings = ConfigParser()
    settings.read(ROOT / "setup.cfg")
    assert "py.typed" in settings["options.package_data"][package].split()
    assert (ROOT / package / "py.typed").is_file()


def test_nobody_is_sent_to_the_featurex_of_the_package_index():
    """It is another program: extras are installed from the clone, or by their packages' names."""
    sources = [path for package in PACKAGES for path in (ROOT / package).rglob("*.py")]
    documents = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]
    wrong = re.compile(r"pip install ['\"]?featurex|featurex\[")
    assert [path for path in (*sources, *documents) if wrong.search(path.read_text("utf-8"))] == []


def test_versions_in_the_readme_are_those_that_ci_passes_with():
    named = re.findall(r"\b[\w-]+==[\d.]+", README.read_text("utf-8"))
    assert named
    assert set(named) <= set((ROOT / "constraints.txt").read_text("utf-8").split())


def commands() -> dict[tuple[str, ...], set[str]]:
    """Return the options of every command, by the words that call it."""
    found = {}
    waiting = [((), typer.main.get_command(app))]
    while waiting:
        words, command = waiting.pop()
        if hasattr(command, "commands"):
            waiting += [((*words, name), inner) for name, inner in command.commands.items()]
        else:
            found[words] = {o for p in command.params for o in (*p.opts, *p.secondary_opts)}
    return found


def code_of(markdown: str) -> Iterator[str]:
    """Yield the lines of code blocks (continued ones as one), and the code inside the text."""
    blocks = re.findall(r"^```[^\n]*\n(.*?)^```", markdown, re.DOTALL | re.MULTILINE)
    for block in blocks:
        yield from block.replace("\\\n", " ").splitlines()
    text = re.sub(r"^```.*?^```", "", markdown, flags=re.DOTALL | re.MULTILINE)
    yield from re.findall(r"`([^`\n]+)`", text)


def calls(markdown: str) -> Iterator[list[str]]:
    """Yield the words after ``featurex`` of every call."""
    for line in code_of(markdown):
        for part in re.split(r"&&|\||;", line):
            if match := re.match(r"\s*(?:\$ )?(?:\S*/)?featurex (?=[a-z-])(.*)", part):
                yield shlex.split(match[1], comments=True)


def called(words: list[str]) -> tuple[str, ...]:
    return next((name for name in commands() if tuple(words[: len(name)]) == name), ())


def test_calls_are_found_in_markdown():
    block = "```bash\n$ .venv/bin/featurex cache info \\\n  x --json # why\n```"
    text = f"Say `featurex backbones`.\n{block}"
    found = list(calls(text))
    assert found == [["cache", "info", "x", "--json"], ["backbones"]]
    assert [called(words) for words in found] == [("cache", "info"), ("backbones",)]


def test_every_call_in_the_readme_is_real():
    found = list(calls(README.read_text(encoding="utf-8")))
    assert found
    known = commands()
    for words in found:
        if words[0] in ("--help", "-h", "--version"):
            continue
        name = called(words)
        assert name or words[0] in {first for first, *_ in known}, f"no such command: {words}"
        options = {word.split("=")[0] for word in words if word.startswith("--")} - {"--help"}
        assert options <= known.get(name, set()), f"no such option: {words}"


def test_every_command_is_in_the_readme():
    documented = {called(words) for words in calls(README.read_text(encoding="utf-8"))}
    assert set(commands()) <= documented


def test_python_in_the_readme_imports_what_there_is():
    markdown = README.read_text(encoding="utf-8")
    for block in re.findall(r"^```python\n(.*?)^```", markdown, re.DOTALL | re.MULTILINE):
        source = "\n".join(re.findall(r"^>>> (.*)$", block, re.MULTILINE)) or block
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.ImportFrom) and node.module == "featurex":
                assert {alias.name for alias in node.names} <= set(featurex.__all__)
            if isinstance(node, ast.Attribute) and getattr(node.value, "id", "") == "featurex":
                assert node.attr in featurex.__all__
