"""Whether a table was declared before its runs: from the history of its file and its recipes.

A later change of what declares nothing (see `declared`) leaves the declaration where it was.
"""

import subprocess
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from repro import __version__, identity, places
from repro.records.record import Training
from repro.spec import rivals
from repro.spec.entry import Entry
from repro.spec.index import read_toml
from repro.verdict.declared.declaration import Declaration, declaration, of_rival

RECIPES = "recipes.toml"
_SHOWN = 4  # changes that are named


@dataclass(frozen=True)
class Commit:
    """A commit that touched a file."""

    id: str
    date: datetime


@dataclass(frozen=True)
class _What:
    """What is declared, and in which two files: a table's own systems, or one rival of it."""

    path: Path  # of the table
    recipes: Path
    rival: str = ""

    def read(self, table: dict[str, Any], recipes: dict[str, Any]) -> Declaration:
        """Return what the two files declare."""
        if self.rival:
            return of_rival(table, recipes, self.rival)
        return declaration(table, recipes)


def of(
    entry: Entry,
    records: Sequence[Training],
    of_rivals: Mapping[str, Sequence[Training]] | None = None,
) -> str:
    """Say when a table's declaration was made, and when its first run started.

    of_rivals: rivals that are trained beside, each with its records; the same is said of each.
    """
    path = entry.path.resolve()
    said = [_of(_What(path, path.parent / RECIPES), records)]
    for name, found in (of_rivals or {}).items():
        file = rivals.rivals()[name].file.resolve()
        said.append(f"{name}: {_of(_What(path, file, name), found)}")
    return "; ".join(said)


def _of(what: _What, records: Sequence[Training]) -> str:
    """Say when something was declared, and when its first run started."""
    first = min((datetime.fromisoformat(r.started) for r in records), default=None)
    run = f"first run {first.date()}" if first else "no run yet"
    path = what.path
    declared = what.read(read_toml(path), read_toml(what.recipes))
    digest = identity.digest(declared)[:8]
    if not _in_checkout(path):
        return f"declaration {digest} of version {__version__}, {run}"
    files = {path, what.recipes}
    history = [commit for commit, touched in _history(path.parent.parent) if touched & files]
    committed = declared
    if files & _changed(path.parent.parent):
        committed = _declared_at(what, "HEAD") or {}
    if not history or committed != declared:
        told = f" ({_changes(committed, declared)})" if history and committed else ""
        return f"declaration {digest} is not committed{told}, {run}"
    if first is None:
        return f"declared {_said(history[0])} or earlier, {run}"
    made = _made(what, history, declared)
    if made.date <= first:
        return f"declared {_said(made)}, {run}"
    if made == history[-1] and _shallow(path.parent.parent):
        return f"declared {_said(made)} or earlier (the history is cut off), {run}"
    earlier = next((commit for commit in history if commit.date <= first), None)
    before = _declared_at(what, earlier.id) if earlier else None
    told = f" ({_changes(before, declared)} after results)" if before else ""
    return f"declared after runs: {_said(made)}{told}, {run}"


def _said(commit: Commit) -> str:
    return f"{commit.id[:7]}, {commit.date.date()}"


def _made(what: _What, history: Sequence[Commit], declared: dict[str, Any]) -> Commit:
    """Return the commit since which the declaration has been what it is."""
    made = history[0]
    for commit in history[1:]:
        if _declared_at(what, commit.id) != declared:
            break
        made = commit
    return made


def _changes(before: Declaration, declared: Declaration) -> str:
    """Say what was declared otherwise before, or at another time."""
    names = sorted(n for n in {*before, *declared} if before.get(n) != declared.get(n))
    shown = [_change(name, before.get(name), declared.get(name)) for name in names[:_SHOWN]]
    more = [f"{len(names) - _SHOWN} more"] if len(names) > _SHOWN else []
    return "; ".join(shown + more)


def _change(name: str, before: Any, after: Any) -> str:
    """Say what became of one declared value; of a list, how long it is."""
    if isinstance(before, list) and isinstance(after, list):
        same = len(before) == len(after)
        return f"{name} changed" if same else f"{name} {len(before)} -> {len(after)}"
    return f"{name} {before} -> {after}"


@cache
def _declared_at(what: _What, commit: str) -> Declaration | None:
    """Return what was declared at a commit; None where a file was not there, or not readable."""
    files = (what.path, what.recipes)
    texts = [_git("show", f"{commit}:./{file.name}", folder=file.parent) for file in files]
    try:
        return what.read(*map(tomllib.loads, texts)) if texts[0] else None
    except (tomllib.TOMLDecodeError, KeyError, TypeError, AttributeError):
        return None


def _in_checkout(path: Path) -> bool:
    """Tell whether a file lies in the checkout of the running package, with its history."""
    root = places.checkout()
    return (
        root is not None
        and path.is_relative_to(root.resolve())
        and _git("rev-parse", "HEAD", folder=path.parent.parent) != ""
    )


def _shallow(folder: Path) -> bool:
    """Tell whether git holds only the newest commits, as after `git clone --depth 1`."""
    return _git("rev-parse", "--is-shallow-repository", folder=folder).strip() == "true"


def _changed(folder: Path) -> set[Path]:
    """Return the files below a folder that differ from the last commit, new ones too."""
    known = _git("diff", "--name-only", "--relative", "HEAD", "--", ".", folder=folder)
    new = _git("ls-files", "--others", "--exclude-standard", folder=folder)
    return {(folder / name).resolve() for name in (known + new).splitlines()}


@cache
def _history(folder: Path) -> list[tuple[Commit, set[Path]]]:
    """Return the commits that touched files below a folder, newest first, by one call of git."""
    text = _git("log", "--format=%x01%H %cI", "--name-only", "--relative", "--", ".",
                folder=folder)  # fmt: skip
    found = []
    for block in text.split("\x01")[1:]:
        head, *names = [line for line in block.splitlines() if line]
        name, date = head.split()
        files = {(folder / file).resolve() for file in names}
        found.append((Commit(name, datetime.fromisoformat(date)), files))
    return found


@cache
def _git(*words: str, folder: Path) -> str:
    """Return what git prints; nothing where it fails or is not there."""
    command = ["git", "-C", str(folder), *words]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return done.stdout if done.returncode == 0 else ""
