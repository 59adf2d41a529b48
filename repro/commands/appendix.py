"""One document with everything that stands behind the tables of a paper."""

from pathlib import Path
from typing import Any

import click

from repro import places
from repro.commands.shared import asking, writing
from repro.errors import UserError
from repro.records.ledger import Ledger
from repro.spec import catalogue


@click.command()
@click.argument("targets", metavar="ID|PAPER|all", nargs=-1, required=True)
@click.option("-o", "--output", type=asking.NamedPath(), metavar="DIR", required=True,
              help="Folder for the document, numbers.tex, references.bib, figures/.")  # fmt: skip
@click.option("--format", "fmt", type=click.Choice(["latex", "md"]), default="latex",
              show_default=True, help="Format of the document.")  # fmt: skip
@asking.request_options
@asking.home_option
def command(
    targets: tuple[str, ...], output: Path, fmt: str, home: str | None, **asked: Any
) -> None:
    """Write one document: tables, figures, values per seed, statistics, settings, data, runs.

    Trains nothing. numbers.tex gives every number to the running text: after \\input{numbers.tex},
    \\repro{asmrh-speechcommands/t-acc/ASM-RH}.

    \b
    Examples:
      repro appendix asmrh -o appendix-asmrh
      repro appendix asmrh-casia asmrh-ravdess -o appendix-two
      repro appendix all --format md -o appendix
      repro appendix asmrh --profile demo -o appendix-demo
    """
    from repro.render import appendix, numbers

    if str(output) == "-" or (output.exists() and not output.is_dir()):
        raise UserError(f"-o {output} is no folder; an appendix is several files", "-o FOLDER")
    name = f"appendix.{appendix.SUFFIX[fmt]}"
    writing.check(output / name)
    where = places.home(home)
    grids = writing.grids(targets, asking.request(**asked), where)
    pictures = appendix.pictures(grids, fmt, Ledger.of(where))
    title = catalogue.covered([grid.plan.entry for grid in grids])
    files: dict[str, str | bytes] = {
        name: appendix.render(grids, title, fmt, pictures),
        "numbers.tex": numbers.render(grids),
        "references.bib": appendix.references(grids),
        **appendix.figures(pictures, fmt),
    }
    for file, content in files.items():
        writing.write(content, output / file)
