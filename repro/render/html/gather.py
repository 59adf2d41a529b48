"""Gather what a report shows: filled tables, what else bears on them, and runs on other data."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from repro import identity
from repro.audit.findings import Finding
from repro.audit.report import Report, audit, counted
from repro.places import Home
from repro.plan.asking import Asked, Tables
from repro.plan.planning import TablePlan, command_line, plan_table
from repro.plan.request import Request, Run
from repro.records.ledger import Ledger
from repro.records.record import Record, Training
from repro.render import audit_words, grid
from repro.render.figures import kinds
from repro.render.figures.kinds import Beside
from repro.render.grid import Grid
from repro.spec import catalogue
from repro.spec.entry import Entry
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
            findings=_touching(audits[part.grid.plan.entry.paper_id], part.grid.plan.entry),
            audited=audit_words.statement(audits[part.grid.plan.entry.paper_id]),
            others=tuple(_others(part, home, ledger, records)),
        )
        for part in plain
    ]


def _audit(paper: str, ledger: Ledger) -> Report:
    """Audit a whole paper: what one table says may bear on another."""
    entries = catalogue.load_all(paper)
    return audit(entries, counted(entries, ledger))


def _touching(report: Report, entry: Entry) -> tuple[tuple[int, Finding], ...]:
    """Return the findings that concern a table; none on other data, where nothing is printed."""
    numbered = enumerate(report.findings, start=1)
    return tuple((n, found) for n, found in numbered if entry.id in found.tables and not entry.on)


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
    """Return the table with what else records answer for: other data, some folds, its rivals.

    Once for each way to ask for it that records have (readings, steps, a subset): those of an
    older recipe stand apart.
    """
    plan = part.grid.plan
    if plan.request.on is not None or plan.request.folds:
        return []
    requests = _asked(plan, home, records)
    made: dict[tuple[str, ...], Part] = {}
    for words in sorted(requests):
        # Protocols stand side by side in one part, if the data's own has a run.
        for request in (replace(requests[words], protocol=None), requests[words]):
            name = tuple(request.words())
            if name not in made:
                planned = plan_table(plan.entry, request, home)
                made[name] = _part(planned, home, ledger, records)
            if made[name].grid.used:
                break
    return [other for other in made.values() if other.grid.used]


def _asked(
    plan: TablePlan, home: Home, records: Sequence[Record]
) -> dict[tuple[str, ...], Request]:
    """Return the ways to ask for a table on other data, folds or with rivals that records have.

    Where the same is asked with rivals and without, it is with them: they stand beside its own.
    """
    rivals = plan.entry.rivals
    systems = {*(run.system for run in plan.runs), *rivals}
    own = {run.clips.dataset for run in plan.runs}
    alike: dict[str, Training] = {}  # one of those that differ in seed and fold alone
    for record in records:
        if (
            isinstance(record, Training) and record.status == "complete"
            and record.system in systems and record.profile == plan.request.profile
            and (record.dataset not in own or record.clips.get("only") or record.system in rivals)
        ):  # fmt: skip
            apart = {"seed": 0, "split": "", "init": [], "teacher": ""}
            clips = {**record.clips, "fold": 0, "split_seed": 0}
            name = identity.digest([record.system, {**record.resolved, **apart}, clips])
            alike.setdefault(name, record)
    tables = Tables(home, [catalogue.load(plan.entry.id)])
    asked = [tables.asking(Run.of_record(record)) for record in alike.values()]
    found = [one.request for one in asked if isinstance(one, Asked)]

    def data(request: Request) -> tuple[str, ...]:
        return tuple(replace(request, protocol=None, rivals=False).words())

    beside = {data(request) for request in found if request.rivals}
    found = [replace(request, rivals=data(request) in beside) for request in found]
    return {
        tuple(request.words()): request for request in found
        if request.on or request.folds or (request.rivals and not plan.request.rivals)
    }  # fmt: skip
