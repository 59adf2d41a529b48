"""Every cell of tables as one long table, for scripts."""

from pathlib import Path
from typing import Any

import click

from repro import places
from repro.commands.shared import asking, writing


@click.command()
@click.argument("targets", metavar="ID|PAPER|all", nargs=-1, required=True)
@asking.request_options
@asking.home_option
@click.option("--format", "fmt", type=click.Choice(["csv", "json"]), default="csv",
              show_default=True, help="One line for each cell, or a list.")  # fmt: skip
@writing.output_option
def command(
    targets: tuple[str, ...],
    home: str | None,
    fmt: str,
    output: Path | None,
    **asked: Any,
) -> None:
    """Print one row per cell: printed, ours, spread, coverage, verdict, runs; trains nothing.

    \b
    Examples:
      repro cells all > cells.csv
      repro cells asmrh-speechcommands asmrh-urbansound8k --format json
      repro cells asmrh-speechcommands --profile demo
    """
    from repro.render import records

    if output is not None:
        writing.check(output)
    grids = writing.grids(targets, asking.request(**asked), places.home(home))
    text = records.as_csv(grids) if fmt == "csv" else records.cells_json(grids)
    writing.write(text, output)
