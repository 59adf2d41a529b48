"""Read from its source which verbs, options and choices a command has; none is imported.

Importing takes a second where numpy comes along, reading a few milliseconds. What click itself
would say is the test.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

_FOLDER = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Function:
    """A function in a file, or what is assigned to a name there."""

    file: Path
    node: ast.AST


def verbs_below(verb: str) -> list[str]:
    """Return the verbs of a group; none for a command."""
    return sorted(name for name, found in _below(verb).items() if not _hidden(found))


def options(words: list[str]) -> dict[str, tuple[str, ...]]:
    """Return the options of the command that is typed, each with its choices where it has some."""
    found = _typed(words)
    return dict(_options(found)) if found is not None else {}


def _typed(words: list[str]) -> Function | None:
    """Return the function of the innermost command among the words typed."""
    named = [word for word in words if not word.startswith("-")]
    if not named or (file := _file(named[0])) is None:
        return None
    below = _below(named[0])
    if named[1:] and below:
        unnamed = next((found for found in below.values() if _hidden(found)), None)
        return below.get(named[1], unnamed or _named(file, "command"))
    return _named(file, "command")


def _file(verb: str) -> Path | None:
    """Return the file that holds a verb."""
    for file in (_FOLDER / f"{verb}.py", _FOLDER / verb / "command.py"):
        if file.is_file() and not verb.startswith("_"):
            return file
    return None


def _below(verb: str) -> dict[str, Function]:
    """Return the commands of a group: those of its file, and those that are added to it."""
    file = _file(verb)
    if file is None:
        return {}
    found = {}
    for node in _tree(file).body:
        if isinstance(node, ast.FunctionDef):
            for call in node.decorator_list:
                if _calls(call, "command", "command"):
                    found[_called(file, node)] = Function(file, node)
        elif isinstance(node, ast.For) and isinstance(node.iter, ast.Tuple):
            for name in node.iter.elts:
                one = _refers(file, name)
                if one is not None and isinstance(one.node, ast.FunctionDef):
                    found[_called(one.file, one.node)] = one
    return found


def _called(file: Path, node: ast.FunctionDef) -> str:
    """Return the name of a command: the one that it is given, else its function's."""
    for call in node.decorator_list:
        if isinstance(call, ast.Call) and getattr(call.func, "attr", "") == "command" and call.args:
            name = call.args[0]
            if isinstance(name, ast.Name):
                name = getattr(getattr(_named(file, name.id), "node", None), "value", name)
            return str(getattr(name, "value", ""))
    return node.name.replace("_", "-")


def _hidden(found: Function) -> bool:
    """Tell whether a command has no name for users: it is what a group does without one."""
    return any(
        keyword.arg == "hidden"
        for call in getattr(found.node, "decorator_list", [])
        if isinstance(call, ast.Call)
        for keyword in call.keywords
    )


def _calls(node: ast.AST, owner: str, name: str) -> bool:
    """Tell whether a node is a call owner.name(...)."""
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == name
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == owner
    )


def _options(found: Function) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield the options of a function's decorators, also those that other functions add."""
    node = found.node
    for decorator in node.decorator_list if isinstance(node, ast.FunctionDef) else [node]:
        yield from _added(found.file, decorator)
    yield "--help", ()


def _added(file: Path, node: ast.AST) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield the options that a decorator adds: one itself, or all that stand in its function."""
    if _calls(node, "click", "option") and isinstance(node, ast.Call):
        for word in node.args:
            text = word.value if isinstance(word, ast.Constant) else ""
            for name in str(text).split("/"):
                if name.startswith("--"):
                    yield name, _choices(file, node)
        return
    other = _refers(file, node.func if isinstance(node, ast.Call) else node)
    if other is None or isinstance(other.node, ast.ClassDef):
        return
    inner = other.node.body if isinstance(other.node, ast.FunctionDef) else [other.node]
    for one in (each for statement in inner for each in ast.walk(statement)):
        if _calls(one, "click", "option") or (
            isinstance(one, ast.Attribute) and _refers(other.file, one) is not None
        ):
            yield from _added(other.file, one)


def _choices(file: Path, call: ast.Call) -> tuple[str, ...]:
    """Return what an option's click.Choice lists."""
    for keyword in call.keywords:
        if keyword.arg == "type" and _calls(keyword.value, "click", "Choice"):
            assert isinstance(keyword.value, ast.Call)
            return tuple(map(str, _listed(file, keyword.value.args[0])))
    return ()


def _listed(file: Path, node: ast.expr) -> list[Any]:
    """Return the items of a list that is written out, here or under a name of the file."""
    if isinstance(node, ast.Call):  # list(NAME)
        return _listed(file, node.args[0])
    if isinstance(node, ast.Name):
        one = _named(file, node.id)
        value = getattr(one.node, "value", None) if one is not None else None
        return _listed(file, value) if isinstance(value, ast.expr) else []
    if isinstance(node, ast.Dict):
        return [key.value for key in node.keys if isinstance(key, ast.Constant)]
    items = getattr(node, "elts", [])
    return [item.value for item in items if isinstance(item, ast.Constant)]


def _refers(file: Path, node: ast.AST) -> Function | None:
    """Return what module.name means in a file, where the module is one of the commands."""
    if isinstance(node, ast.Name):
        return _named(file, node.id)
    if not isinstance(node, ast.Attribute) or not isinstance(node.value, ast.Name):
        return None
    for line in _tree(file).body:
        if isinstance(line, ast.ImportFrom) and str(line.module).startswith("repro.commands"):
            parts = str(line.module).split(".")[2:]
            if any((one.asname or one.name) == node.value.id for one in line.names):
                module = _FOLDER.joinpath(*parts, f"{node.value.id}.py")
                return _named(module, node.attr) if module.is_file() else None
    return None


def _named(file: Path, name: str) -> Function | None:
    """Return the function or the assignment of a name at the top of a file."""
    for node in _tree(file).body:
        if isinstance(node, ast.FunctionDef) and node.name == name:
            return Function(file, node)
        if isinstance(node, ast.Assign) and any(
            isinstance(target, ast.Name) and target.id == name for target in node.targets
        ):
            return Function(file, node)
    return None


@cache
def _tree(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"))
