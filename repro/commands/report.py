"""One HTML file of tables with their evidence, figures, audit and records; needs no network."""

import shlex
from pathlib import Path
from typing import Any

import click

from repro import places
from repro.commands.shared import asking, writing
from repro.errors import unknown
from repro.records.ledger import Ledger
from repro.spec import catalogue
from repro.spec.entry import Entry
from repro.spec.index import paper_ids, table_paths


@click.command()
@click.argument("target", metavar="[ID|PAPER|all]", default="all")
@asking.request_options
@asking.home_option
@writing.file_option("FILE.html")
def command(target: str, home: str | None, output: Path | None, **asked: Any) -> None:
    """Write tables as one HTML file: a cell opens its evidence. Trains nothing.

    The file needs no network, reads without JavaScript and prints. A link to it may name a cell
    (#asmrh-speechcommands/t-acc/ASM-RH) or a run (#run-004fecae9393).

    \b
    Examples:
      repro report -o report.html
      repro report asmrh -o asmrh.html
      repro report m3net-urbansound8k -o table.html
      repro report asmrh-speechcommands --profile demo -o demo.html
    """
    from repro.render.html import gather, page

    if output is not None:
        writing.check(output)
    entries = _entries(target)
    request, where = asking.request(**asked), places.home(home)
    parts = gather.parts(entries, request, where, Ledger.of(where))
    words = request.words() if asked["profile"] != "full" or request.on else []
    line = shlex.join(["repro", "report", target, *words])
    writing.write(page.render(parts, _title(entries, target), line), output)


def _entries(target: str) -> list[Entry]:
    """Return the tables that a word of the command line names."""
    if target == "all":
        return catalogue.load_all()
    if target in paper_ids():
        return catalogue.load_all(target)
    if target not in table_paths():
        raise unknown("table or paper", target, [*table_paths(), *paper_ids(), "all"], "repro list")
    return [catalogue.load(target)]


def _title(entries: list[Entry], target: str) -> str:
    """Return the report's title."""
    if target == "all":
        return "The tables of four papers, reproduced"
    first = entries[0]
    if target == first.paper_id:
        return f"The tables of {first.paper.short}, reproduced"
    return f"Table {first.table.number} of {first.paper.short}, reproduced"
