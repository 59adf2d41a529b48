"""Where output goes, and the grids that verbs render without training."""

import errno
import os
import stat
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from repro import atomic
from repro.commands.shared import asking, damage
from repro.errors import UserError
from repro.records.ledger import Ledger

if TYPE_CHECKING:
    from repro.places import Home
    from repro.plan.request import Request
    from repro.render.grid import Grid

Command = TypeVar("Command", bound=Callable[..., Any])


def output_option(command: Command) -> Command:
    """Add -o."""
    return click.option(
        "-o", "--output", type=asking.NamedPath(), metavar="FILE", callback=_named,
        help="Write here instead of to standard output (-).",
    )(command)  # fmt: skip


def file_option(metavar: str) -> Callable[[Command], Command]:
    """Add -o for what is written to a file, unless standard output (-) is named."""
    return click.option(
        "-o", "--output", type=asking.NamedPath(), metavar=metavar, required=True,
        callback=_named, help="The file to write (- is standard output).",
    )  # fmt: skip


def _named(_: click.Context, __: click.Parameter, output: Path | None) -> Path | None:
    """Return what -o names; None for standard output."""
    return None if output is not None and atomic.standard_output(output) else output


def check(output: Path) -> None:
    """Refuse an output that cannot be written before hours of training, not after."""
    if atomic.standard_output(output):
        return
    try:
        there = atomic.existing(output)
    except NotADirectoryError:
        there = None  # said below, with the path that is none
    except OSError as error:
        raise _refused(output, error) from None
    if there is not None and stat.S_ISDIR(there.st_mode):
        raise UserError(f"-o {output} is a folder", f"-o {output / 'table.md'}")
    wanted = [output] if there is not None else []
    if there is None or stat.S_ISREG(there.st_mode):
        # What is renamed into place is written beside it.
        folder = Path(os.path.realpath(output)).parent
        near = next(p for p in (folder, *folder.parents) if p.exists())
        if not near.is_dir():
            raise UserError(f"-o {output}: {near} is not a folder", "name a file in a folder")
        wanted.append(near)
    if not all(os.access(path, os.W_OK) for path in wanted):
        raise UserError(f"-o {output} cannot be written: no permission", "name another file")


def write(text: str | bytes, output: Path | None) -> None:
    """Write to standard output, or to a file: whole or not at all."""
    if output is None:
        click.echo(text, nl=False)
        return
    try:
        with atomic.output(output) as stream:
            whole = text.encode(errors="backslashreplace") if isinstance(text, str) else text
            stream.write(whole)
    except OSError as error:
        if error.errno == errno.EPIPE:
            raise
        raise _refused(output, error) from None
    click.echo(f"wrote {output}", err=True)


def _refused(output: Path, error: OSError) -> UserError:
    return UserError(f"-o {output} cannot be written: {error.strerror}", "name another file")


def grids(targets: Iterable[str], request: "Request", home: "Home") -> list["Grid"]:
    """Plan the tables of names and fill them from the ledger; trains nothing."""
    from repro.commands.shared import several
    from repro.plan.planning import command_line
    from repro.render import grid

    ledger = Ledger.of(home)
    plans = several.plans(targets, request, home)
    made = [grid.build(plan, ledger, command_line(plan), home.data) for plan in plans]
    damage.tell(ledger)
    return made
