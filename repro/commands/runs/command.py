"""Look at recorded runs."""

import json
from typing import Any

import click

from repro import places
from repro.commands.runs import diff, merge, retry, tidy
from repro.commands.shared import asking
from repro.records import ledger as ledger_module
from repro.records.ledger import Ledger, Record
from repro.render.records import training


@click.group()
def command() -> None:
    """Look at recorded runs.

    \b
    Examples:
      repro runs list
      repro runs show b61f6caa
      repro runs path b61f6caa
      repro runs rescore
      repro runs diff b61f6caa a10e2173
      repro runs retry
      repro runs export results.tar.gz
      repro runs import results.tar.gz
      repro runs prune
      repro runs stale
    """


for _verb in (
    diff.diff,
    retry.retry,
    merge.export,
    merge.import_,
    tidy.prune,
    tidy.stale,
):
    command.add_command(_verb)


@command.command("list")
@asking.home_option
@click.option("--format", "fmt", type=click.Choice(["text", "json"]), default="text")
def list_(home: str | None, fmt: str) -> None:
    """List the records of trainings, and the runs in progress; measurements: repro models.

    \b
    Examples:
      repro runs list
      repro runs list --format json
    """
    where = places.home(home)
    rows = [training(r) for r in Ledger.of(where).all() if r.data["kind"] == "train"]
    if fmt == "json":
        click.echo(json.dumps(rows, indent=1))
        return
    lines = [_row(row) for row in rows]
    lines += [
        f"{run}  in progress, or interrupted: asking for its table again continues it"
        for run in ledger_module.in_progress(where.runs)
    ]
    if lines:
        click.echo("\n".join(lines))
    if not rows:
        click.echo(
            "no records; repro table asmrh-speechcommands --profile demo makes some", err=True
        )


@command.command()
@click.argument("run")
@asking.home_option
@click.option("--format", "fmt", type=click.Choice(["text", "json"]), default="text")
def show(run: str, home: str | None, fmt: str) -> None:
    """Show what a reviewer would ask of a run (the start of its id is enough).

    \b
    Examples:
      repro runs show b61f6caa
      repro runs show b61f6caa --format json
    """
    records = Ledger.of(places.home(home)).find(run)
    if fmt == "json":
        data = [{**r.data, "path": str(r.path), "epochs": r.epochs()} for r in records]
        click.echo(json.dumps(data, indent=1, ensure_ascii=False))
        return
    click.echo("\n\n".join("\n".join(_lines(record)) for record in records))


@command.command()
@click.argument("run")
@asking.home_option
def path(run: str, home: str | None) -> None:
    """Print the folder of each record of a run.

    \b
    Examples:
      ls $(repro runs path b61f6caa)
    """
    for record in Ledger.of(places.home(home)).find(run):
        click.echo(record.path)


@command.command()
@click.argument("runs", metavar="[RUN...]", nargs=-1)
@asking.home_option
@click.option("--format", "fmt", type=click.Choice(["text", "json"]), default="text")
def rescore(runs: tuple[str, ...], home: str | None, fmt: str) -> None:
    """Compute the metrics again from the stored predictions; exit 1 where a record says otherwise.

    \b
    Examples:
      repro runs rescore
      repro runs rescore b61f6caa --format json
    """
    kept = Ledger.of(places.home(home))
    records = [r for run in runs for r in kept.find(run)] if runs else list(kept.all())
    rows = [_rescored(r) for r in records if (r.path / "predictions.npz").is_file()]
    if fmt == "json":
        click.echo(json.dumps(rows, indent=1))
    else:
        for row in rows:
            word = "equal" if row["equal"] else "DIFFERENT"
            test = _score(row["rescored"]["test"])
            click.echo(f"{row['run']}  {row['execution']}  {word:<9}  test {test}")
    click.get_current_context().exit(0 if all(row["equal"] for row in rows) else 1)


def _rescored(record: Record) -> dict[str, Any]:
    """Return a record's metrics, recomputed, and whether they are those that it states."""
    import numpy as np

    from repro.stats import metrics

    with np.load(record.path / "predictions.npz") as stored:
        found = {
            part: metrics.measure(stored[f"{part}_scores"], stored[f"{part}_labels"])
            for part in ("valid", "test")
        }
    equal = found == record.data["metrics"]
    return {"run": record.run, "execution": record.execution, "equal": equal, "rescored": found}


def _row(row: dict[str, Any]) -> str:
    """Write a record's line in the list as text."""
    value, unit = row["test_accuracy"], "%"
    if value is None:
        value, unit = row["test_map"], "% mAP"
    score = "" if value is None else f"{100 * value:6.2f} {unit}"
    what = f"{row['profile']:<4}  {row['system']:<14} seed {row['seed']}"
    return (
        f"{row['run']}  {row['execution']:<6}  {row['status']:<8}  {what}  {score:<8}  "
        f"{row['dataset']}  {row['seconds']:.0f} s"
    )


def _lines(record: Record) -> list[str]:
    """Write a record as text: what it is, what came out, where and how it was made."""
    if record.data["kind"] == "measure":
        return _measured_lines(record)
    data, resolved, execution = record.data, record.data["resolved"], record.data["execution"]
    commit = data["git"]["commit"] or "unknown"
    changed = " with uncommitted changes" if data["git"]["dirty"] else ""
    lines = [
        f"run        {record.run}, execution {record.execution}: {record.status}",
        f"system     {data['system']} ({data['profile']}), seed {resolved['seed']}",
        f"data       {resolved['dataset']} ({resolved['audio']}), split {resolved['split'][:12]}",
    ]
    if data["status"] == "failed":
        lines.append(f"cause      {data['cause']} (traceback in {record.path / 'log.txt'})")
    else:
        used = data["clips_used"]
        lines += [
            f"clips      {used['train']:,} train, {used['valid']:,} valid, {used['test']:,} test",
            f"selected   epoch {data['best_epoch']} of {resolved['recipe']['epochs']} "
            f"({resolved['recipe']['select']}), weights {data['weights']}",
        ]
        for part, m in data["metrics"].items():
            auc = "none" if m["auc"] is None else f"{100 * m['auc']:.2f} %"
            absent = f" ({len(m['auc_left_out'])} classes absent)" if m["auc_left_out"] else ""
            lines.append(f"{part:<10} {_score(m)}, macro AUC {auc}{absent}")
        lines.append(f"size       {data['parameters']:,} parameters")
        lines += [f"check      {finding}" for finding in data["findings"]]
    lines += [
        f"made       {data['finished']}, {data['seconds']:.0f} s, commit {commit[:12]}{changed}",
        f"on         {execution['device']} ({execution['device_name']}, "
        f"{execution['instructions']}), {execution['threads']} threads, torch "
        f"{execution['torch']}, tier {execution['tier']}",
        f"folder     {record.path}",
        f"model      {json.dumps(resolved['model'])}",
        f"front end  {json.dumps(resolved['frontend'])}",
        f"recipe     {json.dumps(resolved['recipe'])}",
    ]
    if data["status"] != "failed":
        lines += ["epoch  loss      weights           valid"]
        lines += [_epoch(row) for row in record.epochs()]
    return lines


def _measured_lines(record: Record) -> list[str]:
    """Write a measurement as text; its layer table is what `repro models show` prints."""
    data, measured = record.data, record.data["measured"]
    dataset = data["resolved"]["dataset"]
    return [
        f"measure    {record.run}, execution {record.execution}",
        f"network    {', '.join(data['systems'])} on {dataset}",
        *(f"{key:<10} {json.dumps(value)}" for key, value in measured.items() if key != "table"),
        f"made       {data['finished']}",
        f"on         {data['execution']['device_name']}",
        f"folder     {record.path}",
        f"model      {json.dumps(data['resolved']['model'])}",
        f"front end  {json.dumps(data['resolved']['frontend'])}",
    ]


def _epoch(row: dict[str, Any]) -> str:
    if row["loss"] is None:
        return f"{row['epoch']:>5}  diverged (the loss is not a number)"
    return f"{row['epoch']:>5}  {row['loss']:<8.5f}  {row['weights']}  {_score(row['valid'])}"


def _score(measured: dict[str, Any]) -> str:
    """Write the accuracy of a part as counts; where clips have several classes, the mAP."""
    if "accuracy" not in measured:
        value = "none" if measured["map"] is None else f"{100 * measured['map']:.2f} %"
        return f"mAP {value} of {measured['n']:,}"
    share = f"{100 * measured['accuracy']:.2f} %"
    return f"accuracy {measured['correct']:,} of {measured['n']:,} = {share}"
