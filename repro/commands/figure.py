"""One figure of a table: forest plot, folds, learning curves, ladder, confusion, components."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from repro import places
from repro.commands.shared import asking, several, writing
from repro.errors import UserError
from repro.plan.planning import TablePlan, command_line
from repro.records.ledger import Ledger

if TYPE_CHECKING:
    from repro.render.figures.canvas import Picture

_NEEDS = {  # by kind: why a table has no such figure
    "forest": "no cell prints a number that is trained",
    "folds": "no complete runs",
    "curves": "no runs",
    "ladder": "no two choices have runs",
    "confusion": "no runs whose clips have one class each",
    "components": "no cell has runs of several seeds or folds",
}


@click.command()
@click.argument("targets", metavar="ID|PAPER|all", nargs=-1, required=True)
@click.option("--kind", type=click.Choice(list(_NEEDS)), required=True, help="Which figure.")
@click.option("--ladder", "axis", metavar="protocol|KEY", default="protocol", show_default=True,
              help="Of a ladder: whose choices stand side by side.")  # fmt: skip
@asking.request_options
@asking.home_option
@click.option("--format", "fmt", type=click.Choice(["svg", "pdf", "png"]),
              help="Format, where the ending of the file does not say it (in a folder: svg).",
              )  # fmt: skip
@writing.file_option("FILE.svg|pdf|png")
def command(
    targets: tuple[str, ...],
    kind: str,
    axis: str,
    home: str | None,
    fmt: str | None,
    output: Path | None,
    **asked: Any,
) -> None:
    """Draw one figure of a table, as SVG, PDF or PNG. Trains nothing.

    Of several tables -o is a folder: each table that has such a figure is a file in it.

    \b
    Examples:
      repro figure asmrh-speechcommands --kind forest -o forest.pdf
      repro figure asmrh-urbansound8k --kind ladder -o ladder.svg
      repro figure m3net-urbansound8k --kind components -o components.svg
      repro figure asmrh-speechcommands --profile demo --kind curves -o curves.pdf
      repro figure all --kind forest --format pdf -o figures

    forest: ours against the printed values, with the margin that counts as equal. folds: every
    value behind a mean. curves: loss and validation metric by epoch. ladder: what the choice of a
    protocol or of an assumption is worth. confusion: which class is taken for which. components:
    what training again, another split and other test clips move.
    """
    request, where = asking.request(**asked), places.home(home)
    entries = several.entries(targets, request)
    if kind in ("ladder", "components"):
        from repro.verdict import ladder

        ladder.check(entries, request, axis if kind == "ladder" else "protocol", f"--kind {kind}")
    alone = len(entries) == 1
    chosen = fmt or (_format(output) if alone else "svg")
    files = {}
    for entry in entries:
        files[entry.id] = output if alone else _in_folder(output, f"{entry.id}-{kind}.{chosen}")
        if (file := files[entry.id]) is not None:
            writing.check(file)
    from repro.render.figures import canvas

    ledger = Ledger.of(where)
    drawn = 0
    for plan in several.planned(entries, request, where):
        found = _picture(plan, kind, axis, ledger)
        if isinstance(found, UserError):
            if alone:
                raise found
            click.echo(f"{plan.entry.id}: no {kind} ({_NEEDS[kind]})", err=True)
            continue
        picture, marks = found
        writing.write(canvas.drawn(picture, chosen, marks), files[plan.entry.id])
        drawn += 1
    if not drawn:
        raise UserError(f"no table has anything to show as {kind} ({_NEEDS[kind]})", "repro plan")


def _picture(
    plan: TablePlan, kind: str, axis: str, ledger: Ledger
) -> "tuple[Picture, tuple[str, ...]] | UserError":
    """Return the figure of a table with what must stand beside it, or why it has none."""
    from repro.render import grid
    from repro.render.figures import kinds
    from repro.render.figures.kinds import Beside
    from repro.verdict import components, ladder

    entry, request, home = plan.entry, plan.request, plan.home
    also = Beside()
    try:
        if kind == "ladder":
            also = Beside(ladder=ladder.ladder(entry, request, home, ledger, axis))
        if kind == "components":
            also = Beside(components=components.components(entry, request, home, ledger))
    except UserError as error:
        return error
    filled = grid.build(plan, ledger, command_line(plan), home.data)
    beside = (*filled.marks, filled.judgement.table.coverage)
    if also.ladder:
        beside = (*also.ladder.marks, *also.ladder.done)
    if also.components:
        beside = also.components.marks
    for picture in kinds.of_grid(filled, also, entry.id):
        if picture.kind == kind:
            return picture, beside
    return UserError(
        f"{filled.title}: nothing to show as {kind} ({_NEEDS[kind]})",
        f"{command_line(plan)} --dry-run",
    )


def _in_folder(output: Path | None, name: str) -> Path:
    """Return the file of one of several tables."""
    if output is None or (output.exists() and not output.is_dir()):
        raise UserError(f"-o {output or '-'}: several tables need a folder", "-o FOLDER")
    return output / name


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
