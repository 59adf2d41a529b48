"""Which verdicts depend on what the paper leaves open: every other choice that has runs, judged."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from repro.places import Home
from repro.plan.planning import TablePlan, plan_table
from repro.records.ledger import Ledger
from repro.records.record import Record, Training
from repro.spec.readings import as_text
from repro.spec.schema import Assumption
from repro.verdict import judge, reduction
from repro.verdict.judgement import FOUR, Judgement

Cell = tuple[str, str]


@dataclass(frozen=True)
class Other:
    """A single other choice: its words for the cells whose runs or reading it changes."""

    key: str
    value: str
    words: Mapping[Cell, str]


@dataclass(frozen=True)
class Sensitivity:
    """How the word of a cell fares under the other choices that have runs."""

    word: str
    holds: tuple[str, ...]  # "key=value"
    flips: Mapping[str, str]  # "key=value" to the word there

    @property
    def sentence(self) -> str:
        """Say it in one line."""
        total = len(self.holds) + len(self.flips)
        text = f"holds under {len(self.holds)} of {total} other choices that have runs"
        if self.flips:
            text += "; flips with " + ", ".join(f"{k} ({w})" for k, w in self.flips.items())
        return text


def survey(
    plan: TablePlan, judged: Judgement, home: Home, ledger: Ledger, records: Sequence[Record]
) -> dict[Cell, Sensitivity]:
    """Judge a table once for each other choice with complete runs; return it by decided cell.

    records: all of the ledger, which tell what cannot have runs without planning it.
    """
    trained = [record for record in records if isinstance(record, Training) and record.done]
    if judge.silence(plan) or not trained:
        return {}
    decided = {
        cell: own
        for planned in plan.cells
        for cell in [(planned.row.id, planned.column.id)]
        if planned.runs and (own := judged.cells[cell]).word in FOUR and own.reason != "partial"
    }
    others = list(_others(plan, home, ledger, trained)) if decided else []
    found = {}
    for cell, own in decided.items():
        words = {f"{o.key}={o.value}": o.words[cell] for o in others if cell in o.words}
        if words:
            holds = tuple(name for name, word in words.items() if word == own.word)
            flips = {name: word for name, word in words.items() if word != own.word}
            found[cell] = Sensitivity(own.word, holds, flips)
    return found


def _others(
    plan: TablePlan, home: Home, ledger: Ledger, records: Sequence[Training]
) -> Iterator[Other]:
    """Judge the table under each other choice; leave out those without complete cells."""
    bearing = {reading.assumption.key for reading in plan.assumed}
    for assumption in plan.entry.assumptions():
        if assumption.key not in bearing and not assumption.path.startswith("statistics."):
            continue  # no run depends on it
        for value, assume in _choices(plan, assumption):
            if not _may_have_runs(plan, assumption, value, records):
                continue
            other = plan_table(plan.entry, replace(plan.request, assume=assume), home)
            words = _words(plan, other, assumption, reduction.results(other, ledger))
            if words:
                yield Other(assumption.key, as_text(value), words)


def _choices(plan: TablePlan, assumption: Assumption) -> Iterator[tuple[Any, dict[str, str]]]:
    """Yield each other value of an assumption with the --assume that chooses it."""
    assume = dict(plan.request.assume)
    chosen = assume.pop(assumption.key, None)
    if chosen is not None:
        yield "default", assume
    for alternative in assumption.alternatives:
        text = as_text(alternative.value)
        if text != chosen:
            yield alternative.value, assume | {assumption.key: text}


def _may_have_runs(
    plan: TablePlan, assumption: Assumption, value: Any, records: Iterable[Training]
) -> bool:
    """Tell whether any record could be a run of a choice, without planning it."""
    path = assumption.path
    if path.startswith("statistics.") or value == "default":
        return True  # the same runs, judged otherwise; or a choice whose value is not listed
    if path == "system":
        return any(record.system == value for record in records)
    if path == "protocol":
        kind = plan.entry.protocol(str(value)).kind
        return any(record.clips["protocol"] == kind for record in records)
    return any(_has(record.resolved, path, as_text(value)) for record in records)


def _has(resolved: Mapping[str, Any], path: str, text: str) -> bool:
    """Tell whether a resolved run has a value; one left out (neutral) may be any."""
    here: Any = resolved
    for part in path.split("."):
        if not isinstance(here, dict) or part not in here:
            return True
        here = here[part]
    return as_text(here) == text


def _words(
    plan: TablePlan, other: TablePlan, assumption: Assumption, found: reduction.Results
) -> dict[Cell, str]:
    """Return the words of the cells that a choice changes and that are complete under it."""
    reread = assumption.path.startswith("statistics.")
    changed = [
        (cell.row.id, cell.column.id)
        for cell, before in zip(other.cells, plan.cells, strict=True)
        if cell.runs and (reread or _ids(cell.runs) != _ids(before.runs))
    ]
    if not any(found.values()):
        return {}
    cells = judge.judge(other, found).cells
    return {
        cell: cells[cell].word
        for cell in changed
        if cells[cell].word in FOUR and cells[cell].reason != "partial"
    }


def _ids(runs: Sequence[Any]) -> list[str]:
    return [run.id for run in runs]
