"""What the tests of a room would miss: its code is changed in one place and the tests are run.

    nice python benchmarks/mutants.py repro/verdict --log /tmp/verdict.jsonl
    nice python benchmarks/mutants.py repro/audit --tests tests/audit --log /tmp/audit.jsonl
    nice python benchmarks/mutants.py repro/stats --file ranks.py --every 5

The tests that execute the changed line are run, then the rest of their files; the first failure
kills the mutant. A change at module level is met by all tests. Tests run first in a process that
has everything loaded and takes the changed functions over, which is fast; what survives there is
run again in one that loads the changed file. The log is appended to: a mutant that stands in it is
not run again. After new tests: `--again` runs those that survived. Changes of text are left out
unless asked for. By hand only: a room takes an hour or more.
"""

import argparse
import ast
import importlib
import importlib.machinery
import inspect
import json
import multiprocessing
import os
import resource
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from multiprocessing.connection import Connection
from pathlib import Path
from types import CodeType, FrameType, FunctionType
from typing import Any

import pytest
from mutations import ROOT, Mutant, mutants

# What is loaded before a process is forked; nothing of ours, which may hold the change.
PRELOADED = ("hypothesis", "numpy", "pandas", "pydantic", "click", "rich.table", "jinja2",
             "scipy.special", "scipy.stats", "scipy.integrate", "huggingface_hub")  # fmt: skip
OPTIONS = ["-x", "-q", "-p", "no:xdist", "-p", "no:cacheprovider", "-m", "not slow",
           "--hypothesis-seed=0"]  # fmt: skip


# ---- tests in this process -------------------------------------------------------------------


class Lines:
    """A pytest plugin that notes which test executes which line of the files."""

    def __init__(self, files: set[str]):
        self.files = files
        self.test = ""  # while modules are imported
        self.hits: dict[tuple[str, int], set[str]] = defaultdict(set)
        self.all: list[str] = []

    def trace(self, frame: FrameType, *_: object) -> Any:
        path = frame.f_code.co_filename
        if path not in self.files:
            return None

        def line(inner: FrameType, *_: object) -> Any:
            self.hits[path, inner.f_lineno].add(self.test)
            return line

        return line(frame)

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        self.test = item.nodeid
        self.all.append(item.nodeid)
        sys.settrace(self.trace)
        yield
        sys.settrace(None)
        self.test = ""


def fails(tests: list[str], plugins: tuple[object, ...] = ()) -> bool:
    """Run tests quietly in this process; tell whether one fails."""
    with tempfile.TemporaryDirectory() as folder, Path(os.devnull).open("w") as nowhere:
        kept = [os.dup(number) for number in (1, 2)]
        for number in (1, 2):
            os.dup2(nowhere.fileno(), number)
        status = pytest.main([*OPTIONS, f"--basetemp={folder}/t", *tests], plugins)
        for number, old in zip((1, 2), kept, strict=True):
            os.dup2(old, number)
    return status != 0


def forked(work: Callable[[], bool], cpu: float) -> bool:
    """Call work in a child; return what it returned, and True if it crashed or took too long."""
    child = os.fork()
    if child == 0:
        resource.setrlimit(resource.RLIMIT_CPU, (round(cpu), round(cpu)))
        status = 1
        try:
            status = int(work())
        finally:
            os._exit(status)
    return os.waitpid(child, 0)[1] != 0


# ---- a change in loaded modules, and in new ones ---------------------------------------------


def serve(pipe: Connection, folder: Path, tests: list[str]) -> None:
    """Run all tests once, which leaves everything loaded; then answer for mutants."""
    lines = Lines({str(path) for path in folder.rglob("*.py")})
    if fails(tests, (lines,)):
        pipe.send(None)
        return
    used = resource.getrusage(resource.RUSAGE_SELF)
    pipe.send((dict(lines.hits), lines.all, used.ru_utime + used.ru_stime))
    while (asked := pipe.recv()) is not None:
        mutant, near, cpu = asked
        pipe.send(forked(lambda m=mutant, t=near: swap(m) and fails(t), cpu))


def swap(mutant: Mutant) -> bool:
    """Give the functions of a loaded module their changed code; False where none changes."""
    module = sys.modules.get(mutant.path.removesuffix(".py").replace("/", "."))
    if module is None:
        return False
    plain, changed = ({code.co_qualname: code for code in _codes(compile(text, "", "exec"))}
                      for text in (_unparsed(mutant.path), mutant.source))  # fmt: skip
    swapped = False
    for function in _functions(vars(module), module.__name__):
        name = function.__qualname__
        if name in changed and name in plain and changed[name] != plain[name]:
            function.__code__ = changed[name]
            swapped = True
    return swapped


def _unparsed(path: str) -> str:
    return ast.unparse(ast.parse((ROOT / path).read_text()))


def _codes(code: CodeType) -> Iterator[CodeType]:
    for const in code.co_consts:
        if isinstance(const, CodeType):
            yield const
            yield from _codes(const)


def _functions(names: Mapping[str, Any], module: str) -> Iterator[FunctionType]:
    """Yield the functions and methods that a module defines."""
    for value in list(names.values()):
        if isinstance(value, type) and value.__module__ == module:
            yield from _functions(vars(value), module)
        inner = getattr(value, "fget", None) or inspect.unwrap(value)  # properties, caches
        if isinstance(inner, FunctionType) and inner.__module__ == module:
            yield inner


def load_changed(mutant: Mutant) -> None:
    """Let the changed file be what is imported in its place."""
    target, plain = str(ROOT / mutant.path), importlib.machinery.SourceFileLoader.get_code

    def get_code(self: Any, name: str) -> Any:
        if self.path == target:
            return compile(mutant.source, target, "exec")
        return plain(self, name)

    importlib.machinery.SourceFileLoader.get_code = get_code


class Runner:
    """The process that has everything loaded, and this one that has nothing of ours."""

    def __init__(self, folder: Path, tests: list[str]):
        self.pipe, other = multiprocessing.Pipe()
        fork = multiprocessing.get_context("fork")
        self.server = fork.Process(target=serve, args=(other, folder, tests), daemon=True)
        self.server.start()
        told = self.pipe.recv()
        if told is None:
            sys.exit("the tests fail without any change")
        self.hits, self.all, self.seconds = told
        self.cpu = 30 + 4 * self.seconds

    def kills(self, mutant: Mutant) -> bool:
        """Tell whether a test fails on a change."""
        hit = self.hits.get((str(ROOT / mutant.path), mutant.line), set()) - {""}
        own = f"test_{Path(mutant.path).stem}.py"
        near = sorted((t for t in self.all if t in hit), key=lambda test: own not in test)
        if not near:  # executed while modules are imported, or by none
            return self._cold(mutant, self.all)
        self.pipe.send((mutant, near, self.cpu))
        if self.pipe.recv():
            return True
        files = {test.partition("::")[0] for test in near}
        rest = [t for t in self.all if t.partition("::")[0] in files and t not in hit]
        return self._cold(mutant, near + rest)

    def _cold(self, mutant: Mutant, tests: list[str]) -> bool:
        def work() -> bool:
            load_changed(mutant)
            return fails(tests)

        return forked(work, self.cpu)


# ---- the whole -------------------------------------------------------------------------------


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--tests", nargs="+", help="default: the folder of tests of the same name")
    parser.add_argument("--file", action="append", help="only files of this name")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="every N-th change only")
    parser.add_argument("--text", action="store_true", help="changes of text too")
    parser.add_argument("--again", action="store_true", help="run what survived once more")
    parser.add_argument("--log", type=Path, default=Path(tempfile.gettempdir()) / "mutants.jsonl")
    asked = parser.parse_args()
    os.chdir(ROOT)
    sys.path.insert(0, str(ROOT))
    scratch = tempfile.TemporaryDirectory()
    os.environ["HYPOTHESIS_STORAGE_DIRECTORY"] = scratch.name
    for name in PRELOADED:
        importlib.import_module(name)
    folder = asked.folder.resolve()
    files = [path for path in sorted(folder.rglob("*.py"))
             if not asked.file or path.name in asked.file]  # fmt: skip
    found = [mutant for path in files for mutant in mutants(path)
             if asked.text or mutant.kind == "logic"][:: asked.every]  # fmt: skip
    done = {} if not asked.log.exists() else {
        one["key"]: one["alive"] for one in map(json.loads, asked.log.read_text().splitlines())
    }  # fmt: skip
    if asked.again:
        done = {key: alive for key, alive in done.items() if not alive}
    runner = Runner(folder, asked.tests or [f"tests/{folder.name}"])
    print(f"{len(runner.all)} tests, {runner.seconds:.0f} s; {len(found)} mutants", flush=True)
    for number, mutant in enumerate(found, 1):
        if mutant.key not in done:
            done[mutant.key] = alive = not runner.kills(mutant)
            said = {"key": mutant.key, "alive": alive, "path": mutant.path, "line": mutant.line}
            said |= {"before": mutant.before, "after": mutant.after}
            with asked.log.open("a") as file:
                file.write(json.dumps(said, ensure_ascii=False) + "\n")
        if done[mutant.key]:
            print(f"{number}/{len(found)} {mutant.path}:{mutant.line}", flush=True)
            print(f"    - {mutant.before[:150]}\n    + {mutant.after[:150]}", flush=True)
    _summary([(mutant, done[mutant.key]) for mutant in found])


def _summary(verdicts: list[tuple[Mutant, bool]]) -> None:
    """Print how many survive, by file and of all."""
    print("\n| file | changes of | mutants | survive | share |\n|---|---|---|---|---|")
    for name in (*sorted({mutant.path for mutant, _ in verdicts}), "all"):
        of = [(m.kind, alive) for m, alive in verdicts if name in (m.path, "all")]
        for kind, n in sorted(Counter(kind for kind, _ in of).items()):
            lives = of.count((kind, True))
            print(f"| {name} | {kind} | {n} | {lives} | {100 * lives / n:.1f} % |")


if __name__ == "__main__":
    main()
