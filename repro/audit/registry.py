"""Which rules there are: one file each in `rules/`, found because it lies there.

A rule's file holds RULE (its name), ASKS (its question), SHOWS_NOT (what a finding of it does not
show), DOMAIN (of INSPECT-SR, 1 to 4) and `find(paper, checks)`. A file that starts with an
underscore is none.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from repro.audit.findings import Checks, Finding, Paper

FOLDER = Path(__file__).parent / "rules"


@dataclass(frozen=True)
class Rule:
    """A question that is asked of a paper's printed cells."""

    name: str
    asks: str
    shows_not: str
    domain: int
    find: Callable[[Paper, Checks], list[Finding]]


@functools.cache
def rules() -> dict[str, Rule]:
    """Return all rules by their names, sorted by their files'."""
    found: dict[str, Rule] = {}
    for file in sorted(FOLDER.glob("[!_]*.py")):
        module = importlib.import_module(f"repro.audit.rules.{file.stem}")
        found[module.RULE] = Rule(
            module.RULE, module.ASKS, module.SHOWS_NOT, module.DOMAIN, module.find
        )
    return found
