"""The plan of the house: rooms import downwards only, and what must answer at once stays light."""

import ast
import json
import re
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "repro"
ROOMS = sorted(path.parent.name for path in PACKAGE.glob("*/__init__.py"))
MOST = 20  # files in a folder; a registry of many datasets may hold more


def modules(package):
    """Return the package's modules by name, the package's own name left out."""
    return {
        ".".join(path.relative_to(package).with_suffix("").parts).removesuffix(".__init__"): path
        for path in package.rglob("*.py")
    }


def room(module):
    """Return the room that a module lies in; files at the top are the ground, but the door."""
    if module == "__init__":
        return "door"
    first, _, inside = module.partition(".")
    return first if inside or first in ROOMS else "ground"


def imported(path, known):
    """Return the package's modules that a file imports: at once, lazily, or for types."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            whole = {f"{node.module}.{alias.name}" for alias in node.names}
            # `from package import module` needs the module; else the names come from one file.
            modules_named = {name for name in whole if name.removeprefix("repro.") in known}
            found |= modules_named
            if modules_named != whole:
                found.add(node.module)
    inside = {name.removeprefix("repro.") for name in found if name.startswith("repro.")}
    return inside & known.keys()


def needs(package):
    """Return what every module of a package imports."""
    known = modules(package)
    return {name: imported(path, known) - {name} for name, path in known.items()}


def stated(docstring):
    """Return the rooms that a room's docstring allows, from its line `Imports: a, b.`"""
    line = re.search(r"^Imports: ([a-z,\s]+)\.$", docstring, re.MULTILINE)
    assert line, "no line 'Imports: ...' at the end of the docstring"
    return set(line[1].replace(",", " ").split()) - {"nothing"}


@pytest.fixture(scope="module")
def graph():
    return needs(PACKAGE)


def rooms_needed(graph):
    """Return which rooms each room imports, by what every module does."""
    between = {}
    for module, found in graph.items():
        between.setdefault(room(module), set()).update(map(room, found))
    return {here: found - {here} for here, found in between.items()}


def circle(graph):
    """Return a circle of a graph of imports, or None."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return error.args[1]
    return None


@pytest.mark.parametrize("name", ROOMS)
def test_a_room_says_what_it_answers_and_what_it_imports(name, graph):
    tree = ast.parse((PACKAGE / name / "__init__.py").read_text(encoding="utf-8"))
    docstring = ast.get_docstring(tree)
    assert len(tree.body) == 1, "a room's __init__.py is its docstring"
    assert docstring.partition("\n")[0].endswith("?"), "the first line asks the room's question"
    assert rooms_needed(graph)[name] == stated(docstring)


def test_the_ground_imports_nothing_of_the_rooms_and_the_door_opens_one(graph):
    assert rooms_needed(graph)["ground"] == set()
    assert rooms_needed(graph)["door"] == {"render"}


def test_no_circle_between_rooms_or_files(graph):
    assert circle(rooms_needed(graph)) is None
    assert circle(graph) is None


def test_a_room_entered_from_above_is_seen(tmp_path):
    files = {
        "stats/__init__.py": '"""What?\n\nImports: nothing.\n"""',
        "stats/ranks.py": "",
        "verdict/__init__.py": '"""What?\n\nImports: stats.\n"""',
        "verdict/judge.py": "from repro.stats import ranks",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert rooms_needed(needs(tmp_path))["verdict"] == {"stats"}
    assert circle(needs(tmp_path)) is None
    for text in (
        "def later():\n    from repro.verdict.judge import word",
        "if TYPE_CHECKING:\n    from repro.verdict import judge",
        "import repro.verdict.judge",
    ):
        (tmp_path / "stats" / "ranks.py").write_text(text)
        assert rooms_needed(needs(tmp_path))["stats"] == {"verdict"}, text
        assert set(circle(needs(tmp_path))) == {"stats.ranks", "verdict.judge"}, text
        assert set(circle(rooms_needed(needs(tmp_path)))) == {"stats", "verdict"}, text


@pytest.mark.parametrize(
    "folder", [path.parent for path in PACKAGE.rglob("__init__.py")], ids=lambda path: path.name
)
def test_a_folder_can_be_taken_in_at_a_glance(folder):
    if folder != PACKAGE / "data" / "datasets":
        assert len(list(folder.glob("*.py"))) <= MOST


def test_tests_mirror_the_rooms():
    here = Path(__file__).parent
    for name in ROOMS:
        assert list((here / name).rglob("test_*.py")), f"no tests/{name}/"


HEAVY = ("torch", "torchaudio", "scipy", "pandas", "sklearn", "datasets", "timm", "matplotlib")
RUN = """
import contextlib, io, json, sys
from repro.commands._entry import main
found = {}
for words in json.loads(sys.argv[1]):
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        try:
            main(words)
        except SystemExit as exit:
            code = exit.code
    loaded = [name for name in json.loads(sys.argv[2]) if name in sys.modules]
    found[" ".join(words)] = [code, loaded]
print(json.dumps(found))
"""


def loaded_by(home, *commands):
    """Run commands in one process; return the exit code and the heavy modules after each."""
    done = subprocess.run(
        [sys.executable, "-c", RUN, json.dumps(commands), json.dumps(HEAVY)],
        env={"REPRO_HOME": str(home), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        cwd="/",
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_help_and_list_import_nothing_heavy(tmp_path):
    found = loaded_by(
        tmp_path, ["--help"], ["list"], ["list", "--format", "json"], ["list", "--help"]
    )
    assert {tuple(map(str, value)) for value in found.values()} == {("0", "[]")}


@pytest.mark.slow
def test_plans_rendering_and_audit_import_no_torch(tmp_path):
    table = "asmrh-speechcommands"
    words = [["show", table], ["plan", table, "--profile", "demo"], ["runs", "list"]]
    words += [["table", table, "--render-only", "--format", f] for f in ("md", "latex", "json")]
    words += [["table", table, "--dry-run"]]
    words += [["audit", "asmrh"], ["cells", table], ["data", "list"], ["models"]]
    words += [["status", table], ["plan", table, "--profile", "demo", "--format", "sh"]]
    words += [["table", table, "--profile", "demo", "--slurm", "--dry-run"]]
    words += [["report", table, "-o", str(tmp_path / "report.html")]]
    words += [["runs", "prune"], ["runs", "stale"], ["runs", "retry", "--dry-run"]]
    for command, (code, loaded) in loaded_by(tmp_path, *words).items():
        assert code in (0, 3, 4), command
        assert not {"torch", "torchaudio"} & set(loaded), command
