"""How often each rule raises something on made-up papers: measured, not reasoned.

`python benchmarks/audit_rates.py` makes up honest papers in three printing habits and altered ones,
audits them all and writes `rates.json`; a slow test does the same again.
"""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from pathlib import Path

FILE = Path(__file__).parent / "rates.json"


@dataclass(frozen=True)
class Rates:
    """What was measured, by printing habit.

    papers: honest papers of each habit; asked: the rules that had something to check in them;
    alarmed: papers with a contradiction; contradictions and notes: findings on all, by rule; found:
    share of altered papers with a contradiction, by what was altered.
    """

    papers: int
    habits: tuple[str, ...]
    asked: tuple[str, ...]
    alarmed: dict[str, int]
    contradictions: dict[str, dict[str, int]]
    notes: dict[str, dict[str, int]]
    found: dict[str, dict[str, float]]

    def notes_a_paper(self, habit: str) -> float:
        """Return the notes that an honest paper of a habit has on average."""
        return sum(self.notes[habit].values()) / self.papers


@functools.cache
def measured() -> Rates:
    """Return the committed rates."""
    data = json.loads(FILE.read_text(encoding="utf-8"))
    return Rates(**{**data, "habits": tuple(data["habits"]), "asked": tuple(data["asked"])})
