"""`repro runs check`: read every record again and name what is damaged."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click

from repro import places
from repro.commands.shared import asking
from repro.errors import UserError
from repro.records import again, writing
from repro.records.ledger import Ledger
from repro.records.reading import Damaged
from repro.records.record import Record

WHOLE, DAMAGED = 0, 1


@dataclass(frozen=True)
class _Checked:
    """A record and what was found of it."""

    name: str
    path: Path
    word: str  # sound, unsealed, damaged; aside: damaged, but another stands in its place
    findings: tuple[str, ...]
    left: str = ""  # why its clips were not compared with the list of its dataset


@click.command()
@click.argument("runs", metavar="[RUN...]", nargs=-1)
@click.option("--seal", is_flag=True, help="Seal the sound records that have no seal yet.")
@asking.home_option
@click.option("--format", "fmt", type=click.Choice(["text", "json"]), default="text")
def check(runs: tuple[str, ...], seal: bool, home: str | None, fmt: str) -> None:
    """Read records again, predictions and kept weights too; exit 1 where one is damaged.

    A record is sound if its ids follow from what it says, its counts and metrics from each other
    and from the stored predictions, its best epoch from its epochs, and its seal (SHA256SUMS) holds
    every file. Its clips are held against the list of its dataset, system and size against the
    tables, and its result against the same run's that ships. What is damaged is left out of every
    table until it is mended or moved away. Records that were made before there were seals are told
    to be unsealed.

    \b
    Examples:
      repro runs check
      repro runs check b61f6caa --format json
      repro runs check --seal
    """
    where = places.home(home)
    ledger = Ledger.of(where, trusting=False)
    found = [_checked(ledger, read, seal, where.data) for read in _chosen(ledger, runs)]
    if fmt == "json":
        rows = [{"record": c.name, "path": str(c.path), "word": c.word, "findings": c.findings,
                 "clips": c.left} for c in found]  # fmt: skip
        click.echo(json.dumps(rows, indent=1))
    else:
        for each in found:
            click.echo("\n".join(_lines(each)))
    counts = {word: sum(each.word == word for each in found) for word in
              ("sound", "unsealed", "damaged", "aside")}  # fmt: skip
    told = ", ".join(f"{count:,} {word}" for word, count in counts.items() if count)
    click.echo(f"{len(found):,} records: {told or 'none here'}", err=True)
    click.get_current_context().exit(DAMAGED if counts["damaged"] else WHOLE)


def _chosen(ledger: Ledger, runs: tuple[str, ...]) -> Iterator[Record | Damaged]:
    """Yield the records of the runs that start so, or all; UserError where there is none."""
    for prefix in runs or [""]:
        there = list(ledger.every(prefix))
        if runs and not there:
            raise UserError(f"no run with an id that starts with {prefix!r}", "repro runs list")
        yield from there


def _checked(ledger: Ledger, read: Record | Damaged, seal: bool, data: Path) -> _Checked:
    """Look into the files of a record that was read, and let the ledger know what is there."""
    from repro.upkeep import listed

    if isinstance(read, Damaged):
        word = "aside" if read.aside else "damaged"
        return _Checked(read.name, read.path, word, read.findings)
    found, left = tuple(again.findings(read)), ""
    if not found:
        there = listed.compared(read, data)
        found, left = there.findings, there.left
    if found:
        ledger.note(read, found)
        return _Checked(read.name, read.path, "damaged", found)
    if seal and not read.sealed:
        writing.seal_up(read)
    word = "sound" if seal or read.sealed else "unsealed"
    return _Checked(read.name, read.path, word, (), left)


def _lines(checked: _Checked) -> Iterator[str]:
    yield f"{checked.name:<20}  {checked.word}"
    for finding in checked.findings:
        yield f"  {finding}"
    if checked.left:
        yield f"  {checked.left}"
    if checked.word == "damaged":
        yield f"  left out of every table; mend it, or move {checked.path} away"
