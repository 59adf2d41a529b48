"""BibTeX of a table's paper and data, and of this suite."""

import click

from repro.spec import catalogue
from repro.spec.index import paper_ids


@click.command()
@click.argument("name", metavar="ID|PAPER|all")
def command(name: str) -> None:
    """Print the BibTeX that a table needs: its paper, its data where a source is known, this suite.

    \b
    Examples:
      repro cite asmrh-speechcommands
      repro cite eat >> references.bib
    """
    from repro.render import bibtex

    if name == "all" or name in paper_ids():
        entries = catalogue.load_all(None if name == "all" else name)
    else:
        entries = [catalogue.load(name)]
    click.echo("\n\n".join(bibtex.of_tables(entries)))
