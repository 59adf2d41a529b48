"""One figure of a table: forest plot, folds, learning curves, ladder, confusion matrix."""

from pathlib import Path
from typing import Any

import click

from repro import places
from repro.commands.shared import asking, writing
from repro.errors import UserError
from repro.records.ledger import Ledger
from repro.spec import catalogue

_NEEDS = {  # by kind: why a table has no such figure
    "forest": "no cell prints a number that is trained",
    "folds": "no complete runs",
    "curves": "no runs",
    "ladder": "no two choices have runs",
    "confusion": "no runs whose clips have one class each",
}


@click.command()
@click.argument("table_id", metavar="ID")
@click.option("--kind", type=click.Choice(list(_NEEDS)), required=True, help="Which figure.")
@click.option("--ladder", "axis", metavar="protocol|KEY", default="protocol", show_default=True,
              help="Of a ladder: whose choices stand side by side.")  # fmt: skip
@asking.request_options
@asking.home_option
@click.option("--format", "fmt", type=click.Choice(["svg", "pdf", "png"]),
              help="Format, where the ending of the file does not say it.")  # fmt: skip
@writing.file_option("FILE.svg|pdf|png")
def command(
    table_id: str,
    kind: str,
    axis: str,
    home: str | None,
    fmt: str | None,
    output: Path | None,
    **asked: Any,
) -> None:
    """Draw one figure of a table, as SVG, PDF or PNG. Trains nothing.

    \b
    Examples:
      repro figure asmrh-speechcommands --kind forest -o forest.pdf
      repro figure m3net-urbansound8k --on esc10 --kind ladder -o ladder.svg
      repro figure m3net-urbansound8k --on esc10 --kind confusion -o confusion.png
      repro figure asmrh-speechcommands --profile demo --kind curves -o curves.pdf

    forest: ours against the printed values, with the margin that counts as equal. folds: every
    value behind a mean. curves: loss and validation metric by epoch. ladder: what the choice of a
    protocol or of an assumption is worth. confusion: which class is taken for which.
    """
    chosen = fmt or _format(output)
    if output is not None:
        writing.check(output)
    from repro.plan.planning import command_line, plan_table
    from repro.render import grid
    from repro.render.figures import canvas, kinds
    from repro.verdict import ladder

    entry, request, where = catalogue.load(table_id), asking.request(**asked), places.home(home)
    ledger = Ledger.of(where)
    plan = plan_table(entry, request, where)
    filled = grid.build(plan, ledger, command_line(plan), where.data)
    climbed = ladder.ladder(entry, request, where, ledger, axis) if kind == "ladder" else None
    found = [p for p in kinds.of_grid(filled, climbed, entry.id) if p.kind == kind]
    if not found:
        raise UserError(
            f"{filled.title}: nothing to show as {kind} ({_NEEDS[kind]})",
            f"{command_line(plan)} --dry-run says which runs are missing",
        )
    writing.write(canvas.drawn(found[0], chosen), output)


def _format(output: Path | None) -> str:
    """Return the format that a file's ending says."""
    if output is None:
        raise UserError("-o - has no ending that says the format", "--format svg")
    found = output.suffix.lower().removeprefix(".")
    if found not in ("svg", "pdf", "png"):
        raise UserError(
            f"-o {output}: the ending says the format: .svg, .pdf or .png",
            f"-o {output.with_suffix('.svg')}",
        )
    return found
