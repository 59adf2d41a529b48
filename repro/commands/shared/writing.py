"""Where output goes, and the grids that verbs render without training."""

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from repro.errors import UserError
from repro.records.ledger import Ledger

if TYPE_CHECKING:
    from repro.places import Home
    from repro.plan.request import Request
    from repro.render.grid import Grid
    from repro.spec.entry import Entry

Command = TypeVar("Command", bound=Callable[..., Any])


def output_option(command: Command) -> Command:
    """Add -o."""
    return click.option(
        "-o", "--output", type=click.Path(path_type=Path), metavar="FILE",
        help="Write here instead of to standard output.",
    )(command)  # fmt: skip


def check(output: Path) -> None:
    """Refuse an output that cannot be written before hours of training, not after."""
    if output.is_dir():
        raise UserError(f"-o {output} is a folder", f"-o {output / 'table.md'}")
    folder = output.absolute().parent
    existing = next(p for p in (folder, *folder.parents) if p.exists())
    if not existing.is_dir():
        raise UserError(f"-o {output}: {existing} is not a folder", "name a file in a folder")
    if not os.access(existing, os.W_OK) or (output.exists() and not os.access(output, os.W_OK)):
        raise UserError(f"-o {output} cannot be written: no permission", "name another file")


def write(text: str, output: Path | None) -> None:
    """Write to a file, whole or not at all, or to standard output."""
    if output is None:
        click.echo(text, nl=False)
        return
    from repro import atomic

    try:
        atomic.write(output, text.encode())
    except OSError as error:
        raise UserError(
            f"-o {output} cannot be written: {error.strerror}", "name another file"
        ) from None
    click.echo(f"wrote {output}", err=True)


def grids(entries: Iterable["Entry"], request: "Request", home: "Home") -> list["Grid"]:
    """Plan tables and fill them from the ledger; trains nothing."""
    from repro.plan.planning import command_line, plan_table
    from repro.render import grid

    ledger = Ledger.of(home)
    plans = [plan_table(entry, request, home) for entry in entries]
    return [grid.build(plan, ledger, command_line(plan), home.data) for plan in plans]
