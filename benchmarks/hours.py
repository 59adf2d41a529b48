"""Write into every table how long all its runs take on one GPU of the class of an H200.

    python benchmarks/hours.py

From runs recorded on a GPU in `results/`, else from the measured operations at the rate that
`repro.plan.cost` assumes. Parents count with each table. A table with a run of unknown cost gets no
hours, one without runs gets 0.
"""

import re
from pathlib import Path

from repro import places
from repro.plan import cost
from repro.plan.planning import plan_table
from repro.plan.request import Request
from repro.records.ledger import Ledger
from repro.spec import catalogue
from repro.spec.entry import Entry

NOWHERE = places.home("/nonexistent")  # the estimate must not depend on what data lies here


def hours(entry: Entry) -> float | None:
    """Return the hours of a table's runs, to two digits."""
    plan = plan_table(entry, Request(), NOWHERE)
    runs = [*plan.parents, *plan.runs]
    ledger = Ledger([places.shipped("results")])
    seconds = [s for s, _ in cost.expected(runs, ledger, "cuda").values()]
    if None in seconds:
        return None
    return float(f"{sum(seconds) / 3600:.2g}")


def write(path: Path, found: float | None) -> None:
    """Put the hours after the title, in place of what stood there."""
    text = re.sub(r"^hours = .*\n", "", path.read_text(), flags=re.MULTILINE)
    if found is not None:
        line = rf"\1hours = {found:g}\n"
        text = re.sub(r"^(title = .*\n)", line, text, count=1, flags=re.MULTILINE)
    path.write_text(text)


if __name__ == "__main__":
    for entry in catalogue.load_all():
        found = hours(entry)
        write(entry.path, found)
        print(f"{entry.id:<28} {'unknown' if found is None else f'{found:g} h'}")
