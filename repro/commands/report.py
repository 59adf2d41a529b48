"""One HTML file of tables with their evidence, figures, audit and records; needs no network."""

import shlex
from pathlib import Path
from typing import Any

import click

from repro import places
from repro.commands.shared import asking, several, writing
from repro.records.ledger import Ledger
from repro.spec import catalogue


@click.command()
@click.argument("targets", metavar="[ID|PAPER|all]...", nargs=-1)
@asking.request_options
@asking.home_option
@writing.file_option("FILE.html")
def command(targets: tuple[str, ...], home: str | None, output: Path | None, **asked: Any) -> None:
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
    from repro.plan.request import Request
    from repro.render.html import gather, page

    if output is not None:
        writing.check(output)
    request, where = asking.request(**asked), places.home(home)
    plans = several.plans(targets or ["all"], request, where)
    parts = gather.parts(plans, where, Ledger.of(where))
    words = [] if request == Request() else request.words()
    line = shlex.join(["repro", "report", *(targets or ["all"]), *words])
    title = catalogue.covered([plan.entry for plan in plans])
    writing.write(page.render(parts, title, line), output)
