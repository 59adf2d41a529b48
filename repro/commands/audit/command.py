"""Audit printed numbers, ours or yours: what they allow, from arithmetic alone."""

from pathlib import Path
from typing import Any

import click

from repro import places
from repro.commands.audit import numbers
from repro.commands.shared import asking, damage, screen
from repro.errors import UserError
from repro.records.ledger import Ledger

_NUMBERS: dict[str, Any] = {"ignore_unknown_options": True}  # so that -3 reaches our own check
_TABLES = "tables"


class Forms(click.Group):
    """Audit tables, unless the first word names one of the verbs for single numbers."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put the hidden verb in front where a table, a paper, a file or nothing is named."""
        if not args or args[0] not in (*self.commands, "-h", "--help"):
            args = [_TABLES, *args]
        return super().parse_args(ctx, args)


@click.group(cls=Forms, subcommand_metavar="[ID|PAPER|all|FILE] | accuracy | p | sizes")
def command() -> None:
    """Audit printed numbers: what they allow, from arithmetic alone.

    Without a word in front, audits tables: one, those of a paper, all of them, or your own table
    file (paper.toml beside it names the paper). Nothing is trained.

    \b
    Examples:
      repro audit all                              a report that can be attached to a review
      repro audit asmrh --format latex
      repro audit asmrh --format inspect-sr        the checks as a form of INSPECT-SR
      repro audit gafx-augmentation --format json
      repro audit path/to/table.toml               your own table
      repro audit eat-esc50 --against folds.csv    beside results that were deposited
      repro audit accuracy 75.4 --n 144            is it a share of 144?
      repro audit accuracy "47.10 ± 1.50" --n 200 --runs 5
      repro audit p 2.2e-1 --n 10                  a signed-rank p of 10 pairs?
      repro audit sizes 88.52 92.30 96.49 --runs 3 --max 1000

    \b
    A table file of your own needs number, order, printed_in, title, caption, [statistics],
    [[column]] and [[row]]; [[scored]] says what accuracies are shares of, [[tested]] how p-values
    came about, [[arithmetic]] what the text says of them. The files in tables/ are worked examples.

    \b
    --against reads a CSV with a column accuracy (or acc, value), one for the fold or run, any that
    name system and data set, and n and correct if known; numbers alone, one a line; or JSON: such
    rows, lists of numbers by name, confusion matrices by name. The name has to hold the words of
    the row that it belongs to; --cell says which cell otherwise.
    """


@command.command(_TABLES, hidden=True)
@click.argument("target", default="all", metavar="[ID|PAPER|all|FILE]")
@click.option(
    "--format", "fmt", type=click.Choice(["md", "latex", "json", "inspect-sr"]), default="md"
)
@click.option(
    "--against",
    type=asking.NamedPath(),
    metavar="FILE.csv|json",
    help="Deposited results to compare printed accuracies with.",
)
@click.option(
    "--cell", default="", metavar="TABLE/ROW/COLUMN", help="The cell that they belong to."
)
@asking.home_option
def tables(target: str, fmt: str, against: Path | None, cell: str, home: str | None) -> None:
    """Audit tables."""
    from repro.audit import deposited
    from repro.audit.report import audit, counted, entries_of
    from repro.render import audit_form, audit_report

    if cell and against is None:
        raise UserError("--cell names the cell of --against FILE", "repro audit --help")
    entries, only = entries_of(target)
    ledger = Ledger.of(places.home(home))
    counts = counted(entries, ledger)
    damage.tell(ledger)
    deposits = deposited.read(against) if against is not None else ()
    report = audit(entries, counts, only, deposits, cell)
    write = {
        "md": audit_report.as_markdown,
        "latex": audit_report.as_latex,
        "json": audit_report.as_json,
        "inspect-sr": audit_form.as_markdown,
    }
    text = write[fmt](report)
    if fmt in ("md", "inspect-sr"):
        screen.say(text.splitlines())
    else:
        click.echo(text, nl=False)


_format = click.option("--format", "fmt", type=click.Choice(["text", "json"]), default="text")
_fraction = click.option("--fraction", is_flag=True, help="The value is printed in 0..1, not in %.")
_runs = click.option(
    "--runs", type=int, default=1, show_default=True, help="Runs averaged in the printed value."
)


@command.command(context_settings=_NUMBERS)
@click.argument("value")
@click.option(
    "--n", type=int, multiple=True, required=True, help="Decisions of one run; repeatable."
)
@_runs
@_fraction
@_format
def accuracy(value: str, n: tuple[int, ...], runs: int, fraction: bool, fmt: str) -> None:
    """Ask whether an accuracy can be the mean of so many runs on n decisions each.

    \b
    Examples:
      repro audit accuracy 75.4 --n 144
      repro audit accuracy 97.44 --n 8732 --n 874 --runs 3
      repro audit accuracy "47.10 ± 1.50" --n 200 --runs 5
      repro audit accuracy 95.6+-0.4 --n 400 --runs 3
      repro audit accuracy .754 --fraction --n 240
    """
    _print(_checked(numbers.accuracy, value, list(n), runs, fraction), fmt)


@command.command(context_settings=_NUMBERS)
@click.argument("value")
@click.option("--n", type=int, help="Pairs; without it, all from 1 to 20 are tried.")
@_format
def p(value: str, n: int | None, fmt: str) -> None:
    """Ask which numbers of pairs can give a p of Wilcoxon's signed-rank test.

    \b
    Examples:
      repro audit p 2.2e-1 --n 10
      repro audit p 0.031
      repro audit p "<.001"
    """
    _print(_checked(numbers.p_value, value, n), fmt)


@command.command(context_settings=_NUMBERS)
@click.argument("values", nargs=-1, required=True)
@_runs
@click.option("--min", "low", type=int, default=50, show_default=True, help="Smallest size.")
@click.option("--max", "high", type=int, default=1000, show_default=True, help="Largest size.")
@_fraction
@_format
def sizes(
    values: tuple[str, ...], runs: int, low: int, high: int, fraction: bool, fmt: str
) -> None:
    """Find the test sizes that several accuracies allow, and how many fit by chance.

    \b
    Examples:
      repro audit sizes 88.52 92.30 96.49 --runs 3 --max 1000
      repro audit sizes 48.67 37.00 --min 100 --max 600
    """
    _print(_checked(numbers.sizes, list(values), runs, low, high, fraction), fmt)


def _checked(ask: Any, *arguments: Any) -> numbers.Answer:
    """Turn a value that is refused into a message."""
    try:
        answer: numbers.Answer = ask(*arguments)
    except ValueError as error:
        raise UserError(str(error), "repro audit --help") from None
    return answer


def _print(answer: numbers.Answer, fmt: str) -> None:
    if fmt == "json":
        click.echo(answer.as_json())
    else:
        screen.say(answer.lines)
