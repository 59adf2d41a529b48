"""`repro runs export` and `import`: results from one ledger to another."""

import json
from pathlib import Path

import click

from repro import places
from repro.commands.shared import asking, damage
from repro.errors import UserError
from repro.records.ledger import Ledger
from repro.records.record import Record

INCOMPLETE = 3


@click.command("export")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, allow_dash=True))
@click.argument("runs", metavar="[RUN...]", nargs=-1)
@click.option("--table", "table_id", metavar="ID", help="The results behind this table.")
@click.option("--weights", is_flag=True, help="Also the kept weights that other runs start from.")
@asking.home_option
def export(
    file: Path, runs: tuple[str, ...], table_id: str | None, weights: bool, home: str | None
) -> None:
    """Write results into one archive (tar.gz): all of this home, some runs, or those of a table.

    The same results give the same bytes; FILE - is standard output. Failed records stay here.

    \b
    Examples:
      repro runs export results.tar.gz
      repro runs export two.tar.gz b61f6caa a10e2173
      repro runs export table1.tar.gz --table asmrh-speechcommands
    """
    from repro.upkeep import merge

    where = places.home(home)
    kept = Ledger([where.runs])
    if runs and table_id:
        raise UserError("RUN and --table exclude each other", "give one of them")
    if table_id:
        chosen = _of_table(table_id, kept, where)
    else:
        chosen = [r for run in runs for r in kept.find(run)] if runs else list(kept.all())
    damage.tell(kept)
    results = [record for record in chosen if record.done]
    if not results:
        raise UserError("there is no result to export", "repro runs list")
    merge.export(results, file, weights)
    left = len(chosen) - len(results)
    also = f"; {left:,} failed records left out" if left else ""
    size = f", {file.stat().st_size:,} bytes" if file.is_file() else ""
    click.echo(f"wrote {file}: {len(results):,} records{size}{also}", err=True)


def _of_table(table_id: str, kept: Ledger, home: places.Home) -> list[Record]:
    """Return the results of a table's runs and measurements, in either profile."""
    from repro.plan.planning import plan_table
    from repro.plan.request import Request
    from repro.spec import catalogue
    from repro.verdict import reduction

    entry = catalogue.load(table_id)
    requests = (Request(), Request(profile="demo", audio="generated"))
    plans = [plan_table(entry, request, home) for request in requests]
    ids = {run.id for plan in plans for run in (*plan.runs, *plan.parents)}
    ids |= {name for plan in plans for name in reduction.measurements(plan, kept)}
    return [record for run in sorted(ids) for record in kept.records(run) if record.done]


@click.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@asking.home_option
@click.option("--format", "fmt", type=click.Choice(["text", "json"]), default="text")
def import_(file: Path, home: str | None, fmt: str) -> None:
    """Add the results of an archive to the ledger; what is there is never replaced.

    Exit code 3 where some were not added: a result of the same run and execution with other bits is
    here (a conflict), or the run is being trained.

    \b
    Examples:
      repro runs import results.tar.gz
      repro runs import results.tar.gz --format json
    """
    from repro.upkeep import merge

    merged = merge.take(file, places.home(home).runs)
    if fmt == "json":
        click.echo(json.dumps(merged.__dict__, indent=1))
    else:
        click.echo(
            f"{len(merged.added):,} added, {len(merged.equal):,} there already, "
            f"{len(merged.agreeing):,} trained here too with the same bits"
        )
        for name in merged.conflicts:
            click.echo(f"conflict: {name} has another result here; it stays as it is", err=True)
        for name in merged.busy:
            click.echo(f"{name} is being trained here; import again later", err=True)
    click.get_current_context().exit(INCOMPLETE if merged.conflicts or merged.busy else 0)
