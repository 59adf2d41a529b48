"""What `all`, and `table` with several tables, do: plan and ask once, then a line for each."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from repro.commands.shared import damage, fetching, forms, making, planned, screen, several, writing
from repro.commands.shared.making import How
from repro.commands.shared.planned import Planned
from repro.errors import UserError
from repro.plan import cost
from repro.records.ledger import Ledger
from repro.spec.entry import Entry

if TYPE_CHECKING:
    from repro.render.grid import Grid


def make(entries: Sequence[Entry], how: How, output: Path | None) -> int:
    """Train tables, the cheapest first; render those that are complete, or all into a folder.

    Returns the worst of their exit codes.
    """
    if output is not None:
        if output.exists() and not output.is_dir():
            raise UserError(f"-o {output} is a file; several tables need a folder", "-o FOLDER")
        for entry in entries:
            writing.check(_target(entry, how, output))
    ledger = Ledger.of(how.home)
    tables = _planned(entries, how, ledger)
    if how.dry_run or not how.render_only:
        _tell(tables, how, ledger)
        if how.dry_run:
            return max(making.code(one.plan, ledger, failed=False) for one in tables)
        if how.offer.take(dict.fromkeys(n for one in tables for n in fetching.lacking(one.plan))):
            tables = _planned(entries, how, ledger)
            _tell(tables, how, ledger)
        ready = {run.id: run for one in tables for run in one.ready}
        estimate = cost.estimate(list(ready.values()), ledger, how.devices[0])
        if not ((ready or any(one.bare for one in tables)) and making.agreed(estimate, how)):
            tables = [_nothing_to_train(one) for one in tables]
    codes, kept = [], []
    for number, one in enumerate(tables, 1):
        code, grid = _one(one, how, ledger, f"[{number:>{len(str(len(tables)))}}/{len(tables)}]")
        codes.append(code)
        if grid is None or not (output is not None or _shown(grid, code, how)):
            continue
        if output is not None:
            forms.put([grid], how.form, _target(one.plan.entry, how, output))
        elif how.form.fmt in ("csv", "json"):
            kept.append(grid)  # one list of all of them
        else:
            forms.put([grid], how.form, None)
            click.echo()
    if how.form.fmt in ("csv", "json") and output is None:
        forms.put(kept, how.form, None, listed=True)
    damage.tell(ledger)
    return max(codes, default=0)


def _shown(grid: "Grid", code: int, how: How) -> bool:
    """Tell whether a table is worth a page: it is complete, and something of it is ours."""
    whole = code == making.COMPLETE and any(cell.is_ours for cell in grid.cells.values())
    return whole or how.form.view == "printed"


def _target(entry: Entry, how: How, folder: Path) -> Path:
    return folder / f"{entry.id}.{forms.SUFFIX[how.form.fmt]}"


def _planned(entries: Sequence[Entry], how: How, ledger: Ledger) -> list[Planned]:
    """Plan tables, the cheapest first."""
    plans = several.planned(entries, how.request, how.home)
    found = [Planned.of(plan, ledger, how.devices[0], how.keep_weights) for plan in plans]
    return sorted(found, key=lambda one: one.estimate.seconds or 0.0)


def _tell(tables: Sequence[Planned], how: How, ledger: Ledger) -> None:
    """Say what all tables together need: hours, and what is missing, each licence once."""
    width = max(len(one.id) for one in tables)
    lines = [f"{one.id:<{width}}  {planned.state(one)}" for one in tables] if how.dry_run else []
    lines += planned.total(tables, ledger, how.devices)
    lines += planned.missing(tables)
    lacking = dict.fromkeys(name for one in tables for name in fetching.lacking(one.plan))
    lines += how.offer.lines(lacking)
    screen.say(lines, err=not how.dry_run)


def _nothing_to_train(one: Planned) -> Planned:
    return replace(one, ready=[], bare=())


def _one(one: Planned, how: How, ledger: Ledger, count: str) -> tuple[int, "Grid | None"]:
    """Train one table and say how it ended; return its code, and the table unless Slurm has it.

    Runs that another table has trained meanwhile are done.
    """
    failed = False
    if one.ready or one.bare:
        now = Planned.of(one.plan, ledger, how.devices[0], how.keep_weights)
        failed, here = making.carry_out(now, how) if now.ready or now.bare else (False, True)
        if not here:
            return making.code(one.plan, ledger, failed), None
    code = making.code(one.plan, ledger, failed)
    grid = making.filled(one.plan, ledger, how)
    told = f"{count}  {one.id}"
    if one.plan.runs:
        after = Planned.of(one.plan, ledger, how.devices[0])
        told += f"  {' '.join(planned.state(after).split())}; {grid.judgement.table.word}"
    screen.say([told], err=True)
    return making.COMPLETE if how.form.view == "printed" else code, grid
