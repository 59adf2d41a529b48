"""Gather what a report shows: filled tables, what else bears on them, and runs on other data."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from repro.audit.findings import Finding
from repro.audit.report import Report, audit, counted
from repro.places import Home
from repro.plan.planning import TablePlan, command_line, plan_table
from repro.records.ledger import Ledger
from repro.records.record import Record, Training
from repro.render import audit_words, grid
from repro.render.figures import kinds
from repro.render.figures.kinds import Beside
from repro.render.grid import Grid
from repro.spec import catalogue, readings
from repro.verdict import ladder, reduction, sensitivity
from repro.verdict.reduction import Measured
from repro.verdict.sensitivity import Sensitivity

Key = tuple[str, str]  # row and column


@dataclass(frozen=True)
class Part:
    """A table with all that is said of it."""

    grid: Grid
    fared: Mapping[Key, Sensitivity]
    findings: tuple[tuple[int, Finding], ...]  # with their numbers in the audit of the paper
    audited: tuple[str, ...]  # what every reader of that audit has to know
    beside: Beside
    climbed: tuple[Training, ...]  # all that stand behind the ladder
    measured: Measured
    others: tuple["Part", ...] = ()  # the same table on other data that records know


def parts(plans: Sequence[TablePlan], home: Home, ledger: Ledger) -> list[Part]:
    """Fill tables from the ledger, with all that is said of them; trains nothing."""
    records = list(ledger.all())
    papers = dict.fromkeys(plan.entry.paper_id for plan in plans)
    audits = {paper: _audit(paper, ledger) for paper in papers}
    plain = [_part(plan, home, ledger, records) for plan in plans]
    return [
        replace(
            part,
            findings=_touching(audits[part.grid.plan.entry.paper_id], part.grid.id),
            audited=audit_words.statement(audits[part.grid.plan.entry.paper_id]),
            others=tuple(_others(part, home, ledger, records)),
        )
        for part in plain
    ]


def _audit(paper: str, ledger: Ledger) -> Report:
    """Audit a whole paper: what one table says may bear on another."""
    entries = catalogue.load_all(paper)
    return audit(entries, counted(entries, ledger))


def _touching(report: Report, table: str) -> tuple[tuple[int, Finding], ...]:
    numbered = enumerate(report.findings, start=1)
    return tuple((number, finding) for number, finding in numbered if table in finding.tables)


def _part(plan: TablePlan, home: Home, ledger: Ledger, records: Sequence[Record]) -> Part:
    filled = grid.build(plan, ledger, command_line(plan), home.data)
    beside = kinds.beside(plan, ledger, records)
    return Part(
        grid=filled,
        fared=sensitivity.survey(plan, filled.judgement, home, ledger, records),
        findings=(),
        audited=(),
        beside=beside,
        climbed=_behind(plan, home, ledger) if beside.ladder else (),
        measured=reduction.measurements(plan, ledger),
    )


def _behind(plan: TablePlan, home: Home, ledger: Ledger) -> tuple[Training, ...]:
    """Return the records of a table under each of its protocols."""
    plans = ladder.axis(plan.entry, plan.request, home, "protocol").plans.values()
    found = (reduction.results(one, ledger).values() for one in plans)
    return tuple(record for results in found for record in results if record is not None)


def _others(part: Part, home: Home, ledger: Ledger, records: Sequence[Record]) -> list[Part]:
    """Return the table on each other dataset on which records answer for its runs.

    Once for each way of reading it that records have: those of an older recipe stand apart.
    """
    plan = part.grid.plan
    if plan.request.on is not None:
        return []
    systems = {run.system for run in plan.runs}
    own = {run.clips.dataset for run in plan.runs}
    found = {
        (record.dataset, tuple(sorted(_read(plan, record).items())))
        for record in records
        if _answers(record, systems, plan.request.profile) and record.dataset not in own
    }
    made = []
    for dataset, read in sorted(found):
        assume = {**plan.request.assume, **dict(read)}
        asked = replace(plan.request, on=dataset, audio="local", seeds=None, assume=assume)
        other = _part(plan_table(plan.entry, asked, home), home, ledger, records)
        if other.grid.used:
            made.append(other)
    return made


def _read(plan: TablePlan, record: Record) -> dict[str, str]:
    """Return the alternatives of a table's assumptions that a training was of."""
    if not isinstance(record, Training):
        return {}
    return readings.chosen(plan.entry.assumptions(), record.system, record.resolved)


def _answers(record: Record, systems: set[str], profile: str) -> bool:
    """Tell whether a record could be a run of these systems on some dataset."""
    if not isinstance(record, Training) or record.status != "complete":
        return False
    return record.system in systems and record.profile == profile
