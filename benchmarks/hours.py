"""Write into every table how long all its runs take on one GPU of the class of an H200.

    python benchmarks/hours.py

From runs recorded on a GPU in `results/`, else from the measured operations at the rate that
`repro.plan.cost` assumes. Parents count with each table. A table with a run of unknown cost gets no
hours, one without runs gets 0. The rivals of a table are counted apart, in `rival_hours`.
"""

import re
from pathlib import Path

from repro import places
from repro.plan import cost
from repro.plan.planning import plan_table
from repro.plan.request import Request, Run
from repro.records.ledger import Ledger
from repro.spec import catalogue
from repro.spec.entry import Entry

NOWHERE = places.home("/nonexistent")  # the estimate must not depend on what data lies here


def hours(entry: Entry) -> float | None:
    """Return the hours of a table's runs, to two digits."""
    return _hours([*(plan := plan_table(entry, Request(), NOWHERE)).parents, *plan.runs])


def rival_hours(entry: Entry) -> float | None:
    """Return the hours of what its rivals add to them; None where it has no rivals."""
    if not any(row.rival for row in entry.table.row):
        return None
    own = plan_table(entry, Request(), NOWHERE)
    plan = plan_table(entry, Request(rivals=True), NOWHERE)
    known = {run.id for run in (*own.parents, *own.runs)}
    return _hours([run for run in (*plan.parents, *plan.runs) if run.id not in known])


def _hours(runs: list[Run]) -> float | None:
    ledger = Ledger([places.shipped("results")])
    seconds = [s for s, _ in cost.expected(runs, ledger, "cuda").values()]
    if None in seconds:
        return None
    return float(f"{sum(seconds) / 3600:.2g}")


def write(path: Path, **found: float | None) -> None:
    """Put values after the title, in place of what stood there."""
    text = path.read_text()
    for name, value in reversed(found.items()):
        text = re.sub(rf"^{name} = .*\n", "", text, flags=re.MULTILINE)
        if value is not None:
            line = rf"\1{name} = {value:g}\n"
            text = re.sub(r"^(title = .*\n)", line, text, count=1, flags=re.MULTILINE)
    path.write_text(text)


if __name__ == "__main__":
    for entry in catalogue.load_all():
        found, more = hours(entry), rival_hours(entry)
        write(entry.path, hours=found, rival_hours=more)
        told = "unknown" if found is None else f"{found:g} h"
        print(f"{entry.id:<28} {told}" + (f", rivals {more:g} h" if more is not None else ""))
