"""Where output goes, and the grids that verbs render without training."""

import os
import shlex
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from repro.errors import UserError

if TYPE_CHECKING:
    from repro.catalogue import Entry
    from repro.places import Home
    from repro.plan import Request, TablePlan
    from repro.render.grid import Grid

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
    from repro.data import atomic

    try:
        atomic.write(output, text.encode())
    except OSError as error:
        raise UserError(
            f"-o {output} cannot be written: {error.strerror}", "name another file"
        ) from None
    click.echo(f"wrote {output}", err=True)


def grids(entries: Iterable["Entry"], request: "Request", home: "Home") -> list["Grid"]:
    """Plan tables and fill them from the ledger; trains nothing."""
    from repro.commands import _options
    from repro.plan import plan_table
    from repro.render import grid

    ledger = _options.ledger(home)
    plans = [plan_table(entry, request, home) for entry in entries]
    return [grid.build(plan, ledger, command_line(plan), home.data) for plan in plans]


def command_line(plan: "TablePlan") -> str:
    """Return the command that makes a table; where it was trained does not matter."""
    return shlex.join(["repro", "table", plan.entry.id, *request_words(plan.request)])


def request_words(request: "Request") -> list[str]:
    """Return the options that ask for what a request asks for."""
    words = ["--profile", request.profile, "--data", request.audio]
    words += ["--on", request.on] if request.on else []
    words += ["--protocol", request.protocol] if request.protocol else []
    words += ["--subset"] if request.subset else []
    if request.seeds is not None:
        words += ["--seeds", ",".join(map(str, request.seeds))]
    words += ["--only", request.only] if request.only else []
    for key, value in request.assume.items():
        words += ["--assume", f"{key}={value}"]
    words += ["--micro-batch", str(request.micro_batch)] if request.micro_batch else []
    words += ["--execution", request.execution] if request.execution else []
    return words
