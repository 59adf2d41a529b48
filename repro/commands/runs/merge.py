"""`repro runs export` and `import`: results from one ledger to another."""

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from repro import atomic, places
from repro.commands.shared import asking, damage
from repro.errors import UserError
from repro.records.ledger import Ledger
from repro.records.record import Measurement, Record, Training
from repro.verdict import phrases

INCOMPLETE = 3


@click.command("export")
@click.argument("file", type=asking.NamedPath(allow_dash=True))
@click.argument("runs", metavar="[RUN...]", nargs=-1)
@click.option("--table", "tables", metavar="ID|PAPER|all", multiple=True,
              help="All results of these tables, whatever they were asked with.")  # fmt: skip
@click.option("--weights", is_flag=True, help="Also the kept weights that other runs start from.")
@click.option("--to", type=click.Choice(["archive", "tensorboard"]), default="archive",
              show_default=True, help="An archive to import elsewhere, or a folder of event files.",
              )  # fmt: skip
@asking.home_option
@asking.text_or_json
def export(
    file: Path,
    runs: tuple[str, ...],
    tables: tuple[str, ...],
    weights: bool,
    to: str,
    home: str | None,
    fmt: str,
) -> None:
    """Write results into one archive (tar.gz): all of this home, some runs, or those of tables.

    The same results give the same bytes; FILE - is standard output. Failed records stay here, and
    rates of this machine unless they are named. The archive describes itself as an RO-Crate. With
    --to tensorboard, FILE is a folder that `tensorboard --logdir` shows: loss, learning rate and
    metrics by epoch.

    With --table: every training that was asked for by `repro table ID`, with whatever options
    (rivals, --on, --folds, --assume, --steps, --set, the demo), or that this table would find; the
    runs that those start from; and what was measured of their networks. The last line says how many
    were written of each kind, and how many were left out.

    \b
    Examples:
      repro runs export results.tar.gz
      repro runs export two.tar.gz b61f6caa a10e2173
      repro runs export table1.tar.gz --table asmrh-speechcommands
      repro runs export logs --to tensorboard --table m3net
    """
    where = places.home(home)
    if runs and tables:
        raise UserError("RUN and --table exclude each other", "give one of them")
    # Everything is what this home made; what is named may be a committed record too.
    kept = Ledger.of(where) if runs or tables else Ledger([where.runs])
    if tables:
        from repro.commands.runs import belonging
        from repro.spec import catalogue

        chosen = belonging.to_tables(catalogue.named(tables), kept, where)
    else:
        chosen = [r for run in runs for r in kept.find(run)] if runs else _made(kept)
    damage.tell(kept)
    results = list({record.name: record for record in chosen if record.done}.values())
    if not results:
        raise UserError("there is no result to export", "repro runs list")
    trained = sum(isinstance(record, Training) for record in results)
    told: dict[str, Any] = {"file": str(file), "records": len(results), "trainings": trained,
                            "measurements": len(results) - trained}  # fmt: skip
    if to == "tensorboard":
        told["event_files"] = _events(results, file)
    else:
        from repro.upkeep import merge

        if file.is_dir():
            raise UserError(f"{file} is a folder", f"repro runs export {file / 'results.tar.gz'}")
        merge.export(results, file, weights)
        told["bytes"] = file.stat().st_size if file.is_file() else None
    told["failed_left_out"] = sum(not record.done for record in chosen)
    told["others_left_out"] = _others(kept, results)
    if fmt == "json":  # not into the archive itself
        click.echo(json.dumps(told, indent=1), err=atomic.standard_output(file))
        return
    click.echo(_said(told), err=True)


def _others(kept: Ledger, results: Sequence[Record]) -> int:
    """Return how many results of a ledger are none of these."""
    return len({record.name for record in kept.all() if record.done} - {r.name for r in results})


def _said(told: dict[str, Any]) -> str:
    """Say what was written, and what was not."""
    text = f"wrote {told['file']}: {phrases.many(told['trainings'], 'training')}"
    text += f", {phrases.many(told['measurements'], 'measurement')}"
    text += f", {told['bytes']:,} bytes" if told.get("bytes") else ""
    text += f", {told['event_files']:,} event files" if "event_files" in told else ""
    for name, what in (("others_left_out", "other record"), ("failed_left_out", "failed record")):
        text += f"; {phrases.many(told[name], what)} left out" if told[name] else ""
    return text


def _events(results: Sequence[Record], folder: Path) -> int:
    """Write event files into a folder; return how many."""
    from repro.upkeep import tensorboard

    if atomic.standard_output(folder) or (folder.exists() and not folder.is_dir()):
        raise UserError(f"{folder} is no folder; event files are several", "name a folder")
    made = tensorboard.files(r for r in results if isinstance(r, Training))
    for name, content in made.items():
        with atomic.output(folder / name) as stream:
            stream.write(content)
    return len(made)


def _made(kept: Ledger) -> list[Record]:
    """Return what this home made, without the rates of its devices: others plan with their own."""
    every = kept.all()
    return [r for r in every if not (isinstance(r, Measurement) and r.of_device)]


@click.command("import")
@click.argument("file", type=asking.NamedPath())
@asking.home_option
@click.option("--format", "fmt", type=click.Choice(["text", "json"]), default="text")
def import_(file: Path, home: str | None, fmt: str) -> None:
    """Add the results of an archive to the ledger; what is there is never replaced.

    Nothing is added where one record is damaged, or its clips contradict the list of its dataset:
    ids and labels, sizes, the split, and what is said of the evidence for its audio; or where
    system, profile or parameters are not those of its run.
    Exit code 3 where some were not added: a result of the same run and execution with other bits is
    here or ships with the suite (a conflict), or the run is being trained.

    \b
    Examples:
      repro runs import results.tar.gz
      repro runs import results.tar.gz --format json
    """
    from repro.upkeep import merge

    where = places.home(home)
    merged = merge.take(file, where.runs, where.data)
    if fmt == "json":
        click.echo(json.dumps(merged.__dict__, indent=1))
    else:
        click.echo(
            f"{len(merged.added):,} added, {len(merged.equal):,} there already, "
            f"{len(merged.agreeing):,} trained here too with the same bits"
        )
        for why, count in Counter(merged.left.values()).items():
            click.echo(f"{phrases.many(count, 'record')}: {why}", err=True)
        for name in merged.conflicts:
            click.echo(f"conflict: {name} has another result here; it stays as it is", err=True)
        for name in merged.busy:
            click.echo(f"{name} is being trained here; import again later", err=True)
    click.get_current_context().exit(INCOMPLETE if merged.conflicts or merged.busy else 0)
