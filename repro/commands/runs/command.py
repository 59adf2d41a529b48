"""Look at recorded runs."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from repro import places
from repro.commands.runs import check, diff, errors, listing, merge, retry, tidy
from repro.commands.shared import asking, damage, screen
from repro.places import Home
from repro.records import learning
from repro.records.ledger import Ledger
from repro.records.record import Epoch, Measurement, Metrics, Record, Training
from repro.verdict import phrases


@click.group()
def command() -> None:
    """Look at recorded runs.

    \b
    Examples:
      repro runs list
      repro runs show b61f6caa
      repro runs path b61f6caa
      repro runs check
      repro runs diff b61f6caa a10e2173
      repro runs retry
      repro runs export results.tar.gz
      repro runs import results.tar.gz
      repro runs prune
      repro runs stale
    """


for _verb in (
    listing.list_,
    check.check,
    diff.diff,
    retry.retry,
    merge.export,
    merge.import_,
    tidy.prune,
    tidy.stale,
):
    command.add_command(_verb)


@command.command()
@click.argument("run")
@asking.home_option
@click.option("--format", "fmt", type=click.Choice(["text", "json"]), default="text")
def show(run: str, home: str | None, fmt: str) -> None:
    """Show what was asked of a run, what came out, and where it fails (an id's start is enough).

    Of the test clips: each class and each group with its counts, balanced accuracy and macro F1,
    what is taken for what, the worst clips; JSON has all of them.

    \b
    Examples:
      repro runs show b61f6caa
      repro runs show b61f6caa --format json
    """
    where = places.home(home)
    ledger = Ledger.of(where)
    records = ledger.find(run)
    damage.tell(ledger)
    if fmt == "json":
        data = [
            {**r.content(), **_learning(r), "path": str(r.path), "epochs": _rows(r),
             "errors": _errors(r, where.data)}
            for r in records
        ]  # fmt: skip
        click.echo(json.dumps(data, indent=1, ensure_ascii=False))
        return
    for number, record in enumerate(records):
        screen.say([*([""] if number else []), *_lines(record, where)])


@command.command()
@click.argument("run")
@asking.home_option
@asking.text_or_json
def path(run: str, home: str | None, fmt: str) -> None:
    """Print the folder of each record of a run.

    \b
    Examples:
      ls $(repro runs path b61f6caa)
    """
    found = Ledger.of(places.home(home)).find(run)
    if fmt == "json":
        rows = [{"run": r.run, "execution": r.execution, "path": str(r.path)} for r in found]
        click.echo(json.dumps(rows, indent=1))
        return
    for record in found:
        click.echo(record.path)


def _errors(record: Record, data: Path) -> dict[str, Any]:
    """Return where a training fails; {} of anything else."""
    from repro.verdict.clips import mistakes

    done = isinstance(record, Training) and record.status == "complete"
    return mistakes.of([record], data) if done and isinstance(record, Training) else {}


def _asked(record: Training, home: Home) -> Iterator[str]:
    """Say what was asked: system, data, protocol, fold, seed, and the command."""
    from repro.data.clips import ClipSource
    from repro.plan.asking import Asked, Tables
    from repro.plan.request import Run

    resolved, clips = record.resolved, record.clips
    yield f"run        {record.run}, execution {record.execution}: {record.status}"
    yield f"system     {record.system} ({record.profile}), seed {record.seed}"
    source = ClipSource.from_dict(clips)
    every = f"({', '.join(source.only)})" if source.only else source.folds
    fold = f", fold {source.fold_name} of {every}" if source.folds > 1 else ""
    split = f"{clips['protocol']}{fold}, split {resolved['split'][:12]}"
    yield f"data       {record.dataset} ({resolved['audio']}), {split}"
    command = record.asked
    if not command:  # records of earlier versions do not say it
        found = Tables(home).asking(Run.of_record(record))
        command = found.command(Run.of_record(record)) if isinstance(found, Asked) else ""
    yield f"asked by   {command or 'no table of this version'}"


def _lines(record: Record, home: Home) -> list[str]:
    """Write a record as text: what was asked, what came out, where and how it was made."""
    if isinstance(record, Measurement):
        return _measured_lines(record)
    resolved, execution = record.resolved, record.described
    changed = " with uncommitted changes" if record.git.dirty else ""
    lines = list(_asked(record, home))
    if record.status == "failed":
        lines.append(f"cause      {record.cause} (traceback in {record.path / 'log.txt'})")
    else:
        lines += _came_out(record)
    lines += [
        f"made       {record.finished}, {record.seconds:.0f} s, commit "
        f"{(record.git.commit or 'unknown')[:12]}{changed}",
        f"on         {execution['device']} ({record.device_name}, "
        f"{execution['instructions']}), {phrases.many(execution['threads'], 'thread')}, torch "
        f"{execution['torch']}, tier {record.tier}",
        *_place(record),
        f"model      {json.dumps(resolved['model'])}",
        f"front end  {json.dumps(resolved['frontend'])}",
        f"recipe     {json.dumps(record.recipe)}",
    ]
    if record.status != "failed":
        lines += ["epoch  loss      weights           valid"]
        lines += [_epoch(row) for row in _epochs(record)]
    lines += errors.lines(_errors(record, home.data))
    return lines


def _epochs(record: Record) -> list[Epoch]:
    """Return the epochs of a training; a failure has none, nor what never started."""
    started = isinstance(record, Training) and record.weights is not None
    return record.epochs() if started and isinstance(record, Training) else []


def _rows(record: Record) -> list[dict[str, Any]]:
    return [row.plain() for row in _epochs(record)]


def _came_out(record: Training) -> Iterator[str]:
    """Say what a training came to; one whose parent diverged was not trained at all."""
    if record.cause:
        yield f"cause      {record.cause}"
    used = record.clips_used
    if used:
        yield f"clips      {', '.join(f'{count:,} {part}' for part, count in used.items())}"
    if record.weights is not None:
        yield (f"selected   epoch {record.best_epoch} of {record.recipe['epochs']} "
               f"({record.recipe['select']}), weights {record.weights}")  # fmt: skip
    yield from _learned(record)
    for part, m in record.metrics.items():
        if m.n:
            auc = "none" if m.auc is None else f"{100 * m.auc:.2f} %"
            absent = f" ({len(m.auc_left_out)} classes absent)" if m.auc_left_out else ""
            ranked = f", macro AUC {auc}{absent}" if m.loss is None else ""
            yield f"{part:<10} {_score(m)}{ranked}"
    if record.parameters is not None:
        yield f"size       {record.parameters:,} parameters"
    yield from (f"check      {finding}" for finding in record.findings)


def _learning(record: Record) -> dict[str, Any]:
    """Return how a training went as plain data; of what was not trained, nothing."""
    return {"learning": asdict(learning.of(record))} if isinstance(record, Training) else {}


def _learned(record: Training) -> Iterator[str]:
    """Say how long it trained and how far it came, and what speaks against its length."""
    went = learning.of(record)
    if went.steps:
        loss = "" if went.loss is None else f", last training loss {went.loss:.3g}"
        yield f"learned    {went.steps:,} steps{loss}"
    yield from (f"           {doubt}" for doubt in went.doubts)


def _place(record: Record) -> list[str]:
    """Say where a record lies, and whether a seal holds its files."""
    held = "sealed" if record.sealed else "unsealed: made before there were seals"
    return [f"folder     {record.path} ({held})"]


def _measured_lines(record: Measurement) -> list[str]:
    """Write a measurement as text; its layer table is what `repro models show` prints."""
    measured = record.content()["measured"]
    if record.of_device:
        return [
            f"measure    {record.run}, execution {record.execution}",
            f"device     {record.device_name}: its rates, by which plans count",
            *(f"{name:<24} {value:.4g}" for name, value in record.measured.rates.items()),
            f"made       {record.finished}",
            *_place(record),
        ]
    return [
        f"measure    {record.run}, execution {record.execution}",
        f"network    {', '.join(record.systems)} on {record.dataset}",
        *(f"{key:<10} {json.dumps(value)}" for key, value in measured.items() if key != "table"),
        f"made       {record.finished}",
        f"on         {record.device_name}",
        *_place(record),
        f"model      {json.dumps(record.resolved['model'])}",
        f"front end  {json.dumps(record.resolved['frontend'])}",
    ]


def _epoch(row: Epoch) -> str:
    if row.loss is None:
        return f"{row.epoch:>5}  diverged (the loss is not a number)"
    score = _score(row.valid) if row.valid.n else "no clips"
    return f"{row.epoch:>5}  {row.loss:<8.5f}  {row.weights}  {score}"


def _score(measured: Metrics) -> str:
    """Write the accuracy of a part as counts; where clips have several classes, the mAP."""
    if measured.loss is not None:
        return f"loss {measured.loss:.5f} of {measured.n:,}"
    if measured.accuracy is None:
        value = "none" if measured.map is None else f"{100 * measured.map:.2f} %"
        return f"mAP {value} of {measured.n:,}"
    share = f"{100 * measured.accuracy:.2f} %"
    return f"accuracy {measured.correct:,} of {measured.n:,} = {share}"
