"""Reproduce one table: plan, train what is missing, render."""

from pathlib import Path
from typing import Any

import click

from repro import places
from repro.commands.shared import asking, cluster, making
from repro.spec import catalogue


@click.command()
@click.argument("table_id", metavar="ID")
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
    table_id: str, axis: str | None, home: str | None, output: Path | None, **asked: Any
) -> None:
    """Reproduce one table: plan, train what is missing, render.

    \b
    Examples:
      repro table asmrh-speechcommands --profile demo
      repro table asmrh-speechcommands --gpu 0 --format latex -o table1.tex
      repro table asmrh-speechcommands --render-only --format csv
      repro table eat-esc50 --printed
      repro table asmrh-speechcommands --dry-run
      repro table asmrh-speechcommands --assume hfft-axis=time --only asm-rh
      repro table asmrh-speechcommands --profile demo --data local --subset
      repro table asmrh-urbansound8k --ladder protocol --gpu 0
      repro table m3net-urbansound8k --on ravdess_speech --ladder protocol
      repro table asmrh-speechcommands --slurm --slurm-option partition=gpu
    """
    how = making.How.of(asked, places.home(home))
    entry = catalogue.load(table_id)
    code = making.climb(entry, how, axis, output) if axis else making.make(entry, how, output)
    click.get_current_context().exit(code)
