"""Write into every table how long all its runs take on one GPU of the class of an H200.

And what the largest training step of its own systems needs of a card, in GB (`card_gb`).

    python benchmarks/hours.py                      into the tables
    python benchmarks/hours.py --into docs/whole.md   what makes each table whole, as a page

From runs recorded on a GPU in `results/`, else from the measured operations and bytes at the rates
of an H200's data sheet (`repro.plan.rates`). Parents count with each table. A table with a run of
unknown cost gets no hours, one without runs gets 0. The rivals of a table are counted apart, in
`rival_hours`.
"""

import argparse
import os
import re
from pathlib import Path

from repro import places
from repro.data import registry
from repro.plan import cost, memory, rates
from repro.plan.planning import plan_table
from repro.plan.request import Request, Run
from repro.records.ledger import Ledger
from repro.spec import catalogue
from repro.spec.entry import Entry

BEGIN, END = "<!-- counted: begin -->", "<!-- counted: end -->"
NOWHERE = places.home("/nonexistent")  # the estimate must not depend on what data lies here


def hours(entry: Entry) -> float | None:
    """Return the hours of a table's runs, to two digits."""
    return _hours([*(plan := plan_table(entry, Request(), NOWHERE)).parents, *plan.runs])


def rival_hours(entry: Entry) -> float | None:
    """Return the hours of what its rivals add to them; None where none, or not known."""
    if not any(row.rival for row in entry.table.row):
        return None
    return _hours(_added(entry))


def card_gb(entry: Entry) -> float | None:
    """Return what a training step needs of a card, in GB; None where a system is not counted."""
    plan = plan_table(entry, Request(), NOWHERE)
    needs = [memory.need(run.resolved, {}) for run in (*plan.parents, *plan.runs)]
    known = [need.plain + need.kept for need in needs if need]
    return float(f"{max(known) / 1e9:.2g}") if known and len(known) == len(needs) else None


def _added(entry: Entry) -> list[Run]:
    """Return the runs that a table's rivals add to its own."""
    own, plan = (plan_table(entry, Request(rivals=asked), NOWHERE) for asked in (False, True))
    known = {run.id for run in (*own.parents, *own.runs)}
    return [run for run in (*plan.parents, *plan.runs) if run.id not in known]


def _weights(runs: list[Run]) -> set[str]:
    starts = [start for run in runs for start in run.resolved["init"]]
    return {start["name"] for start in starts if start["kind"] == "weights"}


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


def page(entries: list[Entry]) -> str:
    """Return what makes each table whole, as Markdown."""
    head = "| table | data | weights | runs | hours | of rivals | their weights |"
    lines = [head, "|---" * 7 + "|"]
    used: set[str] = set()
    for entry in entries:
        plan = plan_table(entry, Request(), NOWHERE)
        if not plan.runs:
            continue
        runs = [*plan.parents, *plan.runs]
        data = {run.resolved["dataset"] for run in runs}
        used |= data
        names = (", ".join(sorted(of)) for of in (data, _weights(runs)))
        time = "?" if entry.table.hours is None else f"{entry.table.hours:g}"
        quoted = any(row.rival for row in entry.table.row)
        unknown = "?" if quoted else ""
        more = unknown if entry.table.rival_hours is None else f"{entry.table.rival_hours:g}"
        theirs = ", ".join(sorted(_weights(_added(entry))))
        cells = (f"`{entry.id}`", *names, f"{len(runs):,}", time, more, theirs)
        lines.append(f"| {' | '.join(cells)} |")
    lines += ["", "| data | clips | licence | from |", "|---|---|---|---|"]
    for name in sorted(used):
        card = registry.card(name, NOWHERE.data)
        clips = "" if card.clips is None else f"{card.clips:,}"
        lines.append(f"| {name} | {clips} | {card.licence} | {card.source} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--into", type=Path, help="a page whose tables are written anew")
    into = parser.parse_args().into
    os.environ[rates.CARD] = rates.UNNAMED  # whatever card is here
    entries = catalogue.load_all()
    if into is not None:
        text = into.read_text(encoding="utf-8")
        head, rest = text.split(BEGIN)
        into.write_text(f"{head}{BEGIN}\n\n{page(entries)}\n\n{END}{rest.split(END)[1]}", "utf-8")
        return
    for entry in entries:
        found, more = hours(entry), rival_hours(entry)
        write(entry.path, hours=found, rival_hours=more, card_gb=card_gb(entry))
        told = "unknown" if found is None else f"{found:g} h"
        print(f"{entry.id:<28} {told}" + (f", rivals {more:g} h" if more is not None else ""))


if __name__ == "__main__":
    main()
