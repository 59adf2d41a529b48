"""Reduce the records behind a cell: units, their mean and spread, and how many there are."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import Any

from repro import identity
from repro.errors import UserError
from repro.plan.answers import Answers, answers
from repro.plan.planning import PlannedCell, TablePlan
from repro.plan.request import Request, Run
from repro.records.ledger import Ledger
from repro.records.record import Measurement, Training
from repro.spec.entry import Entry
from repro.spec.readings import as_text
from repro.spec.schema import CellFields, Protocol, Scalar, Statistics

Results = Mapping[str, Training | None]  # by run id
Measured = Mapping[str, tuple[Measurement, ...]]  # by the id of what is measured
DEFAULTS: Mapping[str, str] = {}  # no reading is chosen


@dataclass(frozen=True)
class Unit:
    """One seed of a cell: the values of its folds (one for a hold-out) and what they reduce to."""

    seed: int
    folds: tuple[float, ...]
    value: float
    records: tuple[Training, ...]  # one for each fold; of an increment, those of its own row


@dataclass(frozen=True)
class Reduced:
    """What the runs behind a cell say; values in the unit that is printed (per cent)."""

    units: tuple[Unit, ...]  # complete seeds only: every fold of theirs has a value
    mean: float | None
    spread: float | None  # sample standard deviation over units
    n_done: int  # runs with a result
    n_needed: int
    diverged: int
    records: tuple[Training, ...]
    passes: int = 0  # seeds all of whose runs have a result, diverged ones included

    @property
    def complete(self) -> bool:
        """Whether every declared run has a result."""
        return 0 < self.n_needed == self.n_done


def results(plan: TablePlan, ledger: Ledger) -> Results:
    """Return the record that stands for each run of a plan; None where none is there or asked for.

    Runs left out by `--only` and `--seeds` count as not done; on other clips no seed is planned but
    those asked for.
    """
    return standing(plan, answers(plan, ledger))


def standing(plan: TablePlan, found: Answers) -> Results:
    """Return the record that stands for each run of a plan; see `results`."""
    asked = {run.id for run in plan.needed()}
    return {run.id: found.record(run.id) if run.id in asked else None for run in plan.runs}


def reduce(cell: PlannedCell, found: Results) -> Reduced:
    """Reduce the records of a cell's own runs to its number."""
    units = _units(cell.runs, found, str(cell.fields.metric), str(cell.fields.reduce))
    return _reduced(units, cell.runs, found)


def observe(plan: TablePlan, cell: PlannedCell, found: Results) -> Reduced:
    """Reduce a cell to the number that is printed: a value, or an increment over its base."""
    below = base(plan, cell)
    if below is None:
        return reduce(cell, found)
    runs = {run.id: run for run in (*cell.runs, *below.runs)}
    bases = {unit.seed: unit for unit in reduce(below, found).units}
    units = tuple(
        Unit(
            seed=unit.seed,
            folds=tuple(a - b for a, b in zip(unit.folds, other.folds, strict=True)),
            value=unit.value - other.value,
            records=unit.records,
        )
        for unit in reduce(cell, found).units
        if (other := bases.get(unit.seed)) is not None
    )
    return _reduced(units, tuple(runs.values()), found)


def base(plan: TablePlan, cell: PlannedCell) -> PlannedCell | None:
    """Return the cell that a printed increment is added to; None for a cell that is none."""
    if cell.fields.kind != "derived" or cell.fields.derive != "difference":
        return None
    found = _against(plan, cell)
    if statistics(plan).increment == "baseline":
        for _ in plan.cells:  # at most: a table's rows may not run in a circle
            if found.fields.against is None:
                break
            found = _against(plan, found)
    return found


def _against(plan: TablePlan, cell: PlannedCell) -> PlannedCell:
    """Return the cell of the row or column that a cell is compared with."""
    name, row, column = cell.fields.against, cell.row.id, cell.column.id
    for other in plan.cells:
        if (other.row.id, other.column.id) in ((name, column), (row, name)):
            return other
    raise UserError(
        f"{plan.entry.path}: cell {row!r} / {column!r}: 'against' names no row or column: {name!r}"
    )


def statistics(plan: TablePlan) -> Statistics:
    """Return how the table is judged, with the readings chosen by --assume."""
    chosen = _assumed(plan.entry, plan.request.assume, "statistics.")
    return plan.entry.table.statistics.model_copy(update=chosen)


def protocol(plan: TablePlan, cell: PlannedCell) -> Protocol:
    """Return the protocol of a cell's runs, with the reading chosen by --assume."""
    chosen = _assumed(plan.entry, plan.request.assume, "protocol", cell.fields.system)
    return plan.entry.protocol(str(chosen["protocol"]) if chosen else cell.fields.protocol)


def network(
    entry: Entry, system: str, dataset: str, assume: Mapping[str, str] = DEFAULTS
) -> dict[str, Any]:
    """Return what a measurement is about: a system's network on a dataset's classes and length.

    assume: the readings chosen with --assume, of which some change the network.
    """
    system = str(_assumed(entry, assume, "system", system).get("system", system))
    spec = entry.recipes.systems[system]
    version = identity.version_of(f"models/{spec.model}")
    chosen = _assumed(entry, assume, "dataset", system).get("dataset", dataset)

    def read(settings: Mapping[str, Any], path: str) -> dict[str, Any]:
        changes = _assumed(entry, assume, path, system)
        return {name: changes.get(name, value) for name, value in settings.items()}

    return {
        "kind": "measure",
        "model": {"name": spec.model, "args": read(spec.args, "model.args."), "version": version},
        "frontend": read(entry.recipes.frontends[spec.frontend], "frontend.args."),
        "dataset": chosen,
    }


def measure_id(entry: Entry, fields: CellFields, request: Request | None = None) -> str:
    """Return the id of the records that measure a system on a dataset's classes and clip length.

    Their run.json has kind "measure" and `measured`. Of the network, whatever the device:
    `parameters` (count of the whole network), `counts` (other ways to count it), `elsewhere` (its
    count as built for other datasets) and `layers` (values by the path in a cell's metric). Of a
    device: `latency` (by "5s", ...: milliseconds, the median of each process start).
    """
    asked = request or Request()
    resolved = network(entry, str(fields.system), str(fields.dataset), asked.assume)
    return identity.run_id({**resolved, "dataset": asked.on or resolved["dataset"]})


def measurements(plan: TablePlan, ledger: Ledger) -> Measured:
    """Return the records that measure each measured or structural cell's system, by its id."""
    ids = {
        measure_id(plan.entry, cell.fields, plan.request)
        for cell in plan.cells
        if cell.fields.kind in ("measured", "structural")
        and cell.fields.system in plan.entry.recipes.systems
    }
    return {name: tuple(ledger.measurements(name)) for name in sorted(ids)}


def measurement(plan: TablePlan, cell: PlannedCell, measured: Measured) -> Measurement | None:
    """Return the record that holds what a cell measures; None where none does."""
    if cell.fields.system not in plan.entry.recipes.systems:
        return None
    name = measure_id(plan.entry, cell.fields, plan.request)
    return holding(measured.get(name, ()), cell.fields)


def holding(found: Sequence[Measurement], fields: CellFields) -> Measurement | None:
    """Return which of a network's records holds what a cell prints; None where none does.

    Of a time, that of the printed device comes first, then that of another of its kind.
    """
    what, _, length = str(fields.metric).partition(".")
    if what != "latency":
        return next((r for r in found if r.measured.holds(what)), None)
    timed = [r for r in found if length in r.measured.latency]
    printed = fields.device or ""
    timed.sort(key=lambda r: (not same_device(printed, r), not _same_kind(printed, r)))
    return timed[0] if timed else None


def same_device(printed: str, record: Measurement) -> bool:
    """Tell whether a record was made on a device: "V-100" is any whose name has the word V100."""
    name = record.device_name
    return printed == name or printed.replace("-", "") in re.split(r"[^A-Za-z0-9]+", name)


def _same_kind(printed: str, record: Measurement) -> bool:
    on_cpu: bool = record.described["device"] == "cpu"
    return ("CPU" in printed) == on_cpu


def _assumed(
    entry: Entry, assume: Mapping[str, str], path: str, system: str | None = None
) -> dict[str, Scalar | list[Scalar]]:
    """Return the values that --assume puts at a path, or below one that ends in a dot."""
    return {
        assumption.path.removeprefix(path) or path: alternative.value
        for assumption in entry.assumptions()
        if assumption.path.startswith(path)
        and (system is None or not assumption.systems or system in assumption.systems)
        for alternative in assumption.alternatives
        if as_text(alternative.value) == assume.get(assumption.key)
    }


def _reduced(units: tuple[Unit, ...], runs: Sequence[Run], found: Results) -> Reduced:
    done = [record for run in runs if (record := found[run.id]) is not None]
    values = [unit.value for unit in units]
    passes: dict[int, bool] = {}
    for run in runs:
        passes[run.seed] = passes.get(run.seed, True) and found[run.id] is not None
    return Reduced(
        units=units,
        mean=fmean(values) if values else None,
        spread=stdev(values) if len(values) > 1 else None,
        n_done=len(done),
        n_needed=len(runs),
        diverged=sum(record.status == "diverged" for record in done),
        records=tuple(done),
        passes=sum(passes.values()),
    )


def _units(runs: Sequence[Run], found: Results, metric: str, how: str) -> tuple[Unit, ...]:
    """Return the seeds all of whose folds have a value, in order."""
    by_seed: dict[int, list[Training | None]] = {}
    for run in runs:
        by_seed.setdefault(run.seed, []).append(found[run.id])
    units = []
    for seed, folds in sorted(by_seed.items()):
        records = [record for record in folds if record is not None]
        values = [v for record in records if (v := value_of(record, metric)) is not None]
        if len(values) == len(folds):
            reduced = max(values) if how == "best" else fmean(values)
            units.append(Unit(seed, tuple(values), reduced, tuple(records)))
    return tuple(units)


def value_of(record: Training, path: str) -> float | None:
    """Return a metric of a record in per cent; None where there is none (diverged)."""
    part, _, name = path.partition(".")
    value = getattr(record.part(part), name)
    return None if value is None else 100 * float(value)
