"""`repro runs list`: the recorded trainings, chosen and sorted, under headings."""

import json
from collections.abc import Sequence
from typing import Any

import click

from repro import places
from repro.commands.shared import asking, damage, screen
from repro.errors import unknown
from repro.records import writing
from repro.records.ledger import Ledger

_STATUS = ("complete", "diverged", "failed")
_SORTS = ("run", "system", "on", "score", "seconds", "finished")
_HEADINGS = ("RUN", "EXEC", "STATUS", "PROFILE", "SYSTEM", "ON", "SPLIT", "SEED", "SCORE", "TIME")
_RIGHT = ("SEED", "SCORE", "TIME")
_SPARE = ("EXEC", "PROFILE", "TIME", "STATUS")  # left out first where room lacks


@click.command("list")
@click.option("--system", help="Only trainings of this system.")
@click.option("--on", "dataset", metavar="DATASET", help="Only trainings on this dataset.")
@click.option("--protocol", type=click.Choice(["official", "random", "grouped"]),
              help="Only trainings whose clips are split so.")  # fmt: skip
@click.option("--status", type=click.Choice(_STATUS), help="Only trainings that ended so.")
@click.option("--sort", type=click.Choice(_SORTS), default="run", show_default=True,
              help="Sort by this; score, seconds and finished begin with the highest.")  # fmt: skip
@asking.home_option
@click.option("--format", "fmt", type=click.Choice(["text", "json"]), default="text")
def list_(sort: str, home: str | None, fmt: str, **asked: str | None) -> None:
    """List the records of trainings, and the runs in progress; measurements: repro models.

    \b
    Examples:
      repro runs list
      repro runs list --system m3net --on esc10 --sort score
      repro runs list --status failed
      repro runs list --format json
    """
    where = places.home(home)
    ledger = Ledger.of(where)
    every = list(ledger.rows())
    damage.tell(ledger)
    wanted = {name: value for name, value in asked.items() if value is not None}
    rows = [row for row in every if all(row[name] == value for name, value in wanted.items())]
    for name in ("system", "dataset"):
        _check(name, wanted.get(name), every)
    rows.sort(key=lambda row: _place(row, sort))
    if fmt == "json":
        each = ",\n".join(f" {json.dumps(row)}" for row in rows)  # an indent takes its time
        click.echo(f"[\n{each}\n]" if rows else "[]")
        return
    lines = _lines(rows)
    if not wanted:
        lines += [
            f"{run}  in progress, or interrupted: repro status names the command that continues it"
            for run in writing.in_progress(where.runs)
        ]
    if lines:
        screen.say(lines)
    if not every:
        click.echo(
            "no records; repro table asmrh-speechcommands --profile demo makes some", err=True
        )
    elif not rows:
        click.echo("no record is of this kind", err=True)


def _check(name: str, value: str | None, every: Sequence[dict[str, Any]]) -> None:
    """Refuse a name of which nothing is recorded."""
    recorded = sorted({row[name] for row in every})
    if value is not None and recorded and value not in recorded:
        raise unknown(f"{name} among the records,", value, recorded, "repro runs list")


def _place(row: dict[str, Any], sort: str) -> tuple[Any, ...]:
    """Return what a row is sorted by; equal ones by system, dataset, split, seed."""
    ties = (row["system"], row["dataset"], row["protocol"], row["seed"], row["fold"], row["run"])
    if sort == "score":
        score = _score(row)
        return (score is None, -(score or 0.0), *ties)
    if sort == "seconds":
        return (-row["seconds"], *ties)
    if sort == "finished":
        return (tuple(-ord(letter) for letter in row["finished"] or ""), *ties)
    return (row["dataset"], *ties) if sort == "on" else ties if sort == "system" else (row["run"],)


def _score(row: dict[str, Any]) -> float | None:
    """Return the accuracy on the test clips; where clips have several classes, the mAP."""
    value: float | None = row["test_accuracy"]
    return row["test_map"] if value is None else value


def _lines(rows: Sequence[dict[str, Any]]) -> list[str]:
    """Write the rows as text; where room lacks, what all share is said once above them."""
    if not rows:
        return []
    table = [_cells(row) for row in rows]
    shared = {
        heading: values[0]
        for heading, *values in zip(_HEADINGS, *table, strict=True)
        if len(set(values)) == 1 and heading != "RUN"
    }
    lines, left = screen.columns(_HEADINGS, table, _RIGHT, (*shared, *_SPARE))
    said = ", ".join(f"{name.lower()} {shared[name]}" for name in left if name in shared)
    return [*([f"all: {said}"] if said else []), *(line for one in lines for line in one)]


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    """Return what stands under each heading."""
    unit = "%" if row["test_accuracy"] is not None else "% mAP"
    score = _score(row)
    fold = f" {row['fold'] + 1}/{row['folds']}" if row["folds"] > 1 else ""
    return (
        row["run"], row["execution"], row["status"], row["profile"], row["system"],
        row["dataset"], f"{row['protocol']}{fold}", str(row["seed"]),
        "" if score is None else f"{100 * score:.2f} {unit}", f"{row['seconds']:.0f} s",
    )  # fmt: skip
