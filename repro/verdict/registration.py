"""Whether a table's statistics were declared before its runs: from the history of its file.

What is declared: unit, decider, primary cells, margin, units behind the print, seeds, claims. A
later change of anything else in the file leaves the declaration where it was.
"""

import subprocess
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from repro import __version__, identity, places
from repro.records.ledger import Record
from repro.spec.entry import Entry
from repro.spec.index import read_toml


@dataclass(frozen=True)
class Commit:
    """A commit that touched a file."""

    id: str
    date: datetime


def of(entry: Entry, records: Sequence[Record]) -> str:
    """Say when a table's declaration was made, and when its first run started."""
    first = min((datetime.fromisoformat(r.data["started"]) for r in records), default=None)
    run = f"first run {first.date()}" if first else "no run yet"
    path = entry.path.resolve()
    if not _in_checkout(path):
        return f"declaration {_digest(path)} of version {__version__}, {run}"
    history = _histories(path.parent.parent).get(path, [])
    changed = path in _modified(path.parent.parent)
    if not history or (changed and _declared_at(path, "HEAD") != declaration(read_toml(path))):
        return f"declaration {_digest(path)} is not committed, {run}"
    if first is None:
        return f"declared {_said(history[0])} or earlier, {run}"
    declared = declaration(read_toml(path))
    made = _made(path, history, declared)
    if made.date <= first:
        return f"declared {_said(made)}, {run}"
    if made == history[-1] and _shallow(path.parent.parent):
        return f"declared {_said(made)} or earlier (the history is cut off), {run}"
    return f"declared after runs: {_said(made)}{_changes(path, history, declared, first)}, {run}"


def _digest(path: Path) -> str:
    """Return a short digest of what a table file declares."""
    return identity.digest(declaration(read_toml(path)))[:8]


def declaration(table: dict[str, Any]) -> dict[str, Any]:
    """Return what a table file declares of its statistics, as plain data."""
    seeds = {"seeds": table.get("seeds")}
    for name in ("row", "column"):
        seeds |= {f"seeds of {part['id']}": part.get("seeds") for part in table.get(name, [])}
    for cell in table.get("cell", []):
        seeds[f"seeds of {cell['row']}/{cell['column']}"] = cell.get("seeds")
    claims = [
        [claim[key] for key in ("better", "worse", "metric", "test")]
        for claim in table.get("claim", [])
    ]
    declared = {**table["statistics"], **seeds, "claims": claims}
    return {name: value for name, value in declared.items() if value is not None}


def _said(commit: Commit) -> str:
    return f"{commit.id[:7]}, {commit.date.date()}"


def _made(path: Path, history: Sequence[Commit], declared: dict[str, Any]) -> Commit:
    """Return the commit since which the declaration has been what it is."""
    made = history[0]
    for commit in history[1:]:
        if _declared_at(path, commit.id) != declared:
            break
        made = commit
    return made


def _changes(
    path: Path, history: Sequence[Commit], declared: dict[str, Any], first: datetime
) -> str:
    """Say what was declared otherwise when the first run started."""
    earlier = next((commit for commit in history if commit.date <= first), None)
    before = _declared_at(path, earlier.id) if earlier else None
    if before is None:
        return ""
    changes = [
        _change(name, before.get(name), declared.get(name))
        for name in sorted({*before, *declared})
        if before.get(name) != declared.get(name)
    ]
    return f" ({'; '.join(changes)} after results)"


def _change(name: str, before: Any, after: Any) -> str:
    """Say what became of one declared value; of a list, how long it is."""
    if isinstance(before, list) and isinstance(after, list):
        same = len(before) == len(after)
        return f"{name} changed" if same else f"{name} {len(before)} -> {len(after)}"
    return f"{name} {before} -> {after}"


@cache
def _declared_at(path: Path, commit: str) -> dict[str, Any] | None:
    """Return what a file declared at a commit; None where it was not there, or not readable."""
    text = _git("show", f"{commit}:./{path.name}", folder=path.parent)
    try:
        return declaration(tomllib.loads(text)) if text else None
    except (tomllib.TOMLDecodeError, KeyError):
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


def _modified(folder: Path) -> set[Path]:
    """Return the files below a folder that differ from the last commit."""
    text = _git("diff", "--name-only", "--relative", "HEAD", "--", ".", folder=folder)
    return {(folder / name).resolve() for name in text.splitlines()}


@cache
def _histories(folder: Path) -> dict[Path, list[Commit]]:
    """Return the history of every file below a folder, by one call of git."""
    text = _git("log", "--format=%x01%H %cI", "--name-only", "--relative", "--", ".",
                folder=folder)  # fmt: skip
    found: dict[Path, list[Commit]] = {}
    for block in text.split("\x01")[1:]:
        head, *names = [line for line in block.splitlines() if line]
        name, date = head.split()
        for file in names:
            path = (folder / file).resolve()
            found.setdefault(path, []).append(Commit(name, datetime.fromisoformat(date)))
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
