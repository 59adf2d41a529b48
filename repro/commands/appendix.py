"""One document with everything that stands behind the tables of a paper."""

from pathlib import Path
from typing import Any

import click

from repro import places
from repro.commands.shared import asking, writing
from repro.errors import UserError
from repro.spec import catalogue
from repro.spec.entry import Entry


@click.command()
@click.argument("paper", metavar="PAPER|all")
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="DIR", required=True,
              help="Folder for the document, numbers.tex, references.bib, figures/.")  # fmt: skip
@click.option("--format", "fmt", type=click.Choice(["latex", "md"]), default="latex",
              show_default=True, help="Format of the document.")  # fmt: skip
@asking.request_options
@asking.home_option
def command(paper: str, output: Path, fmt: str, home: str | None, **asked: Any) -> None:
    """Write one document: tables, figures, values per seed, statistics, settings, data, runs.

    Trains nothing. numbers.tex gives every number to the running text: after \\input{numbers.tex},
    \\repro{asmrh-speechcommands/t-acc/ASM-RH}.

    \b
    Examples:
      repro appendix asmrh -o appendix-asmrh
      repro appendix all --format md -o appendix
      repro appendix asmrh --profile demo -o appendix-demo
    """
    from repro.render import appendix, numbers

    if str(output) == "-" or (output.exists() and not output.is_dir()):
        raise UserError(f"-o {output} is no folder; an appendix is several files", "-o FOLDER")
    name = f"appendix.{appendix.SUFFIX[fmt]}"
    writing.check(output / name)
    entries = catalogue.load_all(None if paper == "all" else paper)
    grids = writing.grids(entries, asking.request(**asked), places.home(home))
    files: dict[str, str | bytes] = {
        name: appendix.render(grids, _title(entries, paper), fmt),
        "numbers.tex": numbers.render(grids),
        "references.bib": appendix.references(grids),
        **appendix.figures(grids, fmt),
    }
    for file, content in files.items():
        writing.write(content, output / file)


def _title(entries: list[Entry], paper: str) -> str:
    """Return the document's title."""
    if paper == "all":
        return "The tables of four papers, reproduced"
    return f"The tables of {entries[0].paper.short}, reproduced"
