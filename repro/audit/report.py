"""Audit printed numbers: what a paper's tables allow, from arithmetic alone.

No training, no records of ours but parameter counts. Each rule of `rules/` asks one question
of a paper's printed cells; what it needs to know (sizes, runs, sentences) stands in the table
files.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from repro.audit.deposited import Series
from repro.audit.findings import SEVERITIES, Checks, Counts, Finding
from repro.audit.findings import Paper as Printed
from repro.audit.groups import sizes_found
from repro.audit.matching import matched
from repro.audit.registry import rules
from repro.errors import UserError, unknown
from repro.records.ledger import Ledger
from repro.spec import catalogue, index
from repro.spec.entry import Entry
from repro.spec.schema import Paper, Recipes, Table, read
from repro.verdict import reduction


@dataclass(frozen=True)
class Report:
    """The findings of one or more papers, the strongest first, and the checks behind them.

    The number of checks is that of whole papers, also where one table's findings are asked for.
    """

    papers: dict[str, str]  # id -> short name
    tables: dict[str, str]  # id -> "ASM-RH, Table II"
    findings: tuple[Finding, ...]
    checks: Checks
    only: str | None = None  # the one table asked for
    remarks: tuple[tuple[str, str], ...] = ()  # on the texts: short name of the paper, remark

    @property
    def made(self) -> int:
        """The number of checks."""
        return sum(self.checks.made.values())

    @property
    def contradictions(self) -> tuple[Finding, ...]:
        """The findings in which two numbers of a paper exclude each other under every reading."""
        return tuple(finding for finding in self.findings if finding.contradiction)

    def counts(self, paper: str) -> dict[str, int]:
        """Return the findings of a paper by severity."""
        mine = [finding for finding in self.findings if finding.paper == paper]
        return {s: sum(finding.severity == s for finding in mine) for s in SEVERITIES}


def named(findings: Iterable[Finding]) -> dict[str, Finding]:
    """Return findings by a name that can be typed: paper, rule, and their number in that rule."""
    return {finding.name: finding for finding in findings}


def _numbered(findings: Iterable[Finding]) -> list[Finding]:
    """Sort findings, the strongest first, and count them within their paper and rule."""
    seen: Counter[tuple[str, str]] = Counter()
    found = []
    for finding in sorted(findings, key=lambda finding: finding.strength):
        seen[finding.paper, finding.rule] += 1
        found.append(replace(finding, number=seen[finding.paper, finding.rule]))
    return found


def audit(
    entries: Sequence[Entry],
    counts: Counts | None = None,
    only: str | None = None,
    deposits: Sequence[Series] = (),
    cell: str = "",
) -> Report:
    """Audit tables, those of one paper together; `only` keeps what touches one table.

    counts: parameters of the built networks, by (system, data set), where they are known;
    deposits: results that others deposited, for the rows that they name or for one cell.
    """
    by_paper: dict[str, list[Entry]] = {}
    for entry in entries:
        by_paper.setdefault(entry.paper_id, []).append(entry)
    papers = [
        Printed(paper_id, own[0].paper.short, tuple(own), counts or {})
        for paper_id, own in by_paper.items()
    ]
    belongs = tuple(matched(deposits, papers, _datasets(entries), cell)) if deposits else ()
    checks, found = Checks(), []
    for paper in papers:
        known = replace(paper, sizes=sizes_found(paper), deposits=belongs)
        for rule in rules().values():
            checks.count(rule.name, 0)
            found += rule.find(known, checks)
    found = _numbered(found)
    if only is not None:
        found = [finding for finding in found if only in finding.tables]
        checks = checks.of(only)
    shown = {e.id: f"{e.paper.short}, Table {e.table.number}" for e in entries}
    remarks = tuple((own[0].paper.short, text) for own in by_paper.values()
                    for text in own[0].paper.notes)  # fmt: skip
    return Report({p.id: p.short for p in papers}, shown, tuple(found), checks, only, remarks)


def _datasets(entries: Iterable[Entry]) -> set[str]:
    """Return the data sets that our tables and these name."""
    tables = [entry.table for entry in (*catalogue.load_all(), *entries)]
    parts = [part for table in tables for part in (table, *table.row, *table.column, *table.cell)]
    return {part.dataset for part in parts if part.dataset}


def counted(entries: Iterable[Entry], ledger: Ledger) -> Counts:
    """Return the parameter counts that records measure, by system and data set."""
    found: dict[tuple[str, str], dict[str, int]] = {}
    for entry in entries:
        for row in entry.table.row:
            for column in entry.table.column:
                fields = entry.fields(row, column)
                if (fields.kind, fields.metric) != ("measured", "parameters"):
                    continue
                if fields.system not in entry.recipes.systems:
                    continue
                there = ledger.measurements(reduction.measure_id(entry, fields))
                record = reduction.holding(there, fields)
                own = record.measured if record is not None else None
                if own is not None and own.parameters is not None:
                    key = (str(fields.system), str(fields.dataset))
                    found[key] = {"all": own.parameters, **own.counts}
    return found


def entries_of(target: str) -> tuple[list[Entry], str | None]:
    """Return the tables that "all", a paper, a table id or a file names, and the one asked for.

    A table of ours is audited with the rest of its paper, because what one table says may bear
    on another.
    """
    if target == "all":
        return catalogue.load_all(), None
    if target in index.paper_ids():
        return catalogue.load_all(target), None
    if target in index.table_paths():
        entry = catalogue.load(target)
        return catalogue.load_all(entry.paper_id), entry.id
    path = Path(target)
    if path.suffix == ".toml" or path.is_dir():
        return own_tables(path), None
    names = [*index.table_paths(), *index.paper_ids(), "all"]
    raise unknown("table or paper", target, names, "repro list")


def own_tables(path: Path) -> list[Entry]:
    """Read a user's table file, or all in a folder; paper.toml beside it names the paper."""
    paths = sorted(path.glob("*.toml")) if path.is_dir() else [path]
    tables = [p for p in paths if p.name not in ("paper.toml", "recipes.toml")]
    if not tables:
        raise UserError(f"no table files in {path}", "repro audit --help")
    return [_own_table(p) for p in tables]


def _own_table(path: Path) -> Entry:
    folder = path.resolve().parent
    beside = folder / "paper.toml"
    paper = (
        read(beside, Paper)
        if beside.is_file()
        else Paper(
            title=folder.name, short=folder.name, authors=[], year=0, order=0, url="", bibtex=""
        )
    )
    table = read(path, Table)
    return Entry(f"{folder.name}-{path.stem}", folder.name, path, table, paper, Recipes())
