"""List the tables, with the hours that each takes on one GPU, and the memory that it needs."""

import dataclasses
import json
from collections.abc import Iterator
from itertools import groupby

import click

from repro import places
from repro.commands.shared import asking, screen
from repro.spec import index
from repro.spec.index import Title

NOTE = """\
Hours are those of all runs of a table on one GPU of the class of an H200: from runs recorded so, \
else from counted operations at half of what its data sheet allows (`repro plan ID` says which; \
`--card NAME` plans for another). GB is what the largest training step \
needs of a card, as counted; `repro plan ID` says what needs less. \
* is the core set: a table of every paper, {hours:.2g} h together, a night on one GPU \
(`repro all --core`). Rivals, the quoted systems that can be trained too, are not in these hours: \
{rivals} in {tables} tables, {rival_hours:,.0f} h more for all{but} (`--with-rivals`)."""


@click.command()
@click.option("--paper", metavar="PAPER", help="Only this paper: asmrh, m3net, gafx, eat.")
@click.option("--core", is_flag=True, help="Only the tables that one GPU trains in a night.")
@asking.home_option
@click.option("--format", "fmt", type=click.Choice(["text", "json"]), default="text")
def command(paper: str | None, core: bool, home: str | None, fmt: str) -> None:
    """List the tables, with the hours that each takes on one GPU, and the memory that it needs.

    Of a home your own tables are read, those of its extensions.

    \b
    Examples:
      repro list
      repro list --paper asmrh
      repro list --core
      repro list --format json
    """
    places.home(home)  # refused here if it is no folder; the option has its extensions read
    titles = [title for title in index.titles(paper) if title.core or not core]
    if fmt == "json":
        rows = [dataclasses.asdict(title) for title in titles]
        for row in rows:
            row["table"] = row.pop("id")
        click.echo(json.dumps(rows, indent=1, ensure_ascii=False))
        return
    screen.say(_lines(titles, with_note=paper is None))


def _lines(titles: list[Title], with_note: bool) -> Iterator[str]:
    """Write the tables under the papers that print them."""
    width = max((len(title.id) for title in titles), default=0)
    for (short, name, year), tables in groupby(
        titles, key=lambda title: (title.paper, title.paper_title, title.year)
    ):
        yield f"{short}: {name} ({year})"
        for title in tables:
            cost = f"{_hours(title):>8} {_card(title):>6}"
            line = f"  {title.id:<{width}}  {title.number:<4} {cost}  {title.title}"
            yield line + _rivals(title)
    if with_note:
        unknown = sum(title.rivals > 0 and title.rival_hours is None for title in titles)
        yield ""
        yield NOTE.format(
            hours=sum(title.hours or 0 for title in titles if title.core),
            rivals=sum(title.rivals for title in titles),
            tables=sum(title.rivals > 0 for title in titles),
            rival_hours=sum(title.rival_hours or 0 for title in titles),
            but=f" but those of {unknown} tables, marked ?" if unknown else "",
        )


def _rivals(title: Title) -> str:
    """Write how many rivals a table has, and what they take beside its own."""
    if not title.rivals:
        return ""
    hours = "?" if title.rival_hours is None else f"{title.rival_hours:g}"
    return f" (+ {title.rivals} rival{'' if title.rivals == 1 else 's'}, {hours} h)"


def _card(title: Title) -> str:
    """Write what a training step needs of a card."""
    return f"{title.card_gb:g} GB" if title.card_gb else ""


def _hours(title: Title) -> str:
    """Write what a table takes, with the mark of the core set."""
    if title.hours is None:
        return "? h "
    return f"{title.hours:g} h{'*' if title.core else ' '}" if title.hours else "-   "
