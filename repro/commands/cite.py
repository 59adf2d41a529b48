"""BibTeX of tables: their papers, their data, and this suite."""

import json

import click

from repro import places
from repro.commands.shared import asking
from repro.spec import catalogue


@click.command()
@click.argument("targets", metavar="ID|PAPER|all", nargs=-1, required=True)
@click.option("--on", metavar="DATASET", help="The dataset used in place of the tables' own.")
@asking.home_option
@click.option("--format", "fmt", type=click.Choice(["bibtex", "json"]), default="bibtex",
              show_default=True, help="json: each entry by its key.")  # fmt: skip
def command(targets: tuple[str, ...], on: str | None, home: str | None, fmt: str) -> None:
    """Print the BibTeX that tables need: their papers, the data used, this suite.

    \b
    Examples:
      repro cite asmrh-speechcommands
      repro cite eat >> references.bib
      repro cite m3net-urbansound8k --on esc10
    """
    from repro.data import registry
    from repro.render import bibtex

    data = places.home(home).data
    if on is not None:
        registry.card(on, data)
    found = bibtex.of_tables(catalogue.named(targets), data, on)
    if fmt == "json":
        click.echo(json.dumps({bibtex.key(text): text for text in found}, indent=1))
    else:
        click.echo("\n\n".join(found))
