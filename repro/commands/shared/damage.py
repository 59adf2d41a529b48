"""Say beside an answer that records were left out of it."""

import click

from repro.records import reading
from repro.records.ledger import Ledger


def tell(ledger: Ledger) -> None:
    """Count the damaged records that a ledger has met, on standard error."""
    if text := reading.left_out(ledger.damaged()):
        click.echo(text, err=True)
