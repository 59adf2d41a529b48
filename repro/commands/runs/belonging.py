"""Which records belong to tables, whatever they were asked with: `repro runs export --table`."""

from collections.abc import Sequence

from repro.places import Home
from repro.plan.asking import Asked, Tables
from repro.plan.planning import plan_table
from repro.plan.request import Request, Run
from repro.records.ledger import Ledger
from repro.records.record import Measurement, Record, Training
from repro.spec.entry import Entry
from repro.verdict import reduction


def to_tables(entries: Sequence[Entry], kept: Ledger, home: Home) -> list[Record]:
    """Return the records of tables' runs, of what those start from, and of their networks.

    Failed ones too. A network's: what the tables' own cells measure, and what was measured of a
    system on the data that it was trained on.
    """
    every = list(kept.all())
    trained = [record for record in every if isinstance(record, Training)]
    asked = {record.run for entry in entries for record in _asked(entry, trained, home)}
    runs = _with_parents(asked, trained)
    networks = {(r.system, r.dataset) for r in trained if r.run in runs}
    plans = [plan_table(entry, Request(), home) for entry in entries]
    cells = {name for plan in plans for name in reduction.measurements(plan, kept)}

    def measured(record: Measurement) -> bool:
        return record.run in cells or any((s, record.dataset) in networks for s in record.systems)

    return [r for r in every if (r.run in runs if isinstance(r, Training) else measured(r))]


def _asked(entry: Entry, trained: Sequence[Training], home: Home) -> list[Training]:
    """Return the trainings that a table has asked for, or would ask for by some of its options."""
    tables = Tables(home, [entry])
    return [
        record
        for record in trained
        if record.asked.split()[:3] == ["repro", "table", entry.id]
        or isinstance(tables.asking(Run.of_record(record)), Asked)
    ]


def _with_parents(runs: set[str], trained: Sequence[Training]) -> set[str]:
    """Return runs, and those that they start from or learn from, whoever asked for them."""
    behind = {record.run: Run.of_record(record).parents for record in trained}
    found, new = set(runs), set(runs)
    while new:
        new = {parent for run in new for parent in behind.get(run, ())} - found
        found |= new
    return found
