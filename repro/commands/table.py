"""Reproduce one table: plan, train what is missing, render."""

from pathlib import Path
from typing import Any

import click

from repro import places
from repro.commands.shared import asking, cluster, making, many, several
from repro.errors import UserError


@click.command()
@click.argument("targets", metavar="ID|PAPER|all", nargs=-1, required=True)
@asking.request_options
@asking.device_options
@cluster.options
@making.output_options
@click.option(
    "--ladder",
    "axis",
    metavar="protocol|KEY",
    help="Instead: the choices of a protocol or an assumption, side by side.",
)
@asking.home_option
def command(
    targets: tuple[str, ...], axis: str | None, home: str | None, output: Path | None, **asked: Any
) -> None:
    """Reproduce one table: plan, train what is missing, render.

    Of several, or of a paper, see `repro all`: one line of status for each, and the complete ones.

    \b
    Examples:
      repro table asmrh-speechcommands --profile demo
      repro table asmrh-speechcommands --gpu 0 --format latex -o table1.tex
      repro table asmrh-speechcommands --render-only --format csv
      repro table eat-esc50 --printed
      repro table asmrh --render-only -o tables
      repro table asmrh-speechcommands --dry-run
      repro table asmrh-speechcommands --assume hfft-axis=time --only asm-rh
      repro table asmrh-speechcommands --profile demo --data local --subset
      repro table asmrh-urbansound8k --ladder protocol --gpu 0
      repro table m3net-urbansound8k --on ravdess_speech --ladder protocol
      repro table asmrh-speechcommands --slurm --slurm-option partition=gpu
    """
    how = making.How.of(asked, places.home(home), output)
    entries = several.entries(targets, how.request)
    if axis and len(entries) > 1:
        raise UserError("--ladder is for one table", f"repro compare {targets[0]} --ladder {axis}")
    if axis:
        code = making.climb(entries[0], how, axis, output)
    elif len(entries) == 1:
        code = making.make(entries[0], how, output)
    else:
        code = many.make(entries, how, output)
    click.get_current_context().exit(code)
