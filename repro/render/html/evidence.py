"""What a cell of the report opens: printed, ours, runs, test, choices, command, in plain words."""

import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from repro.records.record import Training
from repro.render import words
from repro.render.grid import Cell, Grid
from repro.render.html.gather import Part
from repro.render.looks import LOOKS
from repro.verdict import phrases
from repro.verdict.judgement import ClaimVerdict

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
class UnitLine:
    """One unit of a mean: a seed with its value and the runs behind it."""

    seed: int
    value: str
    runs: tuple[Link, ...]  # a value for each fold, or that of the one run


@dataclass(frozen=True)
class Shown:
    """A cell as the report shows it."""

    cell: Cell
    place: str  # its id in the page
    name: str
    ours: str  # our side; empty where nothing of ours belongs
    head: tuple[tuple[str, str], ...]  # printed, ours, difference: the numbers at a glance
    sentence: str
    units: tuple[UnitLine, ...]
    facts: tuple[Fact, ...]
    findings: tuple[str, ...]  # places of the findings that concern it

    @property
    def word(self) -> str:
        """The word of its verdict."""
        return self.cell.verdict

    @property
    def mark(self) -> str:
        """The word that stands in the cell: without a run that comes before "no verdict"."""
        return "NOT RUN" if self.cell.state == "not run" else self.word

    @property
    def colour(self) -> str:
        """The name of the mark's colour."""
        return LOOKS[self.mark].colour


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


def _shown(part: Part, cell: Cell, recorded: dict[str, Training]) -> Shown:
    here = f"{part.grid.id}/{cell.row}/{cell.column}"
    findings = [(number, f) for number, f in part.findings if here in f.cells]
    facts = [*_facts(part, cell, recorded)]
    facts += [
        Fact("Audit", (Link(f.title, finding_place(f.paper, number)),)) for number, f in findings
    ]
    judged = cell.judged
    sentence = judged.sentence.removeprefix(judged.word).removeprefix(": ")
    return Shown(
        cell=cell,
        place=place(part.grid.place, cell.row, cell.column),
        name=words.name(part.grid, cell),
        ours=words.ours(cell) if _is_there(cell) else "",
        head=tuple(_head(cell)),
        sentence=sentence[:1].upper() + sentence[1:],
        units=tuple(_units(cell)),
        facts=tuple(fact for fact in facts if any(fact.texts)),
        findings=tuple(finding_place(f.paper, number) for number, f in findings),
    )


def _is_there(cell: Cell) -> bool:
    """Tell whether there is a result of ours, if only that runs diverged."""
    return cell.ours is not None or bool(cell.text) or cell.state == "diverged"


def _head(cell: Cell) -> Iterator[tuple[str, str]]:
    """Yield the numbers that stand large; no difference where there is no verdict."""
    unit = f" {cell.unit}" if cell.unit in ("%", "ms") else ""
    if cell.printed or not _is_there(cell):
        yield "printed", f"{cell.printed or '(blank)'}{unit if cell.value is not None else ''}"
    if _is_there(cell):
        yield "ours", f"{words.ours(cell)}{unit if cell.ours is not None else ''}"
    if cell.delta is not None and cell.judged.difference is not None:
        yield "difference", words.number(cell.delta, max(cell.decimals, 2), signed=True)


def _facts(part: Part, cell: Cell, recorded: dict[str, Training]) -> Iterator[Fact]:
    """Yield what is known of a cell; empty facts are left out later."""
    judged = cell.judged
    if cell.state == "cited":
        yield Fact("Quoted from", (cell.source,))
        if cell.same_as:
            yield Fact("Trained in", (Link(cell.same_as, place(*cell.same_as.split("/"))),))
        return
    if cell.state == "declared":
        return
    yield from _statistics(cell)
    if judged.note and judged.note not in judged.sentence:
        yield Fact("Note", (f"{judged.note}.",))
    yield Fact("Mind", tuple(f"{flag}. " for flag in judged.flags))
    fared = part.fared.get((cell.row, cell.column))
    if fared is not None:
        yield Fact("Other choices", (f"{fared.word} {fared.sentence}.",))
    yield Fact("System", (cell.system,))
    yield Fact("Metric", (cell.metric,))
    yield Fact("Protocol", (cell.protocol,))
    yield Fact("Runs", (_coverage(cell, recorded),))
    units = {record.run for unit in cell.units for record in unit.records}
    apart = [run for run in cell.runs if run in recorded and run not in units]
    yield Fact("Runs of no unit", tuple(Link(run, run_place(run)) for run in apart))
    yield Fact("Command", (command(part.grid, cell),), code=True)


def _statistics(cell: Cell) -> Iterator[Fact]:
    """Yield what the word rests on; nothing is set against a print where there is no verdict."""
    judged = cell.judged
    if judged.word == "NO VERDICT":
        return
    if judged.interval is not None:
        yield Fact("90 % interval", (f"{phrases.interval(*judged.interval)} points of difference",))
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
    yield Fact("Test", ("; ".join(tests) if cell.runs else "",))


def _units(cell: Cell) -> Iterator[UnitLine]:
    """Yield each unit: its value, and that of each fold with the run behind it."""
    decimals = max(cell.decimals, 2)
    for unit in cell.units:
        values = [words.number(value, decimals, cell.signed) for value in unit.folds]
        runs = zip(values, unit.records, strict=True)
        yield UnitLine(
            seed=unit.seed,
            value=words.number(unit.value, decimals, cell.signed),
            runs=tuple(Link(value, run_place(record.run)) for value, record in runs),
        )


def _coverage(cell: Cell, recorded: dict[str, Training]) -> str:
    """Say how many of a cell's runs are done, and why the others are not."""
    if not cell.runs:
        return ""
    text = f"{cell.n_done} of {cell.n_needed} done"
    diverged = sum(recorded[run].status == "diverged" for run in cell.runs if run in recorded)
    text += f", {diverged} diverged" if diverged else ""
    return f"{text} ({cell.reason})" if cell.reason and cell.state != "diverged" else text


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


# ---- claims ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Claim:
    """A sentence of the paper with the comparisons that it draws, each with what our runs say."""

    sentence: str
    lines: tuple[tuple[str, str, str], ...]  # word, who over whom, effect and test


def claims(judged: Sequence[ClaimVerdict]) -> list[Claim]:
    """Return each sentence once."""
    return [
        Claim(text, tuple(_claimed(one) for one in judged if one.sentence == text))
        for text in dict.fromkeys(one.sentence for one in judged)
    ]


def _claimed(one: ClaimVerdict) -> tuple[str, str, str]:
    said = []
    if one.effect is not None and one.p is not None:
        text = f"{words.number(one.effect, 2, signed=True)} points"
        said.append(f"{text}, 95 % {phrases.interval(*one.interval)}" if one.interval else text)
        sizes = " and ".join(map(str, one.n))
        said.append(f"{one.test} (n = {sizes}), {phrases.p_value(one.p)}")
        said.append(f"after Holm {phrases.p_value(one.p_adjusted)}")
    said += [remark for remark in (one.reason, one.note) if remark]
    return one.word, f"{one.better} over {one.worse} ({one.metric})", "; ".join(said)
