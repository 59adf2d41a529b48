"""Say beside an answer that records were left out of it, or audio that cannot be used."""

from pathlib import Path

import click

from repro.commands.shared import suggesting
from repro.data import sources
from repro.records import reading
from repro.records.ledger import Ledger

_TOLD = "repro.unusable"  # in a context's meta: the datasets of which it was told


def tell(ledger: Ledger) -> None:
    """Count the damaged records that a ledger has met, on standard error, and name the way on."""
    if text := reading.left_out(ledger.damaged()):
        click.echo(f"{text}: {suggesting.completed('repro runs check')}", err=True)


def tell_of_audio(data: Path) -> None:
    """Name and count, once a command, the registrations that plans have met and cannot use."""
    bad, meta = sources.unusable(data), click.get_current_context().meta
    if bad and meta.get(_TOLD) != list(bad):
        meta[_TOLD] = list(bad)
        what = "1 registration" if len(bad) == 1 else f"{len(bad)} registrations"
        click.echo(f"{what} of audio cannot be used, and nothing else is stopped:", err=True)
        for error in bad.values():
            step = suggesting.completed(error.next_step or "")
            click.echo(f"  {error.message}: {step}", err=True)
