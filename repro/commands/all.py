"""Reproduce every table, the cheapest first."""

from pathlib import Path
from typing import Any

import click

from repro import places
from repro.commands.shared import asking, cluster, making, many, several
from repro.spec import catalogue


@click.command()
@click.option("--paper", metavar="PAPER", help="Only this paper: asmrh, m3net, gafx, eat.")
@click.option("--core", is_flag=True, help="Only the tables that one GPU trains in a night.")
@asking.request_options
@asking.device_options
@cluster.options
@making.output_options
@asking.home_option
def command(
    paper: str | None, core: bool, home: str | None, output: Path | None, **asked: Any
) -> None:
    """Reproduce every table, the cheapest first, with one line of status for each.

    Asks once, for the hours of all. A table is printed as soon as it is complete; with -o DIR each
    goes to DIR/ID.FORMAT, complete or not. `repro table PAPER` does the same for a paper.

    \b
    Examples:
      repro all --gpu 0
      repro all --core --gpu 0
      repro all --paper asmrh --profile demo -o tables-demo
      repro all --slurm --slurm-option partition=gpu --yes
      repro all --dry-run
    """
    how = making.How.of(asked, places.home(home), output)
    entries = [entry for entry in catalogue.load_all(paper) if entry.table.core or not core]
    entries = several.that_know(entries, how.request)
    click.get_current_context().exit(many.make(entries, how, output))
