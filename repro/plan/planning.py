"""From a table to its runs: de-duplicated, in order, those that can be trained and those not."""

import shlex
from dataclasses import dataclass
from typing import Any

from repro.data import registry
from repro.data.guards import Finding
from repro.data.outlines import Outline
from repro.errors import UserError, unknown
from repro.places import Home, absolute
from repro.plan import grounds, reported
from repro.plan.request import Request, Run
from repro.plan.resolve import Resolver
from repro.spec import catalogue, lines, printed, rivals
from repro.spec.entry import Entry
from repro.spec.printed import Printed
from repro.spec.readings import Reading, alternative, leaves
from repro.spec.schema import CellFields, Column, Row


@dataclass(frozen=True)
class PlannedCell:
    """A printed cell with the runs behind it."""

    row: Row
    column: Column
    fields: CellFields
    text: str
    printed: Printed | None
    runs: tuple[Run, ...]


@dataclass(frozen=True)
class TablePlan:
    """Everything that a table resolves to."""

    entry: Entry
    request: Request
    cells: tuple[PlannedCell, ...]
    runs: tuple[Run, ...]  # each once, in the order of the table
    parents: tuple[Run, ...]  # runs behind no cell, from which some of them start
    outlines: dict[str, Outline]  # by dataset
    findings: tuple[Finding, ...]
    assumed: tuple[Reading, ...]
    settled: dict[str, dict[str, Any]]  # all that decides the runs of a system, by system
    demo: dict[str, Any]  # what the demo profile makes small, by setting
    home: Home
    padded: tuple[str, ...] = ()  # what becomes of clips that are too short for a system
    remarks: tuple[str, ...] = ()  # on networks that were built (`buildable`)

    def needed(self) -> tuple[Run, ...]:
        """Return the runs that were asked for (`--only`, `--seeds`)."""
        only, seeds = self.request.only, self.request.seeds
        return tuple(
            run
            for run in self.runs
            if only in (None, run.system) and (seeds is None or run.seed in seeds)
        )


def plan_table(entry: Entry, request: Request, home: Home) -> TablePlan:
    """Resolve a table for a request; reads no audio."""
    if request.on is not None:
        registry.card(request.on, home.data)
    entry = fitted(entry, request, home)
    _check_request(entry, request)
    resolver = Resolver(entry, request, home)
    cells = tuple(
        PlannedCell(
            row=row,
            column=column,
            fields=fields,
            text=text,
            printed=printed.parse(text),
            runs=_wanted(entry, request, resolver.runs(fields)) if _is_ours(fields) else (),
        )
        for row in entry.table.row
        for column, text in zip(entry.table.column, row.cells, strict=True)
        for fields in [entry.fields(row, column)]
    )
    unique = {run.id: run for cell in cells for run in cell.runs}
    _check_readings(entry, request, resolver, bool(unique))
    _check_set(entry, request, resolver)
    parents = tuple(run for run in resolver.parents.values() if run.id not in unique)
    return TablePlan(
        entry=entry,
        request=request,
        cells=cells,
        runs=tuple(unique.values()),
        parents=parents,
        outlines=resolver.outlines,
        findings=tuple(resolver.findings),
        assumed=tuple(resolver.assumed()),
        settled=resolver.settled,
        demo=resolver.demo,
        home=home,
        padded=tuple(short.told(name) for name, short in resolver.padded.items() if short.length),
    )


def _wanted(entry: Entry, request: Request, runs: tuple[Run, ...]) -> tuple[Run, ...]:
    """Return the runs behind a cell: of other clips no seed is declared but those asked for."""
    if request.seeds is None or not (entry.on or request.subset):
        return runs
    return tuple(run for run in runs if run.seed in request.seeds)


def fitted(entry: Entry, request: Request, home: Home) -> Entry:
    """Return a table as a request asks for it: other data, further systems; see `spec.lines`."""
    asked = request.on or request.own or request.systems or request.rivals
    if not asked or entry.on or entry.own or entry.reported:  # a plan's own is fitted already
        return entry
    files = [name for name in request.own if name.endswith(".csv")]
    own = [name for name in request.own if name not in files]
    data = request.on or lines.dataset(entry) or ""
    told = [one for file in files for one in reported.read(absolute(file), data, home.data)]
    return lines.fit(
        entry, request.on or "", request.systems, own, catalogue.load_all, told, request.rivals
    )


def _is_ours(fields: CellFields) -> bool:
    """Tell whether runs stand behind a cell: a trained one, or a difference between two of ours."""
    return fields.kind == "trained" or (
        fields.kind == "derived" and fields.derive == "difference" and fields.system is not None
    )


def _check_readings(entry: Entry, request: Request, resolver: Resolver, has_runs: bool) -> None:
    """Refuse a reading on which no run of the table depends: it would stand in its title."""
    bearing = {reading.assumption.key for reading in resolver.assumed()}
    about = {a.key for a in entry.assumptions() if not a.path.startswith("statistics.")}
    for key in request.assume:
        if has_runs and key in about - bearing:
            raise UserError(
                f"no run of {entry.id} depends on --assume {key}", f"repro show {entry.id}"
            )


def _check_set(entry: Entry, request: Request, resolver: Resolver) -> None:
    """Refuse a path of --set that no run has, with the nearest one."""
    for path in request.settings:
        if path not in resolver.changed:
            known = {
                name
                for settings in resolver.settled.values()
                for name, _ in leaves({part: settings[part] for part in grounds.PARTS})
            }
            raise unknown(f"path of --set in {entry.id}", path, sorted(known),
                          f"repro show {entry.id}")  # fmt: skip


def _check_request(entry: Entry, request: Request) -> None:
    """Refuse names that the table does not have, with the nearest one that it has."""
    show = f"repro show {entry.id}" + (" --with-rivals" if request.rivals else "")
    keys = {assumption.key: assumption for assumption in entry.assumptions()}
    for key, value in request.assume.items():
        if key not in keys:
            _check_rival(entry, request, f"assumption {key}", key.partition("/")[0])
            raise unknown(f"assumption of {entry.id}", key, keys, show)
        alternative(keys[key], value, show)
    trained = [
        fields
        for row in entry.table.row
        for column in entry.table.column
        if _is_ours(fields := entry.fields(row, column))
    ]
    systems = sorted({str(fields.system) for fields in trained})
    if request.only is not None and request.only not in systems:
        _check_rival(entry, request, request.only, request.only)
        raise unknown(f"trained system in {entry.id}", request.only, systems, show)
    declared = sorted({seed for fields in trained for seed in fields.seeds or ()})
    for seed in request.seeds or ():
        if seed not in declared:
            listed = ", ".join(map(str, declared)) or "none"
            raise UserError(f"unknown seed {seed}: {entry.id} declares {listed}", show)


def _check_rival(entry: Entry, request: Request, asked: str, name: str) -> None:
    """Refuse what a rival of the table has, asked for without rivals: a system, or its file."""
    known = rivals.rivals()
    if not request.rivals and name in {
        x for system in entry.rivals for x in (system, known[system].file.stem)
    }:
        raise UserError(f"{asked} belongs to the rivals of {entry.id}: add --with-rivals",
                        f"repro show {entry.id} --with-rivals")  # fmt: skip


def command_line(plan: TablePlan) -> str:
    """Return the command that makes a table; where it was trained does not matter."""
    return shlex.join(["repro", "table", plan.entry.id, *plan.request.words()])
