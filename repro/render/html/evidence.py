"""What a cell of the report opens: printed, ours, runs, test, choices, command, in plain words."""

import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from repro.records.ledger import Record
from repro.render import words
from repro.render.grid import Cell, Grid
from repro.render.html.gather import Part
from repro.render.looks import LOOKS
from repro.verdict import phrases

_ODD = re.compile(r"[^A-Za-z0-9._@+-]+")


@dataclass(frozen=True)
class Link:
    """A text that leads to a place of the page."""

    text: str
    place: str


@dataclass(frozen=True)
class Fact:
    """One line of evidence."""

    what: str
    texts: tuple[str | Link, ...]
    code: bool = False


@dataclass(frozen=True)
class Shown:
    """A cell as the report shows it."""

    cell: Cell
    place: str  # its id in the page
    name: str
    ours: str  # our side; empty where nothing of ours belongs
    facts: tuple[Fact, ...]
    findings: tuple[str, ...]  # places of the findings that concern it

    @property
    def word(self) -> str:
        """The word of its verdict."""
        return self.cell.verdict

    @property
    def colour(self) -> str:
        """The name of its colour."""
        return LOOKS[self.word].colour


def shown(part: Part) -> dict[tuple[str, str], Shown]:
    """Return the cells of a table, in printed order."""
    recorded = {record.run: record for record in part.grid.used}
    return {key: _shown(part, cell, recorded) for key, cell in part.grid.cells.items()}


def place(table: str, row: str, column: str) -> str:
    """Return the id of a cell in the page: its key, without what an id cannot hold."""
    return "/".join(_ODD.sub("-", text) for text in (table, row, column))


def finding_place(paper: str, number: int) -> str:
    """Return the id of a finding in the page."""
    return f"audit/{paper}/{number}"


def _shown(part: Part, cell: Cell, recorded: dict[str, Record]) -> Shown:
    grid = part.grid
    here = f"{grid.id}/{cell.row}/{cell.column}"
    findings = [(number, f) for number, f in part.findings if here in f.cells]
    facts = [*_facts(part, cell, recorded)]
    facts += [
        Fact("Audit", (Link(f.title, finding_place(f.paper, number)),)) for number, f in findings
    ]
    return Shown(
        cell=cell,
        place=place(grid.place, cell.row, cell.column),
        name=words.name(grid, cell),
        ours=words.ours(cell) if cell.is_ours and cell.state != "not run" else "",
        facts=tuple(fact for fact in facts if any(fact.texts)),
        findings=tuple(finding_place(f.paper, number) for number, f in findings),
    )


def _facts(part: Part, cell: Cell, recorded: dict[str, Record]) -> Iterator[Fact]:
    """Yield what is known of a cell; empty facts are left out later."""
    grid, judged = part.grid, cell.judged
    yield Fact("Verdict", (judged.sentence or f"{judged.word}.",))
    yield Fact("Printed", (f"{cell.printed or '(blank)'} {_unit(cell)}".strip(),))
    if cell.state == "cited":
        yield Fact("Quoted from", (cell.source,))
        if cell.same_as:
            yield Fact("Trained in", (Link(cell.same_as, place(*cell.same_as.split("/"))),))
        return
    if cell.state == "declared":
        return
    if cell.ours is not None or cell.text:
        yield Fact("Ours", (f"{words.ours(cell)} {_unit(cell)}".strip(),))
    yield from _statistics(cell)
    if judged.note and judged.note not in judged.sentence:
        yield Fact("Note", (f"{judged.note}.",))
    yield Fact("Mind", tuple(f"{flag}. " for flag in judged.flags))
    fared = part.fared.get((cell.row, cell.column))
    if fared is not None:
        yield Fact("Other choices", (f"{fared.word} {fared.sentence}.",))
    yield Fact("System", (f"{cell.system}, {cell.metric}" if cell.system else "",))
    yield Fact("Protocol", (cell.protocol,))
    yield from _units(cell)
    yield Fact("Runs", tuple(_runs(cell, recorded)))
    yield Fact("Command", (command(grid, cell),), code=True)


def _unit(cell: Cell) -> str:
    return cell.unit if cell.unit in ("%", "ms") else ""


def _statistics(cell: Cell) -> Iterator[Fact]:
    """Yield what the word rests on; nothing is set against a print where there is no verdict."""
    judged = cell.judged
    if judged.word == "NO VERDICT":
        return
    if judged.difference is not None:
        text = f"{words.number(judged.difference, 2, signed=True)} points"
        if judged.interval is not None:
            text += f", 90 % interval {phrases.interval(*judged.interval)}"
        yield Fact("Difference", (text,))
    if judged.margin is not None:
        yield Fact("Margin", (f"±{words.number(judged.margin, 2)} points",))
    if judged.se is not None and judged.df is not None:
        df = f"{judged.df:.1f}".removesuffix(".0")
        yield Fact(
            "Precision",
            (f"n = {judged.n}, standard error {words.number(judged.se, 2)}, {df} degrees of "
             "freedom",),
        )  # fmt: skip
    if judged.h is not None:
        text = f"±{words.number(judged.h, 2)} points: where 95 % of printed means would lie"
        yield Fact("Prediction", (text,))
    tests = []
    if judged.p is not None:
        tests.append(f"two one-sided tests within the margin: {phrases.p_value(judged.p)}")
    if judged.p_different is not None:
        tests.append(f"that both have one mean: {phrases.p_value(judged.p_different)}")
    yield Fact("Test", ("; ".join(tests),))


def _units(cell: Cell) -> Iterator[Fact]:
    """Yield each unit with its folds."""
    lines = []
    decimals = max(cell.decimals, 2)
    for unit in cell.units:
        text = f"seed {unit.seed}: {words.number(unit.value, decimals)}"
        if len(unit.folds) > 1:
            folds = ", ".join(words.number(value, decimals) for value in unit.folds)
            text += f" (folds {folds})"
        lines.append(f"{text}. ")
    yield Fact("Units", tuple(lines))


def _runs(cell: Cell, recorded: dict[str, Record]) -> Iterator[str | Link]:
    """Yield the runs that have a record, and how many have none."""
    if not cell.runs:
        return
    done = [run for run in cell.runs if run in recorded]
    yield f"{cell.n_done} of {cell.n_needed} done" + (": " if done else "; none recorded here")
    for run in done:
        yield Link(run, run_place(run))
    if done and cell.reason:
        yield f" ({cell.reason})"


def run_place(run: str) -> str:
    """Return the id of a run in the page."""
    return f"run-{run}"


def command(grid: Grid, cell: Cell) -> str:
    """Return the command that makes a cell again."""
    if cell.runs:
        return f"{grid.command} --only {shlex.quote(cell.system)}"
    if cell.kind in ("measured", "structural") and cell.system:
        return f"repro models measure {shlex.quote(cell.system)}"
    return ""


def reasons(cells: Sequence[Shown]) -> list[str]:
    """Return why cells have no result, each reason once."""
    found = (c.cell.reason for c in cells if c.cell.state == "not run")
    return list(dict.fromkeys(part for text in found for part in text.split("; ") if part))
