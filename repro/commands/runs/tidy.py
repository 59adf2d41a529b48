"""`repro runs prune` and `stale`: what a home could do without, and what no table asks for."""

import json

import click

from repro import places
from repro.commands.shared import asking, damage, screen
from repro.records.ledger import Ledger


@click.command()
@click.option("--yes", is_flag=True, help="Delete; without it nothing is deleted.")
@asking.home_option
@click.option("--format", "fmt", type=click.Choice(["text", "json"]), default="text")
def prune(yes: bool, home: str | None, fmt: str) -> None:
    """Say what this home could do without, with sizes; delete it with --yes. Never a result.

    That is: failed records that stepped aside, work that no process has in hand (its checkpoints
    too), interrupted verifications, and waveforms that no record was made from.

    \b
    Examples:
      repro runs prune
      repro runs prune --yes
    """
    from repro.upkeep import tidy

    where = places.home(home)
    found = tidy.leftovers(where, Ledger.of(where))
    rows = [{"path": str(left.path), "bytes": left.size, "why": left.why} for left in found]
    if yes:
        for left, row in zip(found, rows, strict=True):
            row["deleted"] = tidy.delete(left)
    if fmt == "json":
        click.echo(json.dumps(rows, indent=1))
        return
    for row in rows:
        kept = "kept, in use: " if row.get("deleted") is False else ""
        click.echo(f"{row['bytes']:>15,} bytes  {kept}{row['path']}  ({row['why']})")
    gone = [row for row in rows if row.get("deleted", not yes)]
    total = sum(int(str(row["bytes"])) for row in gone)
    done = "deleted" if yes else "to delete with --yes"
    click.echo(f"{len(gone):,} folders, {total:,} bytes {done}", err=True)


@click.command()
@asking.home_option
@click.option("--format", "fmt", type=click.Choice(["text", "json"]), default="text")
def stale(home: str | None, fmt: str) -> None:
    """List the records that no table of this checkout asks for, each with the reason.

    They are results still: `repro runs show` and `export` know them, `repro runs prune` keeps them.

    \b
    Examples:
      repro runs stale
      repro runs stale --format json
    """
    from repro.upkeep import stale as stale_records

    where = places.home(home)
    ledger = Ledger.of(where)
    records = list(ledger.all())
    damage.tell(ledger)
    found = list(stale_records.stale(records, where))
    if fmt == "json":
        rows = [{"run": r.run, "execution": r.path.name, "why": why} for r, why in found]
        click.echo(json.dumps(rows, indent=1))
        return
    if found:
        screen.say(f"{r.run}/{r.path.name}  {r.status:<8}  {why}" for r, why in found)
    click.echo(f"{len(found):,} of {len(records):,} records are stale", err=True)
