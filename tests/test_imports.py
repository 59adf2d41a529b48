"""Imports run one way, and what must answer at once imports nothing heavy."""

import ast
import json
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "repro"
MODULES = {
    ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__"): path
    for path in PACKAGE.rglob("*.py")
}

# What each layer and all that it imports, directly or not, must not reach (design, section 3).
LATER = ("ledger", "plan", "train", "engines", "audit", "verdict", "render", "commands")
FORBIDDEN = {
    "spec": ("data", *LATER),
    "identity": ("data", *LATER),
    "seeds": ("data", *LATER),
    "metrics": ("data", *LATER),
    "stats": ("data", *LATER),
    "printed": ("data", *LATER),
    "frontends": ("data", *LATER),
    "waveforms": ("data", *LATER),
    "augment": ("data", *LATER),
    "models": ("data", *LATER),
    "data": LATER,
    "ledger": LATER[1:],
    "plan": LATER[2:],
    "cost": LATER[2:],
    "train": LATER[3:],
    "engines": LATER[4:],
    "audit": ("train", "engines", "render", "commands"),
    "verdict": ("train", "engines", "render", "commands"),
    "render": ("train", "engines", "commands"),
}


def within(module, layer):
    return module == layer or module.startswith(f"{layer}.")


def imports(tree, lazily=True):
    """Yield the modules of the package that a tree imports; at import time only, or all."""
    for node in ast.iter_child_nodes(tree):
        later = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not lazily
        for_types = isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            names = [f"{node.module}.{alias.name}" for alias in node.names] + [node.module]
        elif later or for_types:
            continue
        else:
            yield from imports(node, lazily)
            continue
        yield from (n[6:] for n in names if n.startswith("repro.") and n[6:] in MODULES)


@cache
def imported(module, lazily=True):
    found = set(imports(ast.parse(MODULES[module].read_text()), lazily))
    # `from package import module` names the package too; only its own content would matter.
    packages = {m for m in found if any(n.startswith(f"{m}.") for n in found)}
    return frozenset(found - packages - {module})


def reached(module):
    """Return the way by which every module that `module` leads to is reached."""
    ways = {module: (module,)}
    waiting = [module]
    while waiting:
        here = waiting.pop()
        for found in imported(here):
            if found not in ways:
                ways[found] = (*ways[here], found)
                waiting.append(found)
    return ways


@pytest.mark.parametrize("module", MODULES)
def test_imports_run_one_way(module):
    forbidden = [
        name for layer, names in FORBIDDEN.items() if within(module, layer) for name in names
    ]
    if not within(module, "commands"):
        forbidden.append("commands")
        if not within(module, "engines") and not within(module, "train"):
            forbidden += ["engines", "train"]
    wrong = [
        " -> ".join(way)
        for found, way in reached(module).items()
        if any(within(found, layer) for layer in forbidden)
    ]
    assert not wrong


@pytest.mark.parametrize("module", [m for m in MODULES if within(m, "models")])
def test_a_model_imports_models_alone(module):
    assert all(within(found, "models") for found in imported(module))


@pytest.mark.parametrize(
    "module", ["seeds", "identity", "metrics", "printed", "waveforms", "errors"]
)
def test_the_ground_floor_imports_nothing_of_the_package(module):
    assert imported(module) == frozenset()


def test_no_two_modules_need_each_other_to_be_imported():
    done, open_ = set(), []

    def visit(module):
        assert module not in open_, " -> ".join([*open_, module])
        if module not in done:
            open_.append(module)
            for found in sorted(imported(module, lazily=False)):
                visit(found)
            done.add(open_.pop())

    for module in MODULES:
        visit(module)


HEAVY = ("torch", "torchaudio", "scipy", "pandas", "sklearn", "datasets", "timm", "matplotlib")
RUN = """
import contextlib, io, json, sys
from repro.commands import main
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


def test_plans_rendering_and_audit_import_no_torch(tmp_path):
    table = "asmrh-speechcommands"
    words = [["show", table], ["plan", table, "--profile", "demo"], ["runs", "list"]]
    words += [["table", table, "--render-only", "--format", f] for f in ("md", "latex", "json")]
    words += [["table", table, "--dry-run"]]
    words += [["audit", "asmrh"], ["cells", table], ["data", "list"], ["models"]]
    words += [["status", table], ["plan", table, "--profile", "demo", "--format", "sh"]]
    words += [["table", table, "--profile", "demo", "--slurm", "--dry-run"]]
    words += [["runs", "prune"], ["runs", "stale"], ["runs", "retry", "--dry-run"]]
    for command, (code, loaded) in loaded_by(tmp_path, *words).items():
        assert code in (0, 3, 4), command
        assert not {"torch", "torchaudio"} & set(loaded), command
