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
from repro.data import clips, registry
from repro.data.cards import Card
from repro.plan import cost, memory, rates
from repro.plan.planning import plan_table
from repro.plan.request import Request, Run
from repro.records.ledger import Ledger
from repro.spec import catalogue
from repro.spec.entry import Entry
from repro.weights import store

BEGIN, END = "<!-- counted: begin -->", "<!-- counted: end -->"
_CARDS = [f"{size} GB" for size in memory.SIZES]
_COST = ("hours", "needs, GB", *_CARDS)
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
    own, more = _grid("table", "runs", *_COST, "data", "weights"), _grid("table", *_COST, "weights")
    data: set[str] = set()
    weights: set[str] = set()
    for entry in entries:
        plan = plan_table(entry, Request(), NOWHERE)
        runs, rivals = [*plan.parents, *plan.runs], _added(entry)
        if not plan.runs:
            continue
        used = {name for run in runs for name in clips.dataset_names(run.clips, NOWHERE.data)}
        cost = _cost(runs, entry.table.hours)
        own.append([f"`{entry.id}`", f"{len(runs):,}", *cost, _names(used), _names(_weights(runs))])
        if rivals:
            cost = _cost(rivals, entry.table.rival_hours)
            more.append([f"`{entry.id}`", *cost, _names(_weights(rivals))])
        data |= used
        weights |= _weights([*runs, *rivals])
    parts = [own, ["What `--with-rivals` adds:"], more, ["Data:"], _data(sorted(data)),
             ["Weights that runs start from:"], _published(sorted(weights))]  # fmt: skip
    return "\n\n".join("\n".join(_line(row) for row in part) for part in parts)


def _grid(*head: str) -> list[str | list[str]]:
    """Return the first two rows of a table; numbers stand to the right, marks in the middle."""
    of = {**dict.fromkeys(("runs", "clips", *_COST), "--:"), **dict.fromkeys(_CARDS, ":-:")}
    return [list(head), [of.get(name, "---") for name in head]]


def _line(row: str | list[str]) -> str:
    """Write a row of a table, or a line of text as it is."""
    return row if isinstance(row, str) else f"| {' | '.join(row)} |"


def _names(of: set[str]) -> str:
    """Write names in their order."""
    return ", ".join(sorted(of))


def _cost(runs: list[Run], hours: float | None) -> list[str]:
    """Return hours, what the largest step needs of a card, and the option on each class of card."""
    needs = [memory.need(run.resolved, {}) for run in runs]
    known = [need for need in needs if need]
    marks = ["?" if hours is None else f"{hours:g}"]
    if len(known) < len(needs):
        return [*marks, "?", *("?" for _ in memory.SIZES)]
    most = max(need.plain + need.kept for need in known) / 1e9
    return [*marks, f"{most:.2g}", *(_way(known, 1e9 * size) for size in memory.SIZES)]


def _way(needs: list[memory.Need], size: float) -> str:
    """Return a mark for the option with which every run fits a card of so many bytes."""
    ways = {need.way(size) for need in needs}
    parts = [int(way.split()[1]) for way in ways if way.startswith("--micro-batch")]
    if "too large" in ways:
        return "no"
    return f"M{min(parts)}" if parts else "C" if any(ways) else "yes"


def _data(names: list[str]) -> list[str | list[str]]:
    """Return a table of datasets: how each is had, its clips, licence and source."""
    rows = _grid("data", "how", "clips", "licence", "from")
    for name in names:
        card = registry.card(name, NOWHERE.data)
        count = "" if card.clips is None else f"{card.clips:,}"
        rows.append([name, _how(name, card), count, card.licence, card.source])
    return rows


def _how(name: str, card: Card) -> str:
    """Return the option or the commands that bring a dataset."""
    if card.copies and not card.by_hand:
        return "`--fetch`"
    add = f"`repro data add {name} DIR`"
    if card.copies:
        return f"`repro data fetch {name} --source {next(iter(card.copies))}`"
    return f"`repro data manifest {name} --rebuild DIR`, {add}" if card.own_list else add


def _published(names: list[str]) -> list[str | list[str]]:
    """Return a table of weights: how each file is had, and its licence."""
    rows = _grid("weights", "how", "licence")
    for name in names:
        command, _, page = store.next_step(name).partition("; ")
        how = f"`{command}`" + (f" {page}" if page else "")
        rows.append([name, how, store.card(name).licence])
    return rows


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
