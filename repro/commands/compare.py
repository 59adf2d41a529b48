"""Say whether our runs reproduce the printed numbers: a verdict for cells, claims and tables."""

import json
from collections.abc import Sequence
from typing import Any

import click

from repro import places
from repro.commands.shared import asking, comparison, screen, several, worth
from repro.commands.shared.comparison import Compared
from repro.errors import UserError, unknown
from repro.places import Home
from repro.plan import marks
from repro.plan.answers import answers
from repro.plan.planning import TablePlan
from repro.records.ledger import Ledger
from repro.render.ladders import formats, sheet
from repro.stats.bootstrap import Resampled
from repro.verdict import components, hits, judge, ladder, reduction, sensitivity
from repro.verdict.declared import attempts, rivals


@click.command()
@click.argument("targets", metavar="ID|PAPER|all", nargs=-1, required=True)
@click.option("--format", "fmt", type=click.Choice(["md", "json"]), default="md", show_default=True,
              help="Format of the report.")  # fmt: skip
@click.option(
    "--fail-on",
    metavar="WORD[,WORD]",
    help="Exit with 1 if a primary cell, a claim or a table has one of the words.",
)
@click.option("--ladder", "axis", metavar="protocol|KEY",
              help="Instead: what a protocol or an assumption is worth, side by side.")  # fmt: skip
@click.option("--components", "parts", is_flag=True,
              help="Instead: what split, training again and clips are worth.")  # fmt: skip
@asking.request_options
@asking.home_option
def command(
    targets: tuple[str, ...],
    fmt: str,
    fail_on: str | None,
    axis: str | None,
    parts: bool,
    home: str | None,
    **asked: Any,
) -> None:
    """Say whether our runs reproduce the printed numbers: cells, claims, tables, and why.

    \b
    Examples:
      repro compare asmrh-speechcommands
      repro compare asmrh --format json
      repro compare all --fail-on DIFFERENT,CONTRADICTED
      repro compare asmrh-speechcommands --assume hfft-axis=time
      repro compare asmrh-urbansound8k --ladder protocol
      repro compare m3net-urbansound8k --components

    \b
    Words of cells and tables: REPRODUCED, COMPATIBLE, DIFFERENT, INCONCLUSIVE, NOT RUN,
    NOT COMPARABLE, NO VERDICT, CITED. Of claims and p-values: CONFIRMED, CONTRADICTED, UNDECIDED.
    In --fail-on a hyphen may stand for the space: NOT-RUN.

    Exit codes: 0, or 1 where --fail-on finds one of its words; 2 usage.
    """
    failing = _words(fail_on)
    request = asking.request(**asked)
    where = places.home(home)
    ledger = Ledger.of(where)
    plans = several.plans(targets, request, where)
    entries = [plan.entry for plan in plans]
    if parts:
        if failing:
            raise UserError("--components gives no verdicts for --fail-on", "leave --fail-on out")
        if axis is not None:
            raise UserError("--components and --ladder exclude each other", "give one of them")
        ladder.check(entries, request, "protocol", "--components")
        made = {entry.id: components.components(entry, request, where, ledger) for entry in entries}
        _show(fmt, worth.components_json(made), worth.component_lines(made, request))
        return
    if axis is not None:
        if failing:
            raise UserError("--ladder gives no verdicts for --fail-on", "leave --fail-on out")
        ladder.check(entries, request, axis, "--ladder")
        ladders = [ladder.ladder(entry, request, where, ledger, axis) for entry in entries]
        _show(fmt, formats.as_data(ladders), sheet.lines(ladders))
        return
    compared = _compare(plans, where, ledger)
    _show(fmt, comparison.as_json(compared), comparison.lines(compared))
    if any(failing & _said(one) for one in compared):
        click.get_current_context().exit(1)


def _words(text: str | None) -> set[str]:
    """Read --fail-on."""
    words = set()
    for part in (text or "").split(",") if text is not None else []:
        word = part.strip().upper().replace("-", " ").replace("_", " ")
        if word not in judge.WORDS:
            raise unknown("word in --fail-on", part.strip(), judge.WORDS, "repro compare --help")
        words.add(word)
    return words


def _compare(plans: Sequence[TablePlan], home: Home, ledger: Ledger) -> list[Compared]:
    """Judge tables, and how their verdicts fare under other choices."""
    records = list(ledger.all())
    compared = []
    for plan in plans:
        measured = reduction.measurements(plan, ledger)
        answered = answers(plan, ledger)
        found = reduction.standing(plan, answered)
        judged = judge.judge(plan, found, measured)
        fared = sensitivity.survey(plan, judged, home, ledger, records)
        drawn: tuple[Resampled | None, ...] = ()
        if not judge.silence(plan):
            claims = plan.entry.table.claim
            drawn = tuple(hits.of_claim(plan, claim, found, home.data) for claim in claims)
        said = [*attempts.lines([(plan, answered)], ledger), *answered.lines()]
        marked = marks.marks(plan, [record for record in found.values() if record is not None])
        pairs = rivals.compare(plan, found)
        compared.append(Compared(plan, judged, fared, marked, drawn, tuple(said), pairs))
    return compared


def _said(compared: Compared) -> set[str]:
    """Return the words of a table, its primary cells and its claims."""
    judged = compared.judged
    cells = {judged.cells[cell].word for cell in judged.primary}
    return {judged.table.word, *cells, *(claim.word for claim in judged.claims)}


def _show(fmt: str, data: Any, lines: Sequence[str]) -> None:
    if fmt == "json":
        click.echo(json.dumps(data, indent=1, ensure_ascii=False))
    else:
        screen.say(lines)
