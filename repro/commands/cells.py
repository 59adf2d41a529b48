"""Every cell of tables as one long table, for scripts, or in formats to exchange."""

from pathlib import Path
from typing import Any

import click

from repro import places
from repro.commands.shared import asking, writing
from repro.errors import UserError

FORMATS = ("csv", "json", "hf-eval-results", "every-eval-ever")


@click.command()
@click.argument("targets", metavar="ID|PAPER|all", nargs=-1, required=True)
@asking.request_options
@asking.home_option
@click.option("--format", "fmt", type=click.Choice(FORMATS), default="csv",
              show_default=True, help="One line for each cell, a list, or see above.")  # fmt: skip
@writing.output_option
def command(
    targets: tuple[str, ...],
    home: str | None,
    fmt: str,
    output: Path | None,
    **asked: Any,
) -> None:
    """Print one row per cell: printed, ours, spread, coverage, verdict, runs; trains nothing.

    To exchange, trained cells alone, printed numbers as documentation and ours as runs:
    hf-eval-results is YAML for `.eval_results/` of a model on the Hugging Face hub (results on
    whole datasets that the hub has); every-eval-ever is a folder (-o DIR) of logs of that schema.
    Neither takes numbers of a demo.

    \b
    Examples:
      repro cells all > cells.csv
      repro cells asmrh-speechcommands asmrh-urbansound8k --format json
      repro cells asmrh-speechcommands --profile demo
      repro cells eat-esc50 --only eat-s --format hf-eval-results -o eat-s.yaml
      repro cells m3net --format every-eval-ever -o datastore
    """
    from repro.render import records

    folder = fmt == "every-eval-ever"
    if folder and (output is None or (output.exists() and not output.is_dir())):
        raise UserError(f"{fmt} is a folder of files", "-o FOLDER")
    if output is not None and not folder:
        writing.check(output)
    grids = writing.grids(targets, asking.request(**asked), places.home(home))
    if fmt in ("csv", "json"):
        text = records.as_csv(grids) if fmt == "csv" else records.cells_json(grids)
        writing.write(text, output)
        return
    from repro.render.exchange import every_eval_ever, huggingface, results

    found = results.results(grids)
    if folder and output is not None:
        for name, text in every_eval_ever.files(found, every_eval_ever.now()).items():
            writing.write(text, output / name)
        return
    text, left = huggingface.render(found)
    if left:
        told = ["left out, as none is on a whole dataset of the hub:", *left]
        click.echo("\n  ".join(told), err=True)
    writing.write(text, output)
